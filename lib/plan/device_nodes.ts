// SPDX-License-Identifier: Apache-2.0
/**
 * Device nodes for a container in a new user namespace, in which no process may make them: init makes them before it enters
 * that namespace, in a file system that is mounted nowhere, and binds them afterwards. So they are the container's own, with
 * owner and mode, and no inode of the host.
 */
import type { Config, LinuxIDMapping } from "../spec/types.ts";
import type { PlanFacts } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Step } from "./steps.ts";

/** The id that stands for one that is not mapped (/proc/sys/kernel/overflowuid). */
const OVERFLOW_ID = 65534;

/** Adds the steps that make a node for each `device` step, in front of the others. */
export function deviceNodeSteps(config: Config, facts: PlanFacts, { made }: Namespaces, steps: Step[]): void {
  const own = K.CLONE_NEWUSER | K.CLONE_NEWNS;
  // The mappings of a user namespace that is joined are not known.
  if ((made & own) !== own) return;
  const { uidMappings, gidMappings, mountLabel = "" } = config.linux ?? {};
  const nodes: Step[] = [];
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index];
    if (step?.op !== "device" || (step.fields.mode & K.S_IFMT) === K.S_IFIFO) continue;
    const { mode, major, minor, uid, gid } = step.fields;
    const fields = { mode, major, minor, uid: outsideId(uid, uidMappings), gid: outsideId(gid, gidMappings) };
    nodes.push({ op: "deviceNode", origin: step.origin, fields });
    steps[index] = { ...step, fields: { ...step.fields, node: nodes.length } };
  }
  if (nodes.length === 0) return;
  const data = facts.selinux && mountLabel !== "" ? `context="${mountLabel}"` : "";
  steps.unshift({ op: "deviceNodes", origin: "", fields: { data } }, ...nodes);
}

/** The host's id for an id of the container. */
export function outsideId(id: number, mappings: readonly LinuxIDMapping[] | undefined): number {
  for (const { containerID, hostID, size } of mappings ?? []) {
    if (id >= containerID && id < containerID + size) return id - containerID + hostID;
  }
  return OVERFLOW_ID;
}
