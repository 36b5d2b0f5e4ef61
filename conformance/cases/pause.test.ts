// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { removeNamespaces } from "../harness/config.ts";
import { cgroupDirOf, hasController, isAlive, PURE_V2, processesOf, readText, sleep, waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

const noFreezer = hasController("freezer") || PURE_V2 ? false : "no freezer of cgroup v1 on this host";

/** What the kernel says of a process's cgroup, in the words of version 1. */
function freezer(pid: number): string {
  const folder = cgroupDirOf(pid, "freezer");
  if (!PURE_V2) return readText(join(folder, "freezer.state")).trim();
  return /^frozen 1$/m.test(readText(join(folder, "cgroup.events"))) ? "FROZEN" : "THAWED";
}

scenario(
  "a paused container stands still, and goes on after resume",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", "i=0; while true; do i=$((i+1)); echo $i > /count; done"];
      config.root.readonly = false;
    });
    const container = box.create(bundle);
    const count = (): number => Number(readFileSync(join(bundle.rootfs, "count"), "utf8"));
    container.start();
    t.ok(
      waitFor(() => {
        try {
          return count() > 0;
        } catch {
          return false;
        }
      }),
      "it counts",
    );
    const paused = box.call(["pause", container.id]);
    t.same([paused.status, paused.output], [0, ""], "pause says nothing");
    t.equal(container.state().status, "paused");
    t.equal(freezer(container.pid), "FROZEN");
    const before = count();
    sleep(100);
    t.equal(count(), before, "nothing runs");
    const resumed = box.call(["resume", container.id]);
    t.same([resumed.status, resumed.output], [0, ""], "resume says nothing");
    t.equal(container.state().status, "running");
    t.equal(freezer(container.pid), "THAWED");
    t.ok(
      waitFor(() => count() > before),
      "it counts on",
    );
  },
  { skip: noFreezer },
);

scenario(
  "pausing what is not running, resuming what is not paused",
  (t, box) => {
    const container = box.running();
    const early = box.call(["resume", container.id]);
    t.equal(early.status, 1);
    t.match(early.output, /container not paused/);
    box.call(["pause", container.id]);
    const twice = box.call(["pause", container.id]);
    t.equal(twice.status, 1);
    t.match(twice.output, /container not running/);
    box.call(["resume", container.id]);
    container.kill();
    container.until("stopped");
    const late = box.call(["pause", container.id]);
    t.equal(late.status, 1);
    t.match(late.output, /container not running/);
    for (const command of ["pause", "resume"]) {
      const missing = box.call([command, box.id()]);
      t.equal(missing.status, 1);
      t.match(missing.output, /container does not exist/);
    }
  },
  { skip: noFreezer },
);

scenario(
  "a created container can be paused, and is created again after resume",
  (t, box) => {
    const container = box.create(() => undefined);
    t.equal(box.call(["pause", container.id]).status, 0);
    t.equal(container.state().status, "paused");
    t.equal(box.call(["resume", container.id]).status, 0);
    t.equal(container.state().status, "created");
  },
  { skip: noFreezer },
);

scenario(
  "processes that fork all the time can be paused",
  (t, box) => {
    const container = box.running((config) => {
      config.process.args = ["sh", "-c", "for n in 1 2 3 4; do while true; do /bin/true & wait; done & done; wait"];
    });
    for (let round = 0; round < 5; round += 1) {
      const paused = box.call(["pause", container.id]);
      t.equal(paused.status, 0, paused.output);
      t.equal(freezer(container.pid), "FROZEN");
      t.equal(box.call(["resume", container.id]).status, 0);
    }
  },
  { skip: noFreezer },
);

scenario(
  "SIGKILL and delete --force end a paused container",
  (t, box) => {
    const killed = box.running();
    box.call(["pause", killed.id]);
    t.equal(killed.kill("KILL").status, 0);
    t.ok(
      waitFor(() => !isAlive(killed.pid)),
      "it ends at once",
    );
    const removed = box.running();
    box.call(["pause", removed.id]);
    const done = removed.remove("--force");
    t.equal(done.status, 0, done.output);
    t.notOk(isAlive(removed.pid));
    t.same(processesOf(removed.id), []);
  },
  { skip: noFreezer },
);

scenario(
  "a container that is frozen together with its parent cgroup is not paused itself",
  (t, box) => {
    const container = box.running();
    const parent = join(cgroupDirOf(container.pid, "freezer"), "..");
    const [file, on, off] = PURE_V2 ? ["cgroup.freeze", "1", "0"] : ["freezer.state", "FROZEN", "THAWED"];
    box.atClose(() => writeFileSync(join(parent, file), off));
    writeFileSync(join(parent, file), on);
    t.ok(waitFor(() => freezer(container.pid) === "FROZEN"));
    t.equal(container.state().status, "running", "its own cgroup was not frozen");
  },
  { skip: noFreezer || (!IS_RUNT && !PURE_V2 && "runc 1.1 says paused") },
);

scenario(
  "kill --all without SIGKILL leaves a paused container paused: the signal comes when it is resumed",
  (t, box) => {
    const container = box.create((config) => {
      removeNamespaces(config, "pid");
      config.process.args = ["sh", "-c", "trap 'echo told; exit 0' USR1; echo ready; while :; do sleep 0.1; done"];
    });
    container.start();
    const said = (): string => readText(container.made.stdoutPath);
    t.ok(waitFor(() => said() === "ready\n"));
    t.equal(box.call(["pause", container.id]).status, 0);
    t.equal(box.call(["kill", "--all", container.id, "USR1"]).status, 0);
    t.equal(container.state().status, "paused");
    t.equal(said(), "ready\n");
    t.equal(box.call(["resume", container.id]).status, 0);
    t.ok(waitFor(() => said() === "ready\ntold\n"));
    t.equal(box.call(["kill", "--all", container.id, "KILL"]).status, 0);
  },
  { skip: noFreezer || notFor("runc", "1.1 thaws it; 1.2 and later leave it paused") },
);

scenario(
  "kill --all with SIGKILL ends a paused container",
  (t, box) => {
    const container = box.running((config) => removeNamespaces(config, "pid"));
    box.call(["pause", container.id]);
    t.equal(box.call(["kill", "--all", container.id, "KILL"]).status, 0);
    t.ok(waitFor(() => !isAlive(container.pid)));
  },
  { skip: noFreezer },
);
