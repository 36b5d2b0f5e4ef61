// SPDX-License-Identifier: Apache-2.0
/**
 * config.json and the facts of the host → the list of steps that `init` runs. Pure: the same input gives the
 * same plan, so plans are compared with fixtures, and printed by `runt plan`.
 *
 * The order is the spec's where it gives one, and runc's elsewhere, because images and hooks rely on it.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#lifecycle
 */
import { pointerStep } from "../spec/json/pointer.ts";
import { pathInContainer } from "../spec/clean_path.ts";
import type { Config } from "../spec/types.ts";
import { keyringSteps } from "./attributes.ts";
import type { PlanFacts, Slot } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import { deferredReadonlySteps, deviceSteps, mountSteps, parentPropagation, rootfsPropagation } from "./mounts.ts";
import { deviceNodeSteps } from "./device_nodes.ts";
import { markHeldMounts } from "./held_mounts.ts";
import { hasNamespace, namespaceSteps, readNamespaces } from "./namespaces.ts";
import type { Step } from "./steps.ts";
import { anyCpu, consoleStep, execStep, hookSteps, keepsOriginalGroups, oomScoreAdjStep, processSteps } from "./process.ts";

/** The steps of init, and the resources that it needs for them. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Descriptors to hand over, in order. */
  readonly slots: readonly Slot[];
}

/** Plans the creation of a container. `config` has been validated. */
export function buildPlan(config: Config, facts: PlanFacts): Plan {
  const steps: Step[] = [];
  const slots: Slot[] = [];
  const namespaces = readNamespaces(config);
  const ownUsers = hasNamespace(namespaces, K.CLONE_NEWUSER);
  // Root of a user namespace may neither lower the value nor open the file as long as init is not dumpable.
  if (ownUsers && config.process !== undefined) oomScoreAdjStep(config.process, steps);
  namespaceSteps(namespaces, steps, slots);
  const newMounts = (namespaces.made & K.CLONE_NEWNS) !== 0;
  const ownMounts = hasNamespace(namespaces, K.CLONE_NEWNS);

  let inCgroup = false;
  const enterCgroup = (): void => {
    if (inCgroup) return;
    inCgroup = true;
    steps.push({ op: "cgroup", origin: "/linux/cgroupsPath", fields: {} });
    // The namespace's root is the cgroup that the process is in when it is made.
    if ((namespaces.made & K.CLONE_NEWCGROUP) !== 0) {
      steps.push({ op: "unshare", origin: "/linux/namespaces", fields: { flags: K.CLONE_NEWCGROUP } });
    }
    steps.push(anyCpu());
  };

  if (!facts.noNewKeyring) {
    keyringSteps(facts.id, config.process, facts.selinux, steps);
  }
  if ((namespaces.made & K.CLONE_NEWNET) !== 0) {
    steps.push({ op: "loopback", origin: "/linux/namespaces", fields: {} });
  }
  if (Object.keys(config.linux?.netDevices ?? {}).length > 0) {
    steps.push({ op: "netDevices", origin: "/linux/netDevices", fields: {} });
  }
  const propagation = rootfsPropagation(config);
  if (newMounts) {
    const flags = parentPropagation(config);
    steps.push({ op: "parentPropagation", origin: "/linux/rootfsPropagation", fields: { flags } });
  }
  const bind = ownMounts ? ((propagation & K.MS_SLAVE) !== 0 ? 2 : 1) : (config.mounts?.length ?? 0) > 0 ? 3 : 0;
  steps.push({ op: "rootfs", origin: "/root/path", fields: { path: facts.rootfs, bind } });
  mountSteps(config, facts, steps, enterCgroup);
  deviceSteps(config, facts, ownUsers, steps);
  // As late as possible: memory used before this step is not charged to the container's memory limit.
  enterCgroup();

  const hooks = config.hooks;
  if ((hooks?.prestart?.length ?? 0) + (hooks?.createRuntime?.length ?? 0) > 0) {
    steps.push({ op: "runtimeHooks", origin: "/hooks/createRuntime", fields: {} });
  }
  const hookSlot = slots.length;
  if ((hooks?.createContainer?.length ?? 0) + (hooks?.startContainer?.length ?? 0) > 0) {
    slots.push({ kind: "hookOutput" });
  }
  const creating = stateParts(config, facts, "creating");
  hookSteps("createContainer", hooks?.createContainer, [], creating, hookSlot, steps);

  enterRootSteps(config, facts, ownMounts, { steps, slots });
  const { process } = config;
  if (process !== undefined) {
    const { seccomp, selinux } = facts;
    const keepGroups = keepsOriginalGroups(config);
    processSteps(process, { linux: config.linux, adjusted: ownUsers, selinux, steps, slots, seccomp, keepGroups });
  } else {
    steps.push({ op: "ready", origin: "", fields: {} });
  }
  if (facts.waitForStart) {
    steps.push({ op: "start", origin: "", fields: { slot: slots.length } });
    slots.push({ kind: "startFifo" });
  }
  steps.push(...programSteps(config, facts, hookSlot));
  deviceNodeSteps(config, facts, namespaces, steps);
  markHeldMounts(steps);
  return { steps, slots };
}

