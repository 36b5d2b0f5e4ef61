// SPDX-License-Identifier: Apache-2.0
/**
 * A process that joins a container which is there → the list of steps that `init` runs for `exec`. Pure.
 *
 * Until the namespaces are joined everything is the runtime's. So steps that read or write files outside of the
 * container (its cgroups, the process's own /proc files) come first, and no step looks at the container's files before
 * the process is inside.
 */
import { parseCpuList } from "../spec/rules/cpu_list.ts";
import type { Config, Process } from "../spec/types.ts";
import { keyringSteps } from "./attributes.ts";
import type { Plan } from "./build.ts";
import type { SeccompFilter, Slot } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import { readNamespaces } from "./namespaces.ts";
import type { Step } from "./steps.ts";
import { anyCpu, consoleStep, execStep, keepsOriginalGroups, oomScoreAdjStep, processSteps } from "./process.ts";

/** The facts that planning an `exec` needs beyond config.json and the process. */
export interface ExecFacts {
  readonly id: string;
  /** Absolute path of the container's root file system, for a container without a mount namespace. */
  readonly rootfs: string;
  /** The container has no session keyring of its own. */
  readonly noNewKeyring: boolean;
  /** The number of descriptors from 3 that the process inherits. */
  readonly preserveFds: number;
  /** The runtime itself carries the bytes of the console, from and to its own terminal. */
  readonly relaysConsole: boolean;
  /** The filter of the container's `linux.seccomp`. Absent: no filter. */
  readonly seccomp?: SeccompFilter | undefined;
  /** SELinux is in force on this host. */
  readonly selinux: boolean;
}

/**
 * Plans one more process of a container.
 * @param config the container's, as `create` validated it
 * @param process validated
 */
export function buildExecPlan(config: Config, process: Process, facts: ExecFacts): Plan {
  const steps: Step[] = [];
  const slots: Slot[] = [];
  const { made, joined } = readNamespaces(config);
  const kinds = made | joined;

  const { initial = "", final = "" } = process.execCPUAffinity ?? {};
  if (initial !== "") affinityStep("initial", initial, steps);
  // In a user namespace the process would have no right to lower it, and in the container's pid namespace others could
  // use the moment in which its files can be opened.
  oomScoreAdjStep(process, steps);
  steps.push({ op: "cgroup", origin: "/linux/cgroupsPath", fields: {} });
  if (final !== "") affinityStep("final", final, steps);
  else if (initial === "") steps.push(anyCpu());
  if (kinds !== 0) {
    steps.push({ op: "joinContainer", origin: "/linux/namespaces", fields: { slot: slots.length, kinds } });
    slots.push({ kind: "container" });
  }
  steps.push({ op: "fork", origin: "", fields: { flags: 0 } });
  if ((kinds & K.CLONE_NEWNS) === 0) {
    steps.push({ op: "rootfs", origin: "/root/path", fields: { path: facts.rootfs, bind: 0 } });
    steps.push({ op: "enterRoot", origin: "/root/path", fields: { mode: 2 } });
  }
  if (!facts.noNewKeyring) {
    keyringSteps(facts.id, process, facts.selinux, steps);
  }
  consoleStep(process, facts.relaysConsole, steps, slots);
  const { seccomp, selinux } = facts;
  const keepGroups = keepsOriginalGroups(config);
  processSteps(process, { linux: config.linux, adjusted: true, selinux, steps, slots, seccomp, keepGroups });
  steps.push(execStep(process, facts.preserveFds, []));
  return { steps, slots };
}

function affinityStep(name: "initial" | "final", list: string, steps: Step[]): void {
  const mask = parseCpuList(list);
  if (typeof mask === "string") return;
  const fields = { mask, attempt: 0 };
  steps.push({ op: "cpuAffinity", origin: `/process/execCPUAffinity/${name}`, fields });
}
