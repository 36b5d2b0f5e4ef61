// SPDX-License-Identifier: Apache-2.0
/** SIGHUP, SIGINT and SIGTERM end a command at whatever it waits for: nothing of it is left, and its status is 128 and the signal. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import type { HookKind } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { cgroupDirOf, cgroupDirsUnder, isAlive, PURE_V2, readText, statusField, tryKill, waitFor } from "../harness/host.ts";
import { runtOnly, type Result, type Running } from "../harness/runtime.ts";

const skip = runtOnly("waits on");
const STATUS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;
/** A command may take that long to end; milliseconds. It is much for a machine that is busy. */
const PATIENCE = 8000;

/** Ends a command by a signal; "it goes on" if that does not. */
async function end(running: Running, signal: keyof typeof STATUS): Promise<Result | "it goes on"> {
  running.child.kill(signal);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"it goes on">((settle) => (timer = setTimeout(settle, PATIENCE, "it goes on")));
  const first = await Promise.race([running.ended, late]);
  clearTimeout(timer);
  return first;
}

function statusOf(result: Result | "it goes on"): number | string {
  return typeof result === "string" ? result : result.status;
}

/** The container's processes, as the host numbers them. */
function pidsOf(box: Box, id: string): number[] {
  return JSON.parse(box.call(["ps", "--format", "json", id]).stdout || "[]") as number[];
}

function nameOf(pid: number): string {
  return readText(`/proc/${pid}/comm`).trim();
}

/** Names of the container's processes. */
function namesOf(box: Box, id: string): string[] {
  return pidsOf(box, id).map(nameOf);
}

/**
 * Begins execs until /stopper has stopped one before its program runs: on a busy machine it may come too late. Undefined if
 * it came too late every time.
 */
async function stoppedExec(box: Box, id: string, flags: readonly string[]): Promise<Running | undefined> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const running = box.begin(["exec", ...flags, id, "true"]);
    let over = false;
    void running.ended.then(() => (over = true));
    for (let missed = false; !missed;) {
      await new Promise((settle) => setTimeout(settle, 20));
      const joined = pidsOf(box, id).filter((pid) => nameOf(pid).startsWith("runt:"));
      if (joined.some((pid) => statusField(pid, "State").startsWith("T"))) return running;
      const late = pidsOf(box, id).filter((pid) => nameOf(pid) === "true");
      for (const pid of late) tryKill(pid);
      missed = late.length > 0 || (over && joined.length === 0);
    }
    await running.ended;
  }
  return undefined;
}

for (const signal of SIGNALS) {
  scenario(
    `${signal} ends an exec whose process root of the container has stopped`,
    async (t, box) => {
      const container = box.running((config) => {
        config.process.args = ["/stopper"];
        config.mounts.push({ destination: "/stopper", type: "bind", source: helper("helpers/stopper.c"), options: ["bind"] });
        config.root.readonly = false;
      });
      for (const flags of [[], ["--detach"]]) {
        const running = await stoppedExec(box, container.id, flags);
        t.ok(running, "it has joined, and stands still");
        if (running === undefined) return;
        const done = await end(running, signal);
        t.equal(statusOf(done), STATUS[signal], typeof done === "string" ? done : done.output);
        t.ok(
          waitFor(() => namesOf(box, container.id).every((name) => name === "stopper")),
          "its process is gone",
        );
      }
      t.equal(container.state().status, "running", "the container goes on");
    },
    { skip },
  );
}

scenario(
  "SIGTERM ends an exec in a frozen container, and its program never runs",
  async (t, box) => {
    const container = box.running((config) => void (config.root.readonly = false));
    const [file, on, off] = PURE_V2 ? ["cgroup.freeze", "1", "0"] : ["freezer.state", "FROZEN", "THAWED"];
    const state = join(cgroupDirOf(container.pid, "freezer"), file);
    writeFileSync(state, on);
    const thaw = (): void => (existsSync(state) ? writeFileSync(state, off) : undefined);
    box.atClose(thaw);
    t.ok(waitFor(() => container.state().status === "paused"));
    const running = box.begin(["exec", "--ignore-paused", container.id, "touch", "/ran"]);
    await new Promise((settle) => setTimeout(settle, 500));
    t.equal(statusOf(await end(running, "SIGTERM")), 143);
    thaw();
    t.ok(
      waitFor(() => namesOf(box, container.id).join() === "sleep"),
      "nothing else is left in the container",
    );
    t.notOk(existsSync(join(container.bundle.rootfs, "ran")));
  },
  { skip },
);

