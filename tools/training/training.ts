// SPDX-License-Identifier: Apache-2.0
/**
 * The work by which the compiler learns which parts of the engine runt uses (docs/performance.md): what a command does with a config
 * between its system calls. It runs while the module is loaded, as the making of a snapshot: all memory has fixed
 * addresses then, and nothing of the process can be looked at, so that each build counts the same.
 */
import { CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC, findLayout, type LayoutSource } from "../../lib/cgroups/place/layout.ts";
import { containerPaths } from "../../lib/cgroups/place/path.ts";
import { deviceWrites, parseDevicesList, wantedFilter } from "../../lib/cgroups/v1/devices.ts";
import { formatState } from "../../lib/cli/output/report_format.ts";
import { buildPlan } from "../../lib/plan/build.ts";
import { encodePlan } from "../../lib/plan/encode.ts";
import { buildExecPlan } from "../../lib/plan/exec.ts";
import type { PlanFacts } from "../../lib/plan/facts.ts";
import { readNamespaces } from "../../lib/plan/namespaces.ts";
import { cgroupPieces } from "../../lib/runtime/host/cgroup_mounts.ts";
import { defaultConfig, formatConfig } from "../../lib/spec/defaults.ts";
import { inspectConfig, warnings } from "../../lib/spec/documents/config.ts";
import type { Config } from "../../lib/spec/types.ts";
import { engineConfig } from "./engine_config.ts";

/** Of each kind of work; more changes no decision of the compiler. */
const ROUNDS = 20;
const CONTROLLERS = ["cpuset", "cpu,cpuacct", "blkio", "memory", "devices", "freezer", "pids", "name=systemd"];

const HOSTS: readonly LayoutSource[] = [
  {
    procCgroup: () => `${CONTROLLERS.map((name, index) => `${12 - index}:${name}:/user.slice`).join("\n")}\n0::/user.slice\n`,
    mountinfo: () => "",
    filesystemType: (path) =>
      path === "/sys/fs/cgroup" ? 0 : path.endsWith("unified") ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC,
    exists: () => true,
  },
  {
    procCgroup: () => "0::/system.slice/containerd.service\n",
    mountinfo: () => "",
    filesystemType: () => CGROUP2_SUPER_MAGIC,
    exists: () => true,
  },
];

function planOf(config: Config, source: LayoutSource): void {
  const layout = findLayout(source);
  const paths = containerPaths(layout, config.linux?.cgroupsPath, "container", true);
  const facts: PlanFacts = {
    id: "container",
    bundle: "/run/bundles/container",
    rootfs: "/run/bundles/container/rootfs",
    noPivot: false,
    noNewKeyring: false,
    relaysConsole: false,
    preserveFds: 0,
    extraEnv: [],
    waitForStart: true,
    kcore: true,
    links: {},
    trees: [],
    selinux: false,
    // On v2 it depends on the process's user namespace.
    cgroupMounts: layout.kind === "v2" ? {} : cgroupPieces(config, layout, paths),
  };
  encodePlan(buildPlan(config, facts).steps);
}

function launch(text: string): void {
  const inspected = inspectConfig(text);
  const config = inspected.config as Config;
  if (inspected.problems.length > 0) throw new Error(inspected.problems.map(({ message }) => message).join("; "));
  warnings(config);
  readNamespaces(config);
  for (const source of HOSTS) planOf(config, source);
  deviceWrites(parseDevicesList("a *:* rwm\n"), wantedFilter(config.linux?.resources?.devices ?? [], []));
}

function execute(text: string): void {
  const config = inspectConfig(text).config as Config;
  const process = config.process;
  if (process === undefined) throw new Error("the config has no process");
  encodePlan(
    buildExecPlan(config, process, {
      ...{ id: "container", rootfs: "/run/bundles/container/rootfs", noNewKeyring: false },
      ...{ preserveFds: 0, relaysConsole: false, selinux: false },
    }).steps,
  );
}

/** state.json, as it is written, read again and shown. */
function report(text: string): void {
  const record = JSON.parse(JSON.stringify({ id: "container", init_process_pid: 4711, config: JSON.parse(text) as unknown })) as {
    readonly id: string;
    readonly init_process_pid: number;
  };
  formatState({
    ociVersion: "1.3.0",
    id: record.id,
    pid: record.init_process_pid,
    status: "running",
    bundle: "/run/bundles/container",
    rootfs: "/run/bundles/container/rootfs",
    created: "2026-01-01T00:00:00.000000000Z",
    owner: "root",
  });
}

function train(): void {
  const texts = [
    formatConfig(defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 })),
    JSON.stringify(engineConfig()),
  ];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const text of texts) {
      launch(text);
      execute(text);
      report(text);
    }
  }
}

train();

/** What a program starts with; this one is never started. */
export function main(): void {}
