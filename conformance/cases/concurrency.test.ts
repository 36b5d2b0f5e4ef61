// SPDX-License-Identifier: Apache-2.0
/** Two runtimes at work on one container, and runtimes that end in the middle of `start`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import { readText, waitFor } from "../harness/host.ts";
import { IS_RUNT, runtOnly } from "../harness/runtime.ts";

function statusOf(box: Box, id: string): string {
  const { stdout } = box.call(["state", id]);
  return /"status": "(\w+)"/.exec(stdout)?.[1] ?? "none";
}

const sleeps: Edit = (config) => void (config.process.args = ["sleep", "1000"]);

/** Its startContainer hook takes `seconds`. */
function withHook(seconds: number): Edit {
  return (config) => {
    sleeps(config);
    config.hooks = { startContainer: [{ path: "/bin/sleep", args: ["sleep", String(seconds)] }] };
  };
}

scenario("delete --force ends a foreground run, which gives the status of a killed process", async (t, box) => {
  const id = box.id();
  const running = box.begin(["run", "--bundle", box.bundle(sleeps).dir, id]);
  waitFor(() => statusOf(box, id) === "running");
  const removed = box.call(["delete", "--force", id]);
  t.equal(removed.status, 0, removed.output);
  t.equal((await running.ended).status, 137);
});

scenario(
  "while a startContainer hook runs the container is created, and no second start waits",
  async (t, box) => {
    const container = box.create(withHook(1));
    const starting = box.begin(["start", container.id]);
    await new Promise((settle) => setTimeout(settle, 300));
    t.equal(statusOf(box, container.id), "created");
    t.equal((await starting.ended).status, 0);
    t.equal(statusOf(box, container.id), "running");
  },
  { skip: runtOnly("runc says running as soon as start was called") },
);

scenario(
  "kill -9 of a start in a startContainer hook: the program runs, and nobody waits for ever",
  async (t, box) => {
    const container = box.create(withHook(1));
    const starting = box.begin(["start", container.id]);
    await new Promise((settle) => setTimeout(settle, 400));
    starting.child.kill("SIGKILL");
    await starting.ended;
    const again = box.call(["start", container.id]);
    t.equal(again.status, 1);
    waitFor(() => statusOf(box, container.id) === "running");
    t.equal(box.call(["delete", container.id]).status, 1, "a running container is not deleted without --force");
  },
  { skip: runtOnly("runc 1.1 starts a container twice then") },
);

scenario(
  "delete --force of a container whose startContainer hook hangs",
  async (t, box) => {
    const container = box.create(withHook(1000));
    const starting = box.begin(["start", container.id]);
    await new Promise((settle) => setTimeout(settle, 400));
    const removed = box.call(["delete", "--force", container.id]);
    t.equal(removed.status, 0, removed.output);
    t.not((await starting.ended).status, 0, "the start has failed");
  },
  { skip: runtOnly("runc leaves the hook's cgroup") },
);

scenario(
  "an init that is killed before its program runs has not been started",
  async (t, box) => {
    const container = box.create((config) => {
      withHook(1000)(config);
      config.hooks = { ...config.hooks, poststart: [{ path: "/bin/false", args: ["false"] }] };
    });
    const starting = box.begin(["start", container.id]);
    await new Promise((settle) => setTimeout(settle, 400));
    t.equal(box.call(["kill", container.id, "KILL"]).status, 0);
    const done = await starting.ended;
    t.equal(done.status, 1);
    t.match(done.output, "killed before it could execute the program");
  },
  { skip: runtOnly("runc's start cannot tell") },
);

scenario(
  "delete --force of a container with a damaged record takes its processes and cgroups too",
  (t, box) => {
    const container = box.create(sleeps);
    writeFileSync(join(box.root, container.id, "state.json"), "{");
    t.match(box.call(["state", container.id]).output, "state.json is damaged");
    t.equal(box.call(["delete", container.id]).status, 1);
    const removed = box.call(["delete", "--force", container.id]);
    t.equal(removed.status, 0, removed.output);
  },
  { skip: runtOnly("runc leaves them") },
);

scenario(
  "a reader of the state never makes a create fail",
  async (t, box) => {
    const ids = Array.from({ length: 12 }, () => box.id());
    const readers = ids.map((id) => box.begin(["state", id]));
    // Each with a bundle of its own, and so with a cgroup of its own.
    const makers = ids.map((id) => box.begin(["create", "--bundle", box.bundle(sleeps).dir, id]));
    for (let round = 0; round < 40; round += 1) box.call(["list", "-q"]);
    for (const reader of readers) await reader.ended;
    for (const maker of makers) {
      const made = await maker.ended;
      t.equal(made.status, 0, made.output);
    }
    for (const id of ids) t.equal(box.call(["delete", "--force", id]).status, 0);
  },
  { timeout: 60_000 },
);

scenario("a namespace of another type is refused before anything is made", (t, box) => {
  const made = box.tryCreate(
    box.bundle((config) => {
      sleeps(config);
      const { namespaces = [] } = config.linux;
      config.linux.namespaces = namespaces.filter(({ type }) => type !== "network");
      config.linux.namespaces.push({ type: "network", path: "/proc/self/ns/uts" });
    }),
  );
  t.equal(made.status, 1);
  // runc leaves it to setns(2), which names neither.
  if (IS_RUNT) t.match(made.output, "linux.namespaces[4].path: /proc/self/ns/uts is not");
});

scenario(
  "a failed startContainer hook of a run is followed by the poststop hooks",
  (t, box) => {
    const mark = box.path("poststop");
    const id = box.id();
    const bundle = box.bundle((config) => {
      sleeps(config);
      config.hooks = {
        startContainer: [{ path: "/bin/false", args: ["false"] }],
        poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo ran >${mark}`] }],
      };
    });
    t.equal(box.call(["run", "--bundle", bundle.dir, id]).status, 1);
    t.equal(readText(mark).trim(), "ran");
  },
  { skip: runtOnly("runc runs them at delete only") },
);