/** A hook that hangs, and says so in a file on the host. */
function hanging(kind: HookKind, mark: string): Edit {
  const inside = kind === "createContainer" || kind === "startContainer";
  const args = inside ? ["sleep", "1000"] : ["sh", "-c", `echo 1 >${mark}; exec sleep 1000`];
  return (config) => {
    config.process.args = ["sleep", "1000"];
    config.hooks = { [kind]: [{ path: inside ? "/bin/sleep" : "/bin/sh", args, env: ["PATH=/usr/bin:/bin"] }] };
  };
}

const CREATES: readonly (readonly [string, readonly string[], readonly HookKind[]])[] = [
  ["create", [], ["prestart", "createRuntime", "createContainer"]],
  ["run", [], ["createRuntime", "createContainer", "startContainer", "poststart"]],
  ["run", ["--detach"], ["createRuntime", "createContainer", "startContainer", "poststart"]],
];

for (const [command, flags, kinds] of CREATES) {
  scenario(
    `SIGTERM ends ${[command, ...flags].join(" ")} while a hook hangs, and takes all back`,
    async (t, box) => {
      for (const kind of kinds) {
        const mark = box.path("mark");
        const running = box.begin([command, ...flags, "--bundle", box.bundle(hanging(kind, mark)).dir, box.id()]);
        t.ok(
          waitFor(() => existsSync(mark) || kind.endsWith("Container")),
          `${kind}: it hangs`,
        );
        await new Promise((settle) => setTimeout(settle, 500));
        const done = await end(running, "SIGTERM");
        t.equal(statusOf(done), 143, kind);
        t.match(typeof done === "string" ? done : done.stderr, /ended by signal 15/);
        t.ok(
          waitFor(() => box.leftovers().length === 0),
          `${kind}: ${box.leftovers().join()}`,
        );
      }
    },
    { skip },
  );
}

scenario(
  "two signals at once are one wish: all is taken back",
  async (t, box) => {
    const mark = box.path("mark");
    const running = box.begin(["create", "--bundle", box.bundle(hanging("createRuntime", mark)).dir, box.id()]);
    t.ok(waitFor(() => existsSync(mark)));
    running.child.kill("SIGINT");
    t.equal(statusOf(await end(running, "SIGTERM")) === 143 || (await running.ended).status === 130, true);
    t.ok(
      waitFor(() => box.leftovers().length === 0),
      box.leftovers().join(),
    );
  },
  { skip },
);

scenario(
  "SIGTERM ends a create whose cgroup somebody has frozen",
  async (t, box) => {
    const mark = box.path("mark");
    const id = box.id();
    const running = box.begin(["create", "--bundle", box.bundle(hanging("createRuntime", mark)).dir, id]);
    t.ok(waitFor(() => existsSync(mark)));
    const [name, on] = PURE_V2 ? ["cgroup.freeze", "1"] : ["freezer.state", "FROZEN"];
    const own = cgroupDirsUnder(box.cgroup).filter((each) => !each.endsWith(box.cgroup) && existsSync(join(each, name)));
    t.equal(own.length, 1, own.join());
    for (const each of own) writeFileSync(join(each, name), on);
    t.equal(statusOf(await end(running, "SIGTERM")), 143);
    t.ok(
      waitFor(() => box.leftovers().length === 0),
      box.leftovers().join(),
    );
  },
  { skip },
);

