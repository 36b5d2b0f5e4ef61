// SPDX-License-Identifier: Apache-2.0
/**
 * Steps that the runtime does to init because init may not do them itself: in a user namespace of its own it has lost the host's
 * rights, which are needed for limits above its own, real-time scheduling and the owners of the caller's streams.
 */
import { failureError } from "../../init/failure.ts";
import type { InitProcess } from "../../init/process.ts";
import { Refused, Stage, type OpName, type Step } from "../../plan/steps.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY, readText, O_ACCMODE } from "../../sys/files.ts";
import { F_GETFL, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";

/** FIFOs and sockets: a process that has one may read and write it. */
const CHANNELS: readonly number[] = [S_IFIFO, S_IFSOCK];

/** One step, done to a process from outside; negative: -errno. */
type Deed<Name extends OpName> = (pid: number, fields: Extract<Step, { op: Name }>["fields"]) => number;

const DEEDS: { readonly [Name in OpName]?: { readonly bit: number; readonly call: string; readonly act: Deed<Name> } } = {
  rlimit: {
    bit: Refused.RLIMITS,
    call: "prlimit",
    act: (pid, { resource, soft, hard }) => native.prlimit(pid, resource, soft, hard),
  },
  scheduler: {
    bit: Refused.SCHEDULER,
    call: "sched_setattr",
    act: (pid, { policy, flags, nice, priority, runtime, deadline, period }) =>
      native.schedSetattr(pid, policy, flags, Number(nice), priority, runtime, deadline, period),
  },
  ioPriority: {
    bit: Refused.IO_PRIORITY,
    call: "ioprio_set",
    act: (pid, { value }) => native.ioprioSet(pid, value),
  },
  oomScoreAdj: {
    bit: Refused.OOM_SCORE_ADJ,
    call: "write",
    act: (pid, { value }) => native.writeFile(AT_FDCWD, `/proc/${pid}/oom_score_adj`, O_WRONLY | O_CLOEXEC, 0, String(value)),
  },
};

/**
 * Does the steps that init was refused.
 * @param refused bits of `Refused`
 * @param stdio the caller's descriptors that init has as 0, 1 and 2
 * @throws STEP_FAILED, in the words of the step
 */
export function fromOutside(init: InitProcess, refused: number, stdio: readonly number[]): void {
  for (const [index, step] of init.steps.entries()) {
    const deed = DEEDS[step.op] as { readonly bit: number; readonly call: string; readonly act: Deed<OpName> } | undefined;
    if (deed !== undefined && (refused & deed.bit) !== 0) {
      const done = deed.act(init.pid, step.fields);
      if (done < 0) throw failed(init.steps, index, deed.call, -done);
    }
    if (step.op === "standardStreams" && (refused & Refused.STREAMS) !== 0) giveStreams(init.pid, stdio, step.fields.uid);
  }
}

function failed(steps: readonly Step[], step: number, call: string, errno: number): Error {
  return failureError({ stage: Stage.INIT, step, errno, call, value: 0, subject: "" }, steps, () => "");
}

/**
 * Lets the user of the process open his streams again by their names. A stream whose owner the runtime may not change stays as it
 * is, and so does every device, because it is the caller's.
 */
function giveStreams(pid: number, stdio: readonly number[], uid: number): void {
  const owner = hostId(readText(`/proc/${pid}/uid_map`), uid);
  if (owner === undefined) return;
  for (const fd of stdio) {
    const stat = native.stat(fd, "", true);
    if (typeof stat === "number" || stat.uid === owner) continue;
    const type = stat.mode & S_IFMT;
    // A file that was opened for reading keeps its owner: a new owner could write to it, too.
    const isOutput = type === S_IFREG && (native.fcntl(fd, F_GETFL, 0) & O_ACCMODE) !== 0;
    if (isOutput || CHANNELS.includes(type)) native.chown(fd, "", owner, -1);
  }
}

/**
 * The id outside of a user namespace that an id inside stands for.
 * @param map text of uid_map or gid_map
 */
export function hostId(map: string, id: number): number | undefined {
  for (const line of map.split("\n")) {
    const [inside, outside, size] = line.trim().split(/\s+/).map(Number);
    if (inside === undefined || outside === undefined || size === undefined) continue;
    if (id >= inside && id < inside + size) return outside + id - inside;
  }
  return undefined;
}
