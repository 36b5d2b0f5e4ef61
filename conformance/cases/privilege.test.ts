// SPDX-License-Identifier: Apache-2.0
/** What takes a right of the host's, with a user namespace and without: it is done on the side that has the right. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { scenario, type Box, type Container, type Edit } from "../harness/box.ts";
import { addNamespaces, type Config, type Process } from "../harness/config.ts";
import { readText } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

const CAP_SYS_NICE = 23n;
const CAP_SYS_RESOURCE = 24n;

function has(capability: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readText("/proc/self/status"))?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n;
}

const NO_RESOURCE = has(CAP_SYS_RESOURCE) ? false : "CAP_SYS_RESOURCE is missing";
const NO_NICE = has(CAP_SYS_NICE) ? false : "CAP_SYS_NICE is missing";

const NUMA = existsSync("/proc/self/numa_maps");

const SIDES: Readonly<Record<string, Edit>> = {
  "without a user namespace": () => undefined,
  "in a user namespace": (config: Config) => {
    addNamespaces(config, "user");
    const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
  },
};

/** The first process of a container, and one of `exec --process`, as the host numbers them. */
function processes(box: Box, edit: Edit, wrap: readonly string[] = []): readonly (readonly [string, number])[] {
  const container = box.create(
    (config) => {
      config.process.args = ["sleep", "1000"];
      edit(config);
    },
    [],
    { wrap },
  );
  container.start();
  return [
    ["create", container.pid],
    ["exec", execPid(box, container, wrap)],
  ];
}

function execPid(box: Box, container: Container, wrap: readonly string[]): number {
  const { process } = JSON.parse(readFileSync(`${container.bundle.dir}/config.json`, "utf8")) as { process: Process };
  const pidFile = box.path("pid");
  const file = box.file(JSON.stringify(process));
  const done = box.call(["exec", "--detach", "--pid-file", pidFile, "--process", file, container.id], { wrap });
  if (done.status !== 0) throw new Error(done.output);
  return Number(readText(pidFile));
}

function host(program: string, ...args: string[]): string {
  return spawnSync(program, args, { encoding: "utf8" }).stdout.trim();
}

for (const [side, edit] of Object.entries(SIDES)) {
  scenario(
    `limits above the runtime's own, ${side}`,
    (t, box) => {
      const wrap = ["sh", "-c", 'ulimit -Su 2000; ulimit -Hu 2000; ulimit -Sn 500; ulimit -Hn 500; exec "$@"', "sh"];
      for (const user of [0, 7]) {
        for (const [who, pid] of processes(
          box,
          (config) => {
            edit(config);
            config.process.user = { uid: user, gid: user };
            config.process.rlimits = [
              { type: "RLIMIT_NPROC", soft: 4000, hard: 5000 },
              { type: "RLIMIT_NOFILE", soft: 600, hard: 700 },
              { type: "RLIMIT_CORE", soft: 0, hard: 0 },
            ];
          },
          wrap,
        )) {
          const limits = readText(`/proc/${pid}/limits`);
          t.match(limits, /Max processes +4000 +5000 /, `${who}, user ${user}`);
          t.match(limits, /Max open files +600 +700 /, `${who}, user ${user}`);
          t.match(limits, /Max core file size +0 +0 /, `${who}, user ${user}`);
        }
      }
    },
    { skip: NO_RESOURCE || runtOnly("the scenarios are runt's") },
  );

  scenario(
    `a limit that the runtime may not set either is an error, ${side}`,
    (t, box) => {
      const bundle = box.bundle((config) => {
        edit(config);
        config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 1, hard: 2 ** 40 }];
      });
      const done = box.call(["--log-format", "json", "run", "--bundle", bundle.dir, box.id()]);
      t.equal(done.status, 1);
      t.match(done.stderr, "process.rlimits[0]: error setting rlimit type 7");
      t.same(box.leftovers(), []);
    },
    { skip: runtOnly("other words") },
  );

  scenario(
    `oomScoreAdj below 0, ${side}`,
    (t, box) => {
      for (const [who, pid] of processes(box, (config) => {
        edit(config);
        config.process.oomScoreAdj = -500;
      }))
        t.equal(readText(`/proc/${pid}/oom_score_adj`), "-500\n", who);
    },
    { skip: NO_RESOURCE || runtOnly("others do it inside, and fail in a user namespace") },
  );

  scenario(
    `a scheduler and an I/O priority that take CAP_SYS_NICE, ${side}`,
    (t, box) => {
      for (const user of [0, 7]) {
        for (const [who, pid] of processes(box, (config) => {
          edit(config);
          config.process.user = { uid: user, gid: user };
          config.process.scheduler = { policy: "SCHED_OTHER", nice: -5 };
          config.process.ioPriority = { class: "IOPRIO_CLASS_RT", priority: 3 };
        })) {
          t.equal(host("ps", "-o", "ni=", "-p", String(pid)), "-5", `${who}, user ${user}`);
          t.equal(host("ionice", "-p", String(pid)), "realtime: prio 3", `${who}, user ${user}`);
        }
      }
    },
    { skip: NO_NICE || runtOnly("others do it inside, and fail in a user namespace") },
  );

  scenario(
    `CPU affinity, memory policy and a keyring take no right, ${side}`,
    (t, box) => {
      for (const [who, pid] of processes(box, (config) => {
        edit(config);
        config.process.execCPUAffinity = { initial: "0", final: "0" };
        if (NUMA) config.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0" };
      })) {
        if (NUMA) t.match(readText(`/proc/${pid}/numa_maps`), "bind:0", who);
        if (who === "exec") t.match(readText(`/proc/${pid}/status`), /Cpus_allowed_list:\s+0\n/);
      }
    },
    { skip: runtOnly("new in 1.3") },
  );
}