scenario(
  "SIGTERM ends a start that waits for an init that stands still: the container stays created",
  async (t, box) => {
    const container = box.create((config) => void (config.process.args = ["echo", "ran"]));
    process.kill(container.pid, "SIGSTOP");
    const running = box.begin(["start", container.id]);
    await new Promise((settle) => setTimeout(settle, 500));
    // Init has the FIFO open already, or not: it has not been let go before it reads.
    const done = await end(running, "SIGTERM");
    t.equal(statusOf(done), 143);
    if (isAlive(container.pid)) process.kill(container.pid, "SIGCONT");
    t.equal(container.state().status, "created");
    t.equal(container.finish(), "ran\n", "and can be started");
  },
  { skip },
);

scenario(
  "SIGTERM ends a start in a hook that hangs, and with it the container",
  async (t, box) => {
    for (const kind of ["startContainer", "poststart"] as const) {
      const mark = box.path("mark");
      const container = box.create(hanging(kind, mark));
      const running = box.begin(["start", container.id]);
      t.ok(
        waitFor(() => existsSync(mark) || kind === "startContainer"),
        `${kind}: it hangs`,
      );
      await new Promise((settle) => setTimeout(settle, 500));
      t.equal(statusOf(await end(running, "SIGTERM")), 143, kind);
      t.ok(
        waitFor(() => box.leftovers().length === 0),
        `${kind}: ${box.leftovers().join()}`,
      );
    }
  },
  { skip },
);

scenario(
  "SIGTERM ends a delete, and the end of a run, in a poststop hook that hangs",
  async (t, box) => {
    const mark = box.path("mark");
    const container = box.create(hanging("poststop", mark));
    const deleting = box.begin(["delete", "--force", container.id]);
    t.ok(waitFor(() => existsSync(mark)));
    t.equal(statusOf(await end(deleting, "SIGTERM")), 143);
    t.ok(
      waitFor(() => box.leftovers().length === 0),
      box.leftovers().join(),
    );
    const again = box.path("again");
    const bundle = box.bundle((config) => {
      hanging("poststop", again)(config);
      config.process.args = ["sh", "-c", "exit 5"];
    });
    const running = box.begin(["run", "--bundle", bundle.dir, box.id()]);
    t.ok(waitFor(() => existsSync(again)));
    const done = await end(running, "SIGTERM");
    t.equal(statusOf(done), 5, "the program's own status is known");
    t.match(typeof done === "string" ? done : done.stderr, /poststop hook|ended by signal 15/);
    t.ok(
      waitFor(() => box.leftovers().length === 0),
      box.leftovers().join(),
    );
  },
  { skip },
);

scenario(
  "nohup: SIGHUP does not end a create that is to outlive a terminal",
  async (t, box) => {
    const mark = box.path("mark");
    const bundle = box.bundle(hanging("createRuntime", mark));
    const running = box.begin(["create", "--bundle", bundle.dir, box.id()], { wrap: ["nohup"] });
    t.ok(waitFor(() => existsSync(mark)));
    running.child.kill("SIGHUP");
    await new Promise((settle) => setTimeout(settle, 300));
    t.equal(statusOf(await end(running, "SIGTERM")), 143);
  },
  { skip },
);

scenario(
  "a console socket that nobody accepts from: an error in time, and SIGTERM before",
  async (t, box) => {
    const socket = box.path("console");
    const out = box.path("deaf");
    const fd = openSync(out, "a");
    const peer = spawn(helper("helpers/deaf.c"), ["stream", socket], { stdio: ["ignore", fd, "inherit"] });
    closeSync(fd);
    box.atClose(() => peer.kill("SIGKILL"));
    t.ok(waitFor(() => readText(out) === "ready\n"));
    const bundle = box.bundle((config) => {
      config.process.terminal = true;
      config.process.args = ["true"];
    });
    const create = ["create", "--bundle", bundle.dir, "--console-socket", socket];
    const running = box.begin([...create, box.id()]);
    await new Promise((settle) => setTimeout(settle, 500));
    t.equal(statusOf(await end(running, "SIGTERM")), 143);
    const made = box.call([...create, box.id()], { timeout: 25_000 });
    t.equal(made.status, 1, made.output);
    t.match(made.stderr, /connect to --console-socket/);
    peer.kill("SIGKILL");
    t.ok(
      waitFor(() => box.leftovers().length === 0),
      box.leftovers().join(),
    );
  },
  { skip },
);
