// SPDX-License-Identifier: Apache-2.0
/**
 * The mounts that `init` holds by descriptors, because later steps look for files in them, and the time it holds them. A
 * directory of the image may trade places with another one at any time: its name is no way to the mount that was made on it.
 */
import { MountFlag, type Step } from "./steps.ts";

/** The most that `init` can hold at once (`HeldMounts::kMax`); far below any RLIMIT_NOFILE. Further mounts are found by name. */
const MAX_HELD = 256;

/** Whether a mount at the path itself is one that a step looks into, or only those above it. */
type Reach = "at" | "above";
type Use = readonly [path: string, reach: Reach];

/** The paths that a step looks for. */
function usesOf(step: Step): readonly Use[] {
  switch (step.op) {
    case "mount":
      return [[step.fields.target, "at"]];
    case "mountAttributes":
    case "maskPath":
    case "readonlyPath":
    case "workingDirectory":
      return [[step.fields.path, "at"]];
    case "symlink":
      return [[step.fields.path, "above"]];
    case "device":
      return [
        [step.fields.path, "above"],
        [step.fields.path, "at"],
      ];
    case "console":
      return [
        ["/dev/pts/ptmx", "at"],
        ["/dev/console", "above"],
        ["/dev/console", "at"],
      ];
    default:
      return [];
  }
}

function makesMount(step: Step): step is Extract<Step, { op: "mount" }> {
  return step.op === "mount" && (step.fields.flags & MountFlag.REMOUNT) === 0;
}

/** The mount that a path leads into: the latest one on the way, which covers the others. -1: the root at that time. */
function mountOf(path: string, reach: Reach, mounted: ReadonlyMap<string, number>): number {
  let latest = -1;
  let at = reach === "at" ? path : parentOf(path);
  for (; at !== "/"; at = parentOf(at)) latest = Math.max(latest, mounted.get(at) ?? -1);
  return (mounted.get("/") ?? -1) > latest ? -1 : latest;
}

function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

/** Marks the `mount` steps of a plan with HOLD and RELEASE. The time grows with the length of the paths alone. */
export function markHeldMounts(steps: Step[]): void {
  /** By path, the last step so far that mounts something there. */
  const mounted = new Map<string, number>();
  /** By step that makes a mount, the last step that looks into it. */
  const lastUse = new Map<number, number>();
  /** By step that makes a mount, the one that it is put into. */
  const bases = new Map<number, number>();
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index];
    if (step === undefined) continue;
    const makes = makesMount(step);
    for (const [path, reach] of usesOf(step)) {
      const base = mountOf(path, reach, mounted);
      if (base < 0) continue;
      lastUse.set(base, index);
      if (makes) bases.set(index, base);
    }
    if (makes) mounted.set(step.fields.target, index);
  }
  const held = new Set<number>();
  for (const index of mountSteps(steps)) {
    const step = steps[index];
    if (step?.op !== "mount") continue;
    let { flags } = step.fields;
    const base = bases.get(index) ?? -1;
    if (lastUse.get(base) === index && held.delete(base)) flags |= MountFlag.RELEASE;
    // A mount on the root is the root from then on.
    if (lastUse.has(index) && step.fields.target !== "/" && held.size < MAX_HELD) {
      flags |= MountFlag.HOLD;
      held.add(index);
    }
    if (flags !== step.fields.flags) steps[index] = { ...step, fields: { ...step.fields, flags } };
  }
}

function mountSteps(steps: readonly Step[]): readonly number[] {
  const indexes: number[] = [];
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index];
    if (step !== undefined && makesMount(step)) indexes.push(index);
  }
  return indexes;
}
