// SPDX-License-Identifier: Apache-2.0
import { scenario, type Box, type Bundle } from "../harness/box.ts";
import { waitFor } from "../harness/host.ts";
import { IS_RUNT, runtOnly } from "../harness/runtime.ts";

/** How many calls of `create` are killed; `RUNT_KILL_ROUNDS` for more than in every run. */
const ROUNDS = Number(process.env["RUNT_KILL_ROUNDS"] ?? 60);
/** Longest delay before SIGTERM, in milliseconds: a little more than a whole `create` takes. */
const LONGEST = IS_RUNT ? 18 : 60;

/** How long a `create` takes here, with a little more; milliseconds. */
function timeOfCreate(box: Box, bundle: Bundle): number {
  let shortest = Infinity;
  for (let round = 0; round < 3; round += 1) {
    const id = box.id();
    const began = performance.now();
    box.call(["create", "--bundle", bundle.dir, id]);
    shortest = Math.min(shortest, performance.now() - began);
    box.call(["delete", "--force", id]);
  }
  return shortest * 1.1;
}

scenario(
  "kill -9 of the runtime at any moment of create: delete --force removes everything",
  async (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sleep", "1000"];
      delete config.linux.cgroupsPath;
      config.linux.cgroupsPath = `${box.cgroup}/killed`;
    });
    const longest = timeOfCreate(box, bundle);
    let stopped = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = box.id();
      const running = box.begin(["create", "--bundle", bundle.dir, id]);
      await new Promise((settle) => setTimeout(settle, (longest * round) / ROUNDS));
      running.child.kill("SIGKILL");
      const done = await running.ended;
      if (done.status !== 0) stopped += 1;
      const removed = box.call(["delete", "--force", id]);
      t.equal(removed.status, 0, `round ${round}: ${removed.output}`);
      const again = box.call(["state", id]);
      t.equal(again.status, 1, "it is gone");
      // What was cloned a moment before the kill has yet to find that its runtime is gone.
      waitFor(() => box.leftovers().length === 0);
      t.same(box.leftovers(), [], `round ${round} leaves nothing`);
    }
    t.ok(stopped > ROUNDS / 10, `${stopped} of ${ROUNDS} were killed in time`);
    t.comment(`${stopped} of ${ROUNDS} were killed before the end, up to ${longest.toFixed(1)} ms after the start`);
    // What delete could not know of: a cgroup that was made before the state was written.
    const done = box.call(["run", "--bundle", bundle.dir, "--detach", box.id()]);
    t.equal(done.status, 0, `the same bundle starts afterwards: ${done.output}`);
  },
  {
    timeout: 2000 * ROUNDS,
    skip: runtOnly("makes the cgroup before it writes where it is: a kill between the two leaves it"),
  },
);

scenario("kill -9 of a foreground run: the container can be removed", async (t, box) => {
  const id = box.id();
  const bundle = box.bundle((config) => void (config.process.args = ["sh", "-c", "echo ready; sleep 1000"]));
  const running = box.begin(["run", "--bundle", bundle.dir, id]);
  for (let tries = 0; tries < 200 && box.call(["state", id]).stdout.includes('"running"') === false; tries += 1) {
    await new Promise((settle) => setTimeout(settle, 10));
  }
  running.child.kill("SIGKILL");
  await running.ended;
  t.equal(box.call(["delete", "--force", id]).status, 0);
  t.same(box.leftovers(), []);
});

scenario("SIGTERM during create: nothing is left, or a container that can be deleted", async (t, box) => {
  const bundle = box.bundle((config) => void (config.process.args = ["sleep", "1000"]));
  for (let round = 0; round < 10; round += 1) {
    const id = box.id();
    const running = box.begin(["create", "--bundle", bundle.dir, id]);
    await new Promise((settle) => setTimeout(settle, (LONGEST * round) / 10));
    running.child.kill("SIGTERM");
    await running.ended;
    t.equal(box.call(["delete", "--force", id]).status, 0);
  }
});
