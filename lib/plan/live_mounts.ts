// SPDX-License-Identifier: Apache-2.0
/**
 * Mounts for a container that exists → the steps of two inits. Pure.
 *
 * The first init makes mounts that are attached nowhere. It works among the host's mounts, where the paths of sources belong,
 * and in the container's other namespaces, which some file systems show. No process of the container sees it. The other init
 * has joined the container's mount namespace, has nothing of the host but those mounts, and attaches them. It does not enter
 * the container's pid namespace either, unless a procfs has to be made there.
 */
import type { Config, Mount } from "../spec/types.ts";
import type { Plan } from "./build.ts";
import type { CgroupPiece, PlanFacts } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import { badOption, isBind, mountFields, unknownOption, withLabel } from "./mounts.ts";
import { readNamespaces } from "./namespaces.ts";
import { MountFlag, type Step, type StepFields } from "./steps.ts";

/** The facts that planning needs beyond config.json and the mounts. */
export type LiveFacts = Pick<PlanFacts, "bundle" | "rootfs" | "selinux" | "cgroupMounts">;

/** The plans for a list of mounts. */
export interface LivePlans {
  /** Makes mounts; absent where the runtime can open all of them by itself. */
  readonly make?: Plan;
  /** Attaches them. */
  readonly attach: Plan;
  /** Bind mounts whose source the runtime opens, by the index that a `tree` field has, less 1. */
  readonly opened: readonly (Mount | undefined)[];
  /** Files of the image are copied: they count against the container's memory. */
  readonly copiesUp: boolean;
}

/** The namespaces of the container that decide the contents of a file system. */
const SHOWN = K.CLONE_NEWUSER | K.CLONE_NEWIPC | K.CLONE_NEWNET | K.CLONE_NEWCGROUP;
/** Flags of a bind mount's target. */
const OF_TARGET = MountFlag.DEST_NOFOLLOW | MountFlag.STRICT_TARGET;

/** The steps collected for {@link LivePlans}. */
interface Draft {
  readonly make: Step[];
  readonly attach: Step[];
  readonly opened: (Mount | undefined)[];
  /** A procfs shows the pid namespace of the process that makes it. */
  makesProcfs: boolean;
}

/**
 * Plans mounts for a container that is there.
 * @param config the container's
 * @param mounts validated
 * @throws RuntimeError CONFIG_INVALID, with the pointer as for config.json
 */
export function planLiveMounts(config: Config, mounts: readonly Mount[], facts: LiveFacts): LivePlans {
  const { made, joined } = readNamespaces(config);
  const kinds = made | joined;
  const users = (kinds & K.CLONE_NEWUSER) !== 0;
  const draft: Draft = {
    make: [],
    attach: [],
    opened: mounts.map((mount) => (isBind(mount) ? mount : undefined)),
    makesProcfs: false,
  };
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index];
    if (mount !== undefined) planMount(config, mount, index, facts, draft, users);
  }
  const copiesUp = draft.attach.some((step) => step.op === "mount" && (step.fields.flags & MountFlag.COPY_UP) !== 0);
  const pids = draft.makesProcfs ? kinds & K.CLONE_NEWPID : 0;
  const before: Step[] = copiesUp ? [{ op: "cgroup", origin: "/linux/cgroupsPath", fields: {} }] : [];
  const attach = joining(kinds & (K.CLONE_NEWUSER | K.CLONE_NEWNS | (users ? 0 : pids)), before);
  attach.push({ op: "liveMounts", origin: "", fields: {} }, ...draft.attach, done());
  return {
    ...(draft.make.length > 0 && { make: planned([...making(kinds & (SHOWN | (users ? pids : 0))), ...draft.make, done()]) }),
    attach: planned(attach),
    opened: draft.opened,
    copiesUp,
  };
}

function done(): Step {
  return { op: "done", origin: "", fields: {} };
}

function planned(steps: readonly Step[]): Plan {
  return { steps, slots: steps.some(({ op }) => op === "joinContainer") ? [{ kind: "container" }] : [] };
}

/** Steps with which init joins the container; a pid namespace takes effect for a child only. */
function joining(kinds: number, before: readonly Step[] = []): Step[] {
  const steps = [...before];
  if (kinds !== 0) steps.push({ op: "joinContainer", origin: "/linux/namespaces", fields: { slot: 0, kinds } });
  if ((kinds & K.CLONE_NEWPID) !== 0) steps.push({ op: "fork", origin: "", fields: { flags: 0 } });
  return steps;
}

