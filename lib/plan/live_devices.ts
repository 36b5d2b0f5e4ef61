// SPDX-License-Identifier: Apache-2.0
/**
 * Device nodes for a container that exists → the steps of two inits, as in live_mounts.ts. Pure.
 *
 * No process in a user namespace may make a node: so init makes it outside, on a file system that is attached nowhere, and mounts
 * it on an empty file. The node is the container's own then, too, and no inode of the host.
 */
import * as K from "../kernel/plan_numbers.ts";
import type { Config } from "../spec/types.ts";
import type { Plan } from "./build.ts";
import { outsideId } from "./device_nodes.ts";
import { readNamespaces } from "./namespaces.ts";
import type { MountIdentity } from "./live_mounts.ts";
import { MountFlag, type Step } from "./steps.ts";

/** A node to make. */
export interface LiveNode {
  /** Absolute path in the container. */
  readonly path: string;
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  /** Ids of the container. */
  readonly uid: number;
  readonly gid: number;
}

/** The facts that identify a node that was made. */
export interface NodeIdentity {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** The indexes in init's messages for the entry n: 2n is the file that it has made, 2n + 1 the mount on that file. */
export const nodeIndex = (index: number): number => 2 * index;
export const nodeMountIndex = (index: number): number => 2 * index + 1;

/** Whether nodes have to be made outside. */
function needsMadeNodes(config: Config): boolean {
  const { made, joined } = readNamespaces(config);
  return ((made | joined) & K.CLONE_NEWUSER) !== 0;
}

/** Plans the nodes. Nodes that are made outside have a `tree` of their index and 1. */
export function planLiveNodes(config: Config, nodes: readonly LiveNode[]): { readonly make?: Plan; readonly attach: Plan } {
  const mounted = needsMadeNodes(config);
  const make: Step[] = [];
  const attach = joinMounts(config);
  attach.push({ op: "liveMounts", origin: "", fields: {} });
  nodes.forEach((node, index) => {
    const { path, type, major, minor, uid, gid } = node;
    const mode = (type === "b" ? K.S_IFBLK : K.S_IFCHR) | node.mode;
    const origin = "";
    const told = nodeIndex(index);
    if (!mounted) {
      attach.push({ op: "liveNode", origin, fields: { path, mode, major, minor, uid, gid, index: told } });
      return;
    }
    const { uidMappings, gidMappings } = config.linux ?? {};
    const outside = { mode, major, minor, uid: outsideId(uid, uidMappings), gid: outsideId(gid, gidMappings) };
    make.push({ op: "deviceNode", origin, fields: outside });
    attach.push({
      op: "liveNode",
      origin,
      fields: { path, mode: S_IFREG | 0o644, major: 0, minor: 0, uid: 0, gid: 0, index: told },
    });
    attach.push({ op: "mount", origin, fields: { ...NODE_MOUNT, target: path, tree: index + 1 } });
    attach.push({ op: "liveMount", origin, fields: { path, propagation: [], index: nodeMountIndex(index) } });
  });
  attach.push({ op: "done", origin: "", fields: {} });
  const slots = [{ kind: "container" }] as const;
  if (!mounted) return { attach: { steps: attach, slots } };
  const given = nodes.map((_, index): Step => ({ op: "detachedNode", origin: "", fields: { node: index + 1, tree: index + 1 } }));
  const before: Step[] = [
    { op: "unshare", origin: "", fields: { flags: K.CLONE_NEWNS } },
    { op: "parentPropagation", origin: "", fields: { flags: K.MS_PRIVATE | K.MS_REC } },
    { op: "deviceNodes", origin: "", fields: { data: "" } },
  ];
  const steps: Step[] = [...before, ...make, ...given, { op: "done", origin: "", fields: {} }];
  return { make: { steps, slots: [] }, attach: { steps: attach, slots } };
}

const S_IFREG = 0o100000;

const NODE_MOUNT = {
  source: "",
  fstype: "",
  flags: MountFlag.BIND | MountFlag.HOLD,
  sb: 0,
  set: K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NOEXEC,
  clear: 0,
  implied: 0,
  recSet: 0,
  recClear: 0,
  propagation: [],
  data: "",
} as const;

function joinMounts(config: Config): Step[] {
  const { made, joined } = readNamespaces(config);
  const kinds = (made | joined) & (K.CLONE_NEWUSER | K.CLONE_NEWNS);
  return [{ op: "joinContainer", origin: "/linux/namespaces", fields: { slot: 0, kinds } }];
}

/** Plans that nodes are taken away: mounts first. */
export function planRemoveNodes(config: Config, mounts: readonly MountIdentity[], nodes: readonly NodeIdentity[]): Plan {
  const steps = joinMounts(config);
  mounts.forEach((mount, index) => steps.push({ op: "unmount", origin: "", fields: { ...mount, index } }));
  for (const node of nodes) steps.push({ op: "removeNode", origin: "", fields: node });
  steps.push({ op: "done", origin: "", fields: {} });
  return { steps, slots: [{ kind: "container" }] };
}
