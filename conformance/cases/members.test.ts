// SPDX-License-Identifier: Apache-2.0
/** Containers with neither a pid namespace nor a cgroup of their own: whose end is the end of all their processes. */
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Container } from "../harness/box.ts";
import { addNamespaces, mountAt, removeNamespaces, type Config } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { isAlive, readText, sleep, tryKill, waitFor } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

const skip = runtOnly("loses sight of them");
const IDS = [{ containerID: 0, hostID: 100_000, size: 1000 }];

/** A container that runs `script` in such surroundings, with the program `escape`. */
function bare(box: Box, script: string, edit: (config: Config) => void = () => undefined): Container {
  if (!box.globals.includes("disabled")) box.globals.push("--cgroup-manager", "disabled");
  const bundle = box.bundle((config) => {
    config.process.args = ["sh", "-c", script];
    removeNamespaces(config, "pid");
    config.linux.resources = {};
    edit(config);
    for (const set of ["bounding", "effective", "permitted"] as const) {
      config.process.capabilities = { ...config.process.capabilities, [set]: ["CAP_SYS_ADMIN", "CAP_KILL"] };
    }
  });
  box.atClose(() => {
    // What moves ends without it, and nothing else catches up with that.
    rmSync(join(bundle.rootfs, "moves"), { force: true });
    for (const pid of escaped(box.marker, "")) tryKill(pid);
  });
  const program = join(bundle.rootfs, "bin/escape");
  copyFileSync(helper("helpers/escape.c"), program);
  chmodSync(program, 0o755);
  const container = box.create(bundle);
  const started = container.start();
  if (started.status !== 0) throw new Error(`start: ${started.output}`);
  return container;
}

function withUser(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = IDS;
  config.linux.gidMappings = IDS;
  // The kernel lets nobody there mount one of the host's pid namespace.
  Object.assign(mountAt(config, "/proc"), { type: "bind", source: "/proc", options: ["rbind"] });
}

/**
 * Pids of the programs `escape` with a name. One whose first thread has ended has its command line in others only.
 * @param end what comes after the name; `""`: names that begin so
 */
function escaped(name: string, end = "\0"): number[] {
  const isIt = (path: string): boolean => readText(`${path}/cmdline`).includes(`escape\0${name}${end}`);
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && (isIt(`/proc/${pid}`) || tasksOf(pid).some((task) => isIt(`/proc/${pid}/task/${task}`))));
}

function tasksOf(pid: number): string[] {
  try {
    return readText(`/proc/${pid}/stat`).includes(") Z ") ? readdirSync(`/proc/${pid}/task`) : [];
  } catch {
    return [];
  }
}

const listed = (box: Box, { id }: Container): number[] => JSON.parse(box.call(["ps", "--format", "json", id]).stdout) as number[];

/** Programs that get away in one way each, of the container `name`. */
const WAYS = ["fork", "fork mnt", "fork mnt ipc uts", "fork thread", "fork user mnt ipc uts net cgroup"];
const escapes = (name: string, ways: readonly string[]): string => ways.map((way) => `escape ${name} ${way}`).join("; ");

