// SPDX-License-Identifier: Apache-2.0
/** Why a process that has been killed does not end. */
import { parentOf } from "../../cgroups/files/tree.ts";
import { cgroupOfProcess } from "../../cgroups/place/path_of_process.ts";
import { AT_FDCWD, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** How many processes are named. */
const SHOWN = 3;
/** The kernel function where the first process of a pid namespace waits until all others in it have ended and been reaped. */
const WAITS_FOR_OTHERS = "zap_pid_ns_processes";

/** The reason why a killed process does not end, in words; if it waits for others of its pid namespace, their reasons. */
export function whyStuck(pid: number): string {
  const own = `it ${reason(pid)}`;
  if (wchan(`/proc/${pid}`) !== WAITS_FOR_OTHERS) return own;
  const others = othersIn(pid)
    .slice(0, SHOWN)
    .map((other) => `process ${other} ${reason(other)}`);
  return others.length === 0 ? own : `it waits for others of its pid namespace: ${others.join("; ")}`;
}

function reason(pid: number): string {
  const frozen = frozenBy(pid);
  if (frozen !== undefined) return `is frozen by the cgroup ${frozen}: it ends once THAWED is written to freezer.state there`;
  const status = readTextIfExists(`/proc/${pid}/status`) ?? "";
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1] ?? "";
  const tracer = field("TracerPid");
  const thread = uninterruptible(pid);
  if (thread !== undefined) return `is in an uninterruptible sleep in the kernel, in ${place(thread)}`;
  if (tracer !== "" && tracer !== "0") return `is held by process ${tracer}, which traces it`;
  if (field("State") === "Z") return `has ended, and its parent, process ${field("PPid")}, does not reap it`;
  return `is in the state ${field("State") || "unknown"}, in ${place(`/proc/${pid}`)}`;
}

/** The cgroup, its own or one above, whose freezer stops a process; on cgroup v2 a frozen process can be killed. */
function frozenBy(pid: number): string | undefined {
  for (let at = cgroupOfProcess(pid, "freezer"); at !== undefined && at !== "/"; at = parentOf(at)) {
    const self = readTextIfExists(`${at}/freezer.self_freezing`);
    if (self === undefined) return undefined;
    if (self.trim() === "1") return at;
  }
  return undefined;
}

/** Folder of a thread that no signal wakes. */
function uninterruptible(pid: number): string | undefined {
  const threads = native.readdir(AT_FDCWD, `/proc/${pid}/task`);
  for (const name of typeof threads === "number" ? [] : threads) {
    const folder = `/proc/${pid}/task/${name}`;
    if (/^State:\s*D/m.test(readTextIfExists(`${folder}/status`) ?? "")) return folder;
  }
  return undefined;
}

function place(folder: string): string {
  const name = wchan(folder);
  return name === "" || name === "0" ? "a place that this user is not told" : name;
}

function wchan(folder: string): string {
  return (readTextIfExists(`${folder}/wchan`) ?? "").trim();
}

function othersIn(first: number): number[] {
  const namespace = native.readlink(AT_FDCWD, `/proc/${first}/ns/pid`);
  const names = native.readdir(AT_FDCWD, "/proc");
  if (typeof namespace === "number" || typeof names === "number") return [];
  const pids = names.map(Number).filter((pid) => pid > 0 && pid !== first);
  return pids.filter((pid) => native.readlink(AT_FDCWD, `/proc/${pid}/ns/pid`) === namespace);
}