/** A mount namespace like the runtime's, which belongs to the container's user namespace: so flags of the host's mounts are locked. */
function making(kinds: number): Step[] {
  const flags = K.MS_SLAVE | K.MS_REC;
  const own: Step[] = [
    { op: "unshare", origin: "", fields: { flags: K.CLONE_NEWNS } },
    { op: "parentPropagation", origin: "", fields: { flags } },
  ];
  const steps = joining(kinds);
  const fork = steps.findIndex(({ op }) => op === "fork");
  steps.splice(fork < 0 ? steps.length : fork, 0, ...own);
  return steps;
}

function planMount(config: Config, mount: Mount, index: number, facts: LiveFacts, draft: Draft, users: boolean): void {
  const origin = `/mounts/${index}`;
  const unknown = unknownOption(mount);
  if (unknown !== undefined) throw badOption(`${origin}/options`, unknown);
  const whole: CgroupPiece = { op: "mount", fields: mountFields(mount, facts.bundle, false, facts.rootfs) };
  const pieces = facts.cgroupMounts[index] ?? [whole];
  pieces.forEach((piece, place) => {
    if (piece.op !== "mount") {
      draft.attach.push({ ...piece, origin });
      return;
    }
    const isWhole = place === 0;
    const data = facts.selinux ? withLabel(piece.fields, config) : piece.fields.data;
    const fields = { ...piece.fields, data, propagation: isWhole ? [] : piece.fields.propagation };
    draft.attach.push({ op: "mount", origin, fields: attached(fields, isWhole ? index : undefined, origin, draft, users) });
    if (!isWhole) return;
    const { target: path, propagation } = piece.fields;
    draft.attach.push({ op: "liveMount", origin, fields: { path, propagation, index } });
  });
}

/**
 * The fields of a mount as it is attached; adds the step that makes it, where that is done outside.
 * @param index in the list of mounts; `undefined` for a mount that comes with an entry
 */
function attached(
  fields: StepFields<"mount">,
  index: number | undefined,
  origin: string,
  draft: Draft,
  users: boolean,
): StepFields<"mount"> {
  const bind = (fields.flags & MountFlag.BIND) !== 0;
  const { target, source, fstype, flags, sb, set, recSet, data } = fields;
  if (fstype === "proc") draft.makesProcfs = true;
  // A tmpfs has no source, and its mode may be that of the directory that it covers.
  const isMadeInside = fstype === "tmpfs" || (fstype === "proc" && !users);
  if (isMadeInside && !bind) return { ...fields, flags: flags | MountFlag.HOLD };
  let tree = index;
  if (tree === undefined) {
    tree = draft.opened.length;
    const options = [(flags & MountFlag.RECURSIVE) !== 0 ? "rbind" : "bind"];
    draft.opened.push(bind ? { destination: target, source, options } : undefined);
  }
  if (!bind || users) {
    const made = { source, fstype, flags, sb, set: bind ? 0 : set | recSet, data, tree: tree + 1 };
    draft.make.push({ op: "detachedMount", origin, fields: made });
  }
  const own = bind ? {} : { sb: 0, clear: 0, implied: 0, fstype: "", data: "" };
  return {
    ...fields,
    ...own,
    flags: (flags & (OF_TARGET | MountFlag.RECURSIVE)) | MountFlag.BIND | MountFlag.HOLD,
    tree: tree + 1,
  };
}

/** A mount that was added, as far as it takes to find it. */
export interface MountIdentity {
  readonly path: string;
  readonly mount: bigint;
  readonly device: bigint;
  readonly inode: bigint;
  readonly filesystem: bigint;
}

/** Plans that mounts are taken away, in this order. */
export function planUnmounts(config: Config, mounts: readonly MountIdentity[]): Plan {
  const { made, joined } = readNamespaces(config);
  const steps = joining((made | joined) & (K.CLONE_NEWUSER | K.CLONE_NEWNS));
  mounts.forEach((mount, index) => steps.push({ op: "unmount", origin: `/mounts/${index}`, fields: { ...mount, index } }));
  return planned([...steps, done()]);
}