for (const [where, edit] of [
  ["root", () => undefined],
  ["a user namespace", withUser],
] as const) {
  // What has left every namespace is still below the user namespace that was made for its container.
  const ways = where === "root" ? WAYS.slice(0, 4) : WAYS;
  scenario(
    `${where}: delete --force, kill and kill --all end what has forked away, into further namespaces too`,
    (t, box) => {
      for (const words of [
        ["delete", "--force"],
        ["kill", "ID", "KILL"],
        ["kill", "--all", "ID", "TERM"],
      ]) {
        const name = `${box.marker}-${words.join("")}`;
        const container = bare(box, `${escapes(name, ways)}; exec sleep 1000`, edit);
        t.ok(
          waitFor(() => escaped(name).length === ways.length),
          "all are there",
        );
        t.ok(
          waitFor(() => escaped(name).every((pid) => listed(box, container).includes(pid))),
          "ps lists them",
        );
        const line = words.includes("ID") ? words.map((word) => (word === "ID" ? container.id : word)) : [...words, container.id];
        const ended = box.call(line);
        t.equal(ended.status, 0, ended.output);
        t.ok(
          waitFor(() => escaped(name).length === 0, 2000),
          `${words.join(" ")}: none is left`,
        );
        if (words[0] === "kill" && words[2] === "KILL") t.equal(container.remove().status, 0);
      }
    },
    { skip },
  );

  scenario(
    `${where}: what outlives the first process is found by kill, kill --all and delete`,
    (t, box) => {
      for (const words of [["delete"], ["kill", "KILL"], ["kill", "--all", "TERM"]]) {
        const name = `${box.marker}-${words.join("")}`;
        const container = bare(box, `${escapes(name, ways)}; sleep 0.1`, edit);
        container.until("stopped");
        t.ok(
          waitFor(() => escaped(name).length === ways.length),
          "they are there",
        );
        t.same(
          listed(box, container),
          escaped(name).sort((one, other) => one - other),
          "ps lists them, and nothing else",
        );
        const [command = "", ...rest] = words;
        const signal = rest.pop();
        const ended = box.call([command, ...rest, container.id, ...(signal === undefined ? [] : [signal])]);
        t.equal(ended.status, 0, ended.output);
        t.ok(
          waitFor(() => escaped(name).length === 0, 2000),
          `${words.join(" ")}: none is left`,
        );
      }
    },
    { skip },
  );
}

scenario(
  "a program that is never the process that it was does not get away",
  (t, box) => {
    for (let round = 0; round < 2; round++) {
      const name = `${box.marker}-${round}`;
      const container = bare(box, `escape ${name} fork move; exec sleep 1000`, (config) => (config.root.readonly = false));
      const moves = (): number => readText(join(container.bundle.rootfs, "moves")).length;
      t.ok(
        waitFor(() => moves() > 3),
        "it moves",
      );
      const ended = container.remove("--force");
      t.equal(ended.status, 0, ended.output);
      const last = moves();
      sleep(100);
      t.equal(moves(), last, `round ${round}: it moves no more`);
    }
  },
  { skip },
);

scenario(
  "a namespace that another container has joined, or a program of the host, is no reason to end those",
  (t, box) => {
    const makes = bare(box, "exec sleep 1001");
    const joins = bare(box, "exec sleep 1002", (config) => {
      for (const each of config.linux.namespaces) {
        const file = { network: "net", ipc: "ipc", uts: "uts" }[each.type];
        if (file !== undefined) each.path = `/proc/${makes.pid}/ns/${file}`;
      }
    });
    const helper = spawn("nsenter", [`--net=/proc/${makes.pid}/ns/net`, `--ipc=/proc/${makes.pid}/ns/ipc`, "sleep", "1003"], {
      stdio: "ignore",
    });
    box.atClose(() => helper.kill("SIGKILL"));
    const guest = helper.pid ?? 0;
    t.ok(waitFor(() => readText(`/proc/${guest}/cmdline`).startsWith("sleep")));
    t.same(listed(box, makes), [makes.pid]);
    t.same(listed(box, joins), [joins.pid]);
    t.equal(joins.kill("KILL").status, 0);
    t.ok(waitFor(() => !isAlive(joins.pid)));
    t.ok(isAlive(makes.pid), "the one that has made them");
    t.equal(joins.remove().status, 0);
    t.ok(isAlive(makes.pid));

    const again = bare(box, "exec sleep 1004", (config) => {
      for (const each of config.linux.namespaces) if (each.type === "ipc") each.path = `/proc/${makes.pid}/ns/ipc`;
    });
    t.equal(makes.remove("--force").status, 0);
    t.notOk(isAlive(makes.pid));
    t.ok(isAlive(again.pid), "the one that has joined them");
    t.ok(isAlive(guest), "the host's program");
  },
  { skip },
);

scenario(
  "numbers of namespaces that the kernel has given to the next container end nobody there",
  (t, box) => {
    for (let round = 0; round < 2; round++) {
      const first = bare(box, "exec true");
      first.until("stopped");
      const next = bare(box, "exec sleep 1000");
      t.same(listed(box, first), []);
      t.equal(first.remove().status, 0);
      t.ok(isAlive(next.pid), `round ${round}`);
      t.equal(next.remove("--force").status, 0);
    }
  },
  { skip },
);
