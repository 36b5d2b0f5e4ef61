// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Container } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { cgroupPathOf, hasLimits, isAlive, pids, readText, statusField, tryKill, waitFor } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

const skip = runtOnly("has no --keep-exit");
const MAPS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

function userNamespace(config: Config): void {
  config.linux.uidMappings = MAPS;
  config.linux.gidMappings = MAPS;
  config.linux.namespaces.push({ type: "user" });
}

interface Ended {
  readonly exitCode: number;
  readonly signal?: number;
  readonly oomKilled: boolean;
  readonly ended?: string;
}

function keeperOf(box: Box, { id }: Pick<Container, "id">): number {
  const record = JSON.parse(readFileSync(join(box.root, id, "state.json"), "utf8")) as { keeper?: { pid: number } };
  return record.keeper?.pid ?? 0;
}

function waited(box: Box, { id }: Pick<Container, "id">): Ended {
  const done = box.call(["wait", "--format", "json", id]);
  if (done.status !== 0) throw new Error(done.output);
  return JSON.parse(done.stdout) as Ended;
}

function kept(box: Box, args: readonly string[], edit: (config: Config) => void = () => undefined): Container {
  return box.create(
    (config) => {
      config.process.args = [...args];
      edit(config);
    },
    ["--keep-exit"],
  );
}

const sh = (script: string): string[] => ["sh", "-c", script];

for (const [name, edit] of [
  ["", (): void => undefined],
  ["with a user namespace: ", userNamespace],
] as const) {
  scenario(
    `${name}an exit status is known at any time after the end`,
    (t, box) => {
      const container = kept(box, sh("exit 7"), edit);
      const keeper = keeperOf(box, container);
      t.ok(isAlive(keeper));
      container.start();
      container.until("stopped");
      t.ok(
        waitFor(() => !isAlive(keeper) || statusField(keeper, "State").startsWith("Z")),
        "the keeper ends with it",
      );
      for (let again = 0; again < 2; again++) t.same(waited(box, container), { exitCode: 7, oomKilled: false });
      const { exit, pid } = container.state() as unknown as { exit: Ended; pid: number };
      t.equal(pid, 0);
      t.same([exit.exitCode, exit.oomKilled], [7, false]);
      const ago = Date.now() - Date.parse(exit.ended ?? "");
      t.ok(ago > -1000 && ago < 60_000, `${exit.ended}`);
      t.equal(container.remove().status, 0);
    },
    { skip },
  );

  scenario(
    `${name}a signal, and one that is waited for`,
    async (t, box) => {
      const container = kept(box, ["sleep", "1000"], edit);
      container.start();
      const waiting = box.begin(["wait", container.id]);
      t.equal(container.kill("KILL").status, 0);
      t.same(waited(box, container), { exitCode: 137, signal: 9, oomKilled: false });
      t.equal((await waiting.ended).stdout, "killed by signal 9 (SIGKILL)\n");
    },
    { skip },
  );
}

scenario(
  "run --detach",
  (t, box) => {
    const id = box.id();
    const bundle = box.bundle((config) => void (config.process.args = sh("exit 3")));
    t.equal(box.call(["run", "--detach", "--keep-exit", "--bundle", bundle.dir, id]).status, 0);
    t.same(waited(box, { id }), { exitCode: 3, oomKilled: false });
    const foreground = box.run(bundle, ["--keep-exit"]);
    t.equal(foreground.status, 1);
    t.match(foreground.stderr, "--detach");
  },
  { skip },
);

scenario(
  "the OOM killer",
  (t, box) => {
    const container = kept(box, sh("x=1; while :; do x=$x$x$x$x; done"), (config) => {
      config.linux.resources = { ...config.linux.resources, memory: { limit: 16 << 20, swap: 16 << 20 } };
    });
    container.start();
    const { signal, oomKilled } = waited(box, container);
    t.same([signal, oomKilled], [9, true]);
  },
  { skip: skip || (hasLimits("memory") ? false : "no memory controller") },
);

