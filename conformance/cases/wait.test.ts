// SPDX-License-Identifier: Apache-2.0
import { scenario } from "../harness/box.ts";
import { hasLimits, readText, waitFor } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

const MIB = 1 << 20;
const skip = runtOnly("has no such command");
const noMemory = hasLimits("memory") ? false : "no memory controller on this host";
/** The first process itself is what the kernel kills. */
const GREEDY = ["sh", "-c", "x=aaaaaaaaaaaaaaaa; sleep 0.3; while true; do x=$x$x; done"];

scenario(
  "wait for a container of a foreground run, whose parent reaps it at once",
  async (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", "sleep 2; exit 7"];
    });
    const id = box.id();
    const run = box.begin(["run", "--bundle", bundle.dir, id]);
    t.ok(waitFor(() => box.call(["state", id]).stdout.includes('"running"')));
    const done = box.call(["wait", id]);
    t.same([done.status, done.stdout], [0, "exit status 7\n"], done.output);
    t.equal((await run.ended).status, 7);
  },
  { skip },
);

scenario(
  "wait for a container that is ended by a signal, as JSON",
  async (t, box) => {
    const container = box.running();
    const wait = box.begin(["wait", "--format", "json", container.id]);
    box.call(["state", container.id]);
    container.kill("KILL");
    const done = await wait.ended;
    t.equal(done.status, 0, done.stderr);
    t.same(JSON.parse(done.stdout), { exitCode: 137, signal: 9, oomKilled: false });
  },
  { skip },
);

scenario(
  "wait for a container that is only created, and then started",
  async (t, box) => {
    const container = box.create((config) => {
      config.process.args = ["sh", "-c", "exit 3"];
    });
    const wait = box.begin(["wait", container.id]);
    container.start();
    t.equal((await wait.ended).stdout, "exit status 3\n");
  },
  { skip },
);

scenario(
  "the OOM killer is named by wait and by run",
  async (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = GREEDY;
      config.linux.resources = { ...config.linux.resources, memory: { limit: 16 * MIB, swap: 16 * MIB } };
    });
    const id = box.id();
    const run = box.begin(["run", "--bundle", bundle.dir, id]);
    t.ok(waitFor(() => box.call(["state", id]).stdout.includes('"running"')));
    const done = box.call(["wait", "--format", "json", id]);
    t.same(JSON.parse(done.stdout), { exitCode: 137, signal: 9, oomKilled: true }, done.output);
    const ended = await run.ended;
    t.equal(ended.status, 137);
    t.match(ended.stderr, /ended by SIGKILL, and the OOM killer has killed 1 of its processes/);
  },
  { skip: skip || noMemory },
);

scenario(
  "the OOM killer is named where the process had ended before wait was called, and is not reaped",
  async (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = [
        "sh",
        "-c",
        "trap go=1 USR1; while test -z $go; do sleep 0.05; done; x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done",
      ];
      config.linux.resources = { ...config.linux.resources, memory: { limit: 16 * MIB, swap: 16 * MIB } };
    });
    const id = box.id();
    const run = box.begin(["run", "--bundle", bundle.dir, id]);
    t.ok(waitFor(() => box.call(["state", id]).stdout.includes('"running"')));
    const { pid } = JSON.parse(box.call(["state", id]).stdout) as { pid: number };
    // Its parent cannot reap it now.
    run.child.kill("SIGSTOP");
    const isZombie = (): boolean => /^\d+ \(.*\) Z/.test(readText(`/proc/${pid}/stat`));
    t.ok(
      waitFor(() => {
        box.call(["kill", "--all", id, "USR1"]);
        return isZombie();
      }),
    );
    const done = box.call(["wait", "--format", "json", id]);
    run.child.kill("SIGCONT");
    t.same(JSON.parse(done.stdout), { exitCode: 137, signal: 9, oomKilled: true }, done.output);
    t.equal((await run.ended).status, 137);
  },
  { skip: skip || noMemory },
);

scenario(
  "wait of what is not there, and a format that is none",
  (t, box) => {
    const missing = box.call(["wait", box.id()]);
    t.equal(missing.status, 1);
    t.match(missing.output, /container does not exist/);
    const container = box.running();
    const wrong = box.call(["wait", "--format", "xml", container.id]);
    t.equal(wrong.status, 1);
    t.match(wrong.output, /invalid format option/);
  },
  { skip },
);
