// SPDX-License-Identifier: Apache-2.0
/**
 * linux.namespaces as clone flags and steps.
 *
 * If possible, one clone makes every new namespace and init is the only child. Three cases need a stage of
 * their own (`fork`): a pid namespace that is joined, because that takes effect for children only; a new user
 * namespace, because id maps have to be written between its making and an execve, which would drop all
 * capabilities of an unmapped user; and a new time namespace, because its offsets are fixed once a process is
 * in it.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#namespaces
 */
import type { Config, LinuxNamespaceType } from "../spec/types.ts";
import type { Slot } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import type { Step } from "./steps.ts";

const FLAGS: Readonly<Record<LinuxNamespaceType, number>> = {
  pid: K.CLONE_NEWPID,
  network: K.CLONE_NEWNET,
  mount: K.CLONE_NEWNS,
  ipc: K.CLONE_NEWIPC,
  uts: K.CLONE_NEWUTS,
  user: K.CLONE_NEWUSER,
  cgroup: K.CLONE_NEWCGROUP,
  time: K.CLONE_NEWTIME,
};

/** Every kind of namespace that the runtime knows, sorted; for `features`. */
export function knownNamespaces(): string[] {
  return Object.keys(FLAGS).sort();
}

/** The namespaces of a container. */
export interface Namespaces {
  /** CLONE_NEW* of those that are made. */
  readonly made: number;
  /** CLONE_NEW* of those that are joined. */
  readonly joined: number;
  readonly joins: readonly { readonly flag: number; readonly path: string; readonly origin: string }[];
}

/** Reads linux.namespaces; an empty path is as none. */
export function readNamespaces(config: Config): Namespaces {
  let made = 0;
  let joined = 0;
  const joins: { flag: number; path: string; origin: string }[] = [];
  const list = config.linux?.namespaces ?? [];
  for (let index = 0; index < list.length; index++) {
    const namespace = list[index];
    if (namespace === undefined) continue;
    const flag = FLAGS[namespace.type];
    if (namespace.path === undefined || namespace.path === "") {
      made |= flag;
    } else {
      joined |= flag;
      joins.push({ flag, path: namespace.path, origin: `/linux/namespaces/${index}` });
    }
  }
  return { made, joined, joins };
}

/** The way in which init is made. */
export interface InitClone {
  /** CLONE_NEW* for the clone itself. */
  readonly flags: number;
  /** It is the stage that joins or makes the namespaces, and clones the container's first process (`fork`). */
  readonly staged: boolean;
}

/** The clone of the process that runs the plan. */
export function initClone({ made, joined }: Namespaces): InitClone {
  const staged = ((made | joined) & K.CLONE_NEWUSER) | (made & K.CLONE_NEWTIME) | (joined & K.CLONE_NEWPID);
  return staged === 0 ? { flags: made & ~K.CLONE_NEWCGROUP, staged: false } : { flags: 0, staged: true };
}

/** Whether the container has its own namespace of that kind, made or joined. */
export function hasNamespace(namespaces: Namespaces, flag: number): boolean {
  return ((namespaces.made | namespaces.joined) & flag) !== 0;
}

/**
 * Adds the steps that put init into its namespaces, except the cgroup namespace, which has to be made after
 * the process is in its cgroup. They go with {@link initClone}.
 */
export function namespaceSteps(namespaces: Namespaces, steps: Step[], slots: Slot[]): void {
  const { made } = namespaces;
  const join = ({ flag, path, origin }: (typeof namespaces.joins)[number], slot: number, attempt: number): void => {
    steps.push({ op: "joinNamespace", origin, fields: { slot, kind: flag, path, attempt } });
  };
  let user: (typeof namespaces.joins)[number] | undefined;
  for (const one of namespaces.joins) if (one.flag === K.CLONE_NEWUSER) user = one;
  // The runtime cannot know whether a namespace belongs to the user namespace that is joined, or to its own; to join a
  // namespace takes privileges in its owner. So a namespace that is refused outside is joined from inside.
  const others: (readonly [one: (typeof namespaces.joins)[number], slot: number])[] = [];
  for (const one of namespaces.joins) {
    if (one === user) continue;
    others.push([one, slots.length]);
    join(one, slots.length, user === undefined ? 0 : 1);
    slots.push({ kind: "namespace", ...one });
  }
  if (user !== undefined) {
    join(user, slots.length, 0);
    slots.push({ kind: "namespace", ...user });
    for (const [one, slot] of others) join(one, slot, 2);
  }
  if (!initClone(namespaces).staged) return;

  if ((made & K.CLONE_NEWUSER) !== 0) {
    const origin = "/linux/namespaces";
    steps.push({ op: "unshare", origin, fields: { flags: K.CLONE_NEWUSER } });
    steps.push({ op: "idMaps", origin: "/linux/uidMappings", fields: {} });
  }
  if ((made & K.CLONE_NEWTIME) !== 0) {
    steps.push({ op: "unshare", origin: "/linux/namespaces", fields: { flags: K.CLONE_NEWTIME } });
    steps.push({ op: "timeOffsets", origin: "/linux/timeOffsets", fields: {} });
  }
  const rest = made & ~(K.CLONE_NEWCGROUP | K.CLONE_NEWUSER | K.CLONE_NEWTIME);
  steps.push({ op: "fork", origin: "/linux/namespaces", fields: { flags: rest } });
}