scenario(
  "the keeper is small, has nothing open but its directory and a counter, and is no part of the container",
  (t, box) => {
    const container = kept(box, ["sleep", "1000"]);
    container.start();
    const keeper = keeperOf(box, container);
    const open = readdirSync(`/proc/${keeper}/fd`).map((fd) => readlinkSync(`/proc/${keeper}/fd/${fd}`));
    t.ok(open.length <= 2, open.join(" "));
    t.ok(
      open.every((path) => path === join(box.root, container.id) || /memory\.(events|oom_control)$/.test(path)),
      open.join(" "),
    );
    t.equal(readlinkSync(`/proc/${keeper}/cwd`), "/");
    for (const name of ["mnt", "pid", "net", "user", "cgroup"]) {
      t.equal(readlinkSync(`/proc/${keeper}/ns/${name}`), readlinkSync(`/proc/self/ns/${name}`), name);
    }
    t.notMatch(cgroupPathOf(keeper, "memory") ?? cgroupPathOf(keeper, "") ?? "", box.marker);
    t.notMatch(box.call(["ps", container.id]).stdout, `\\b${keeper}\\b`);
    // /proc shows the files of a process that is not dumpable as root's; here that it cannot be looked into by others.
    t.equal(statSync(`/proc/${keeper}/environ`).uid, 0);
    const pss = Number(/^Pss: +(\d+) kB/m.exec(readText(`/proc/${keeper}/smaps_rollup`))?.[1]);
    t.ok(pss > 0 && pss < 150, `${pss} kB`);
    t.comment(`keeper: ${pss} kB PSS`);
    t.equal(statusField(container.pid, "PPid"), String(keeper));
  },
  { skip },
);

scenario(
  "delete leaves no keeper, and needs none",
  (t, box) => {
    for (const prepare of [
      () => undefined,
      (keeper: number) => tryKill(keeper, "SIGSTOP"),
      (keeper: number) => tryKill(keeper),
    ]) {
      const container = kept(box, ["sleep", "1000"]);
      const keeper = keeperOf(box, container);
      container.start();
      prepare(keeper);
      t.equal(container.remove("--force").status, 0);
      t.ok(waitFor(() => !isAlive(keeper) || statusField(keeper, "State").startsWith("Z")));
      t.notOk(existsSync(join(box.root, container.id)));
    }
  },
  { skip },
);

scenario(
  "a keeper that somebody has killed: the end is as that of any container",
  (t, box) => {
    const container = kept(box, ["sleep", "1000"]);
    container.start();
    tryKill(keeperOf(box, container));
    t.ok(isAlive(container.pid), "the container goes on");
    container.kill("KILL");
    container.until("stopped");
    const done = box.call(["wait", container.id]);
    t.ok(done.status === 0 || /container not running/.test(done.output), done.output);
  },
  { skip },
);

scenario(
  "what cannot be created or run leaves nothing, and says why",
  (t, box) => {
    const before = new Set(pids());
    const program = box.tryCreate(
      box.bundle((config) => void (config.process.args = ["/no/such/program"])),
      ["--keep-exit"],
    );
    t.equal(program.status, 1);
    t.match(program.stderr, /no such file/);
    const hook = box.tryCreate(
      box.bundle((config) => void (config.hooks = { createContainer: [{ path: "/bin/false" }] })),
      ["--keep-exit"],
    );
    t.equal(hook.status, 1);
    const starved = box.run(
      box.bundle((config) => {
        config.linux.resources = { ...config.linux.resources, memory: { limit: 4096 } };
      }),
      ["--detach", "--keep-exit"],
    );
    t.equal(starved.status, 1);
    t.ok(
      waitFor(() => pids().every((pid) => before.has(pid) || !readText(`/proc/${pid}/cmdline`).startsWith("runt:[0:KEEP]"))),
      "no keeper",
    );
    t.same(box.leftovers(), []);
  },
  { skip },
);