/** The steps that enter the finished root; nothing is mounted after them. */
function enterRootSteps(
  config: Config,
  facts: PlanFacts,
  ownMounts: boolean,
  { steps, slots }: { steps: Step[]; slots: Slot[] },
): void {
  const mode = ownMounts ? (facts.noPivot ? 1 : 0) : 2;
  steps.push({ op: "enterRoot", origin: "/root/path", fields: { mode } });
  const { process } = config;
  if (process !== undefined) {
    steps.push({ op: "workingDirectory", origin: "/process/cwd", fields: { path: pathInContainer(process.cwd) } });
    consoleStep(process, facts.relaysConsole, steps, slots);
  }
  if (ownMounts) {
    deferredReadonlySteps(config, facts.rootfs, steps);
    if (config.root?.readonly === true) steps.push(readonlyRoot("/root/readonly"));
  }
  kernelSteps(config, steps);
  // Private and slave have been set on the parent already, and pivot_root keeps them. After everything that is
  // bound from the container itself: of an unbindable mount it could not be.
  const propagation = rootfsPropagation(config);
  if (ownMounts && propagation !== 0 && (propagation & (K.MS_PRIVATE | K.MS_SLAVE)) === 0) {
    steps.push({ op: "rootPropagation", origin: "/linux/rootfsPropagation", fields: { flags: propagation } });
  }
}

/** The steps after `start`: the startContainer hooks and the program. */
export function programSteps(
  config: Config,
  facts: Pick<PlanFacts, "id" | "bundle" | "preserveFds" | "extraEnv">,
  hookSlot: number,
): readonly Step[] {
  const { process } = config;
  if (process === undefined) return [];
  const steps: Step[] = [];
  const created = stateParts(config, facts, "created");
  // Historical, and relied on: without an environment of its own a startContainer hook gets the process's.
  const env = process.env ?? [];
  hookSteps("startContainer", config.hooks?.startContainer, env, created, hookSlot, steps);
  steps.push(execStep(process, facts.preserveFds, facts.extraEnv));
  return steps;
}

/** The root's own mount; mounts below it stay as they are. */
function readonlyRoot(origin: string): Step {
  return { op: "mountAttributes", origin, fields: { path: "/", set: K.MOUNT_ATTR_RDONLY, clear: 0, recursive: 0 } };
}

function kernelSteps(config: Config, steps: Step[]): void {
  if (config.hostname !== undefined && config.hostname !== "") {
    steps.push({ op: "hostname", origin: "/hostname", fields: { name: config.hostname } });
  }
  if (config.domainname !== undefined && config.domainname !== "") {
    steps.push({ op: "domainname", origin: "/domainname", fields: { name: config.domainname } });
  }
  const linux = config.linux;
  for (const [name, value] of Object.entries(linux?.sysctl ?? {})) {
    // As sysctl(8): dots separate, unless the first separator is a slash, which lets names hold dots.
    const dot = name.indexOf(".");
    const slash = name.indexOf("/");
    const dotted = dot >= 0 && (slash < 0 || dot < slash);
    const key = dotted ? name.replace(/[./]/g, (c) => (c === "." ? "/" : ".")) : name;
    steps.push({ op: "sysctl", origin: `/linux/sysctl${pointerStep(name)}`, fields: { key, value } });
  }
  // Masks first: a read-only path is a copy of a tree, with all that is mounted in it by then.
  let index = 0;
  const masked = new Set<string>();
  for (const given of linux?.maskedPaths ?? []) {
    const path = pathInContainer(given);
    const origin = `/linux/maskedPaths/${index++}`;
    if (given === "") continue;
    // Callers list a path twice (their own defaults and the user's); one mount hides it as well as two.
    if (masked.has(path)) continue;
    masked.add(path);
    steps.push({ op: "maskPath", origin, fields: { path } });
  }
  index = 0;
  for (const given of linux?.readonlyPaths ?? []) {
    const path = pathInContainer(given);
    const origin = `/linux/readonlyPaths/${index++}`;
    if (given === "") continue;
    // A mount over the root would change nothing for a process that stands in the root already.
    if (path === "/") steps.push(readonlyRoot(origin));
    else steps.push({ op: "readonlyPath", origin, fields: { path } });
  }
}

/** The state of runtime.md §State in two parts, between which the pid goes. */
export function stateParts(
  config: Config,
  facts: { readonly id: string; readonly bundle: string },
  status: string,
): readonly [head: string, tail: string] {
  const head = { ociVersion: config.ociVersion, id: facts.id, status };
  const tail: Record<string, unknown> = { bundle: facts.bundle };
  if (config.annotations !== undefined) tail["annotations"] = config.annotations;
  return [`${JSON.stringify(head).slice(0, -1)},"pid":`, `,${JSON.stringify(tail).slice(1)}`];
}
