// SPDX-License-Identifier: Apache-2.0
/** The cgroup in which `exec` starts its process. */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { attachCgroup } from "../../cgroups/open.ts";
import { isUnified } from "../../cgroups/place/path.ts";
import { cgroupOfProcess } from "../../cgroups/place/path_of_process.ts";
import { RuntimeError } from "../../errors.ts";
import { InitProcess, type InitOptions } from "../../init/process.ts";
import { Errno } from "../../kernel/errno.ts";
import { startIn } from "../launch/start_init.ts";
import { STDIO } from "../launch/record_draft.ts";
import type { ExecOptions, RuntimeContext } from "../options.ts";
import { NO_CGROUP, type ContainerRecord } from "../record.ts";

/** An init that has started for an `exec`. */
export interface Started {
  readonly init: InitProcess;
  /** The container's cgroup, or the one that its first process is in. */
  readonly cgroup: Cgroup;
  /** The path below the container's cgroup that the process joins, by hierarchy. */
  readonly below: Readonly<Record<string, string>>;
  /** The kernel does not let the user into the cgroup; systemd has to move the process. */
  readonly isOutside: boolean;
  /** How many processes in that cgroup the kernel had killed before this one started. */
  readonly killedBefore: number;
}

/** Errors for a cgroup of version 2 that the container has left: it distributes controllers to its children, or is gone. */
const LEFT: readonly number[] = [Errno.EBUSY, Errno.ENOENT, Errno.ENODEV, Errno.EOPNOTSUPP];
/** How often the first process may move to another cgroup before the new process has followed it. */
const FOLLOW_ROUNDS = 3;

/**
 * Starts init for a process in a container, in its cgroup where the kernel can do that.
 * @throws USAGE for a cgroup that the container does not have; SYSCALL, CGROUP
 */
export function startInit(context: RuntimeContext, options: ExecOptions, record: ContainerRecord): Started {
  const cgroup = attachCgroup(record.cgroup_paths, context.log, record.init_process_pid);
  if (record.no_cgroup === true && Object.keys(options.cgroups ?? {}).length > 0) {
    throw new RuntimeError("USAGE", `--cgroup: container ${record.id}: ${NO_CGROUP}`);
  }
  const below = cgroupsBelow(options.cgroups ?? {}, cgroup.paths);
  const killedBefore = cgroup.oomKills();
  const initOptions = { clone: { flags: 0, staged: true }, stdio: options.stdio ?? STDIO, preserveFds: options.preserveFds ?? 0 };
  try {
    return { init: startIn(cgroup, initOptions, below), cgroup, below, isOutside: false, killedBefore };
  } catch (error) {
    const errno = error instanceof RuntimeError ? error.facts.errno : undefined;
    if (record.systemd !== undefined && (errno === Errno.EACCES || errno === Errno.EPERM)) {
      return { init: InitProcess.start(initOptions), cgroup, below, isOutside: true, killedBefore };
    }
    const isLeft = errno !== undefined && LEFT.includes(errno) && below[""] === undefined && isUnified(cgroup.paths);
    if (!isLeft) throw error;
    const followed = followFirst(context, record, initOptions, error);
    return { ...followed, below, isOutside: false, killedBefore: followed.cgroup.oomKills() };
  }
}

/**
 * The container has moved its processes, to enable controllers in cgroups of its own, or because it makes containers itself:
 * then the cgroup that it got cannot be entered, or has been removed. Its first process is in the cgroup that it chose.
 *
 * The container gains nothing by this: the kernel has let it move its first process there, so it could have moved the
 * new process there as well.
 *
 * @param why the error that entering the container's own cgroup gave
 */
function followFirst(
  { log }: RuntimeContext,
  { cgroup_paths: paths, init_process_pid: pid }: ContainerRecord,
  options: InitOptions,
  why: unknown,
): Pick<Started, "init" | "cgroup"> {
  let refused = why;
  for (let round = 0; round < FOLLOW_ROUNDS; round++) {
    const directory = cgroupOfProcess(pid, "");
    if (directory === undefined || directory === paths[""]) break;
    const cgroup = attachCgroup({ "": directory }, log);
    try {
      const init = startIn(cgroup, options);
      log.debug(`cgroup ${paths[""] ?? ""} cannot be entered: joined ${directory}, where the container's first process is`);
      return { init, cgroup };
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}

/**
 * The path below the container's cgroup, by hierarchy: "" stands for all of them; controllers of one hierarchy share a path.
 * @throws USAGE
 */
function cgroupsBelow(
  wanted: Readonly<Record<string, string>>,
  paths: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const below: Record<string, string> = {};
  for (const name in wanted) {
    const path = wanted[name];
    const directory = paths[name];
    if (path === undefined) continue;
    if (name !== "" && directory === undefined) {
      throw new RuntimeError("USAGE", `--cgroup: unknown controller ${name}: the container has no such cgroup`);
    }
    for (const other in paths) if (name === "" || paths[other] === directory) below[other] = path;
  }
  return below;
}
