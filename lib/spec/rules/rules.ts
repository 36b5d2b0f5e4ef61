// SPDX-License-Identifier: Apache-2.0
import type { MeaningCheck } from "./rule.ts";
import { parseCpuList } from "./cpu_list.ts";
import { isIdMapOption, parseIdMapOption } from "./id_map_option.ts";
import { idMapChecks } from "./id_mappings.ts";
import { linuxChecks } from "./linux.ts";
import { namespaceChecks } from "./namespaces.ts";
import { type Finding, show } from "../schema/messages.ts";
import { semverMajor } from "./semver.ts";
import { collect, type Report, type WithoutWrongValues } from "../schema/without_wrong_values.ts";
import { checkSysctls } from "./sysctl.ts";
import type { Config, Hooks, Mount, POSIXRlimit, Process, Scheduler } from "../types.ts";

// Code that a common config.json passes through uses loops, not forEach, find or some: with the JIT off, as in the
// executable, the engine takes 10 to 70 microseconds for the first use of each such function.
const CHECKS: readonly MeaningCheck[] = [
  checkVersion,
  checkRoot,
  checkProcess,
  checkMounts,
  checkHooks,
  ...namespaceChecks,
  ...idMapChecks,
  checkSysctls,
  ...linuxChecks,
];

/** The highest id: the kernel takes 2^32-1 for "leave it as it is". */
const MAX_ID = 4294967294;

/**
 * Everything that breaks a rule of the specification, or of the kernel, which the schema cannot express.
 *
 * @param wrong JSON Pointers that are wrong already, and have been taken out; findings that rest on them are left out
 */
export function meaningProblems(config: WithoutWrongValues<Config>, wrong: readonly string[] = []): Finding[] {
  return collect(wrong, (report) => {
    for (const check of CHECKS) check(config, report);
  });
}

/** The kernel's finest grain of SCHED_DEADLINE, in nanoseconds (DL_SCALE). */
const MIN_DEADLINE_RUNTIME = 1024;

/** Versions of the specification; for these the time to load a parser of versions is saved. */
export const RELEASED: readonly string[] = ["1.0.0", "1.0.1", "1.0.2", "1.1.0", "1.2.0", "1.2.1", "1.3.0"];

function checkVersion({ ociVersion }: WithoutWrongValues<Config>, report: Report): void {
  if (ociVersion === undefined || RELEASED.includes(ociVersion)) return;
  // A text that is not a version is a warning.
  if ((semverMajor(ociVersion) ?? 1) <= 1) return;
  report("/ociVersion", `found ${show(ociVersion)}, but only versions up to 1.x are known`);
}

function checkRoot({ root }: WithoutWrongValues<Config>, report: Report): void {
  if (root === undefined) report("/root", "missing, but the specification requires it on Linux");
}

function checkProcess({ process }: WithoutWrongValues<Config>, report: Report): void {
  if (process === undefined) return;
  const { args, cwd, env, rlimits } = process;
  if (args === undefined || args.length === 0) {
    report("/process/args", `${args === undefined ? "missing" : "empty"}, must have at least one entry`);
  }
  if (cwd?.startsWith("/") === false) report("/process/cwd", `found ${show(cwd)}, must be an absolute path`);
  for (const [index, entry] of (env ?? []).entries()) {
    if (entry === undefined || entry.indexOf("=") > 0) continue;
    report(`/process/env/${index}`, `found ${show(entry)}, must be NAME=value`);
  }
  checkUser(process, report);
  if (rlimits !== undefined) checkRlimits(rlimits, report);
  checkScheduler(process, report);
  checkAffinity(process, report);
}

function checkAffinity({ execCPUAffinity }: WithoutWrongValues<Process>, report: Report): void {
  if (execCPUAffinity === undefined) return;
  for (const name of ["initial", "final"] as const) {
    const list = execCPUAffinity[name];
    if (list === undefined || list === "") continue;
    const mask = parseCpuList(list);
    if (typeof mask !== "string") continue;
    report(`/process/execCPUAffinity/${name}`, `found ${show(list)}, must be a list of CPUs such as 0-3,7: ${mask}`);
  }
}

function checkUser({ user, terminal, consoleSize }: WithoutWrongValues<Process>, report: Report): void {
  const checkId = (pointer: string, id: number | undefined): void => {
    if (id !== undefined && id > MAX_ID) report(pointer, `found ${id}, must be at most ${MAX_ID}`);
  };
  checkId("/process/user/uid", user?.uid);
  checkId("/process/user/gid", user?.gid);
  for (const [i, gid] of (user?.additionalGids ?? []).entries()) {
    checkId(`/process/user/additionalGids/${i}`, gid);
  }
  const umask = user?.umask;
  if (umask !== undefined && umask > 0o777) {
    report("/process/user/umask", `found ${umask}, must be at most 511 (octal 777)`);
  }
  if (terminal !== true || consoleSize === undefined) return;
  for (const side of ["height", "width"] as const) {
    const length = consoleSize[side];
    if (length === undefined || length <= 65535) continue;
    report(`/process/consoleSize/${side}`, `found ${length}, must be at most 65535`);
  }
}

function checkRlimits(rlimits: WithoutWrongValues<readonly POSIXRlimit[]>, report: Report): void {
  const seen = new Map<string, number>();
  for (const [index, limit] of rlimits.entries()) {
    if (limit === undefined) continue;
    const { type, soft, hard } = limit;
    const first = type === undefined ? undefined : seen.get(type);
    if (first !== undefined) {
      report(`/process/rlimits/${index}/type`, `${type} is set already, at /process/rlimits/${first}`);
    }
    if (type !== undefined) seen.set(type, first ?? index);
    if (soft !== undefined && hard !== undefined && soft > hard) {
      report(`/process/rlimits/${index}/soft`, `found ${soft}, must be at most the hard limit, ${hard}`);
    }
  }
}

/** sched_setattr(2) */
function checkScheduler({ scheduler }: WithoutWrongValues<Process>, report: Report): void {
  if (scheduler?.policy === undefined) return;
  const { policy, nice = 0, priority = 0 } = scheduler;
  const at = "/process/scheduler";
  if ((policy === "SCHED_OTHER" || policy === "SCHED_BATCH") && (nice < -20 || nice > 19)) {
    report(`${at}/nice`, `found ${nice}, must be from -20 to 19`);
  }
  if (priority !== 0 && policy !== "SCHED_FIFO" && policy !== "SCHED_RR") {
    report(`${at}/priority`, `found ${priority}, but ${policy} has no priority; allowed with SCHED_FIFO and SCHED_RR`);
  }
  if ((policy === "SCHED_FIFO" || policy === "SCHED_RR") && (priority < 1 || priority > 99)) {
    report(`${at}/priority`, `found ${priority}, but ${policy} needs a priority from 1 to 99`, [at, `${at}/priority`]);
  }
  if (policy === "SCHED_DEADLINE") {
    checkDeadline(scheduler, at, report);
    return;
  }
  for (const name of ["runtime", "deadline", "period"] as const) {
    const value = scheduler[name];
    if (value === undefined || Number(value) === 0) continue;
    report(`${at}/${name}`, `found ${value}, but ${policy} has none; allowed with SCHED_DEADLINE`);
  }
}

function checkMounts({ mounts, linux }: WithoutWrongValues<Config>, report: Report): void {
  for (const [index, mount] of (mounts ?? []).entries()) {
    const at = `/mounts/${index}`;
    if (mount !== undefined) checkKind(mount, at, report);
    const uids = mount?.uidMappings?.length ?? 0;
    const gids = mount?.gidMappings?.length ?? 0;
    if ((uids === 0) !== (gids === 0)) {
      const missing = uids === 0 ? "uidMappings" : "gidMappings";
      report(`${at}/${missing}`, "missing: uidMappings and gidMappings go together");
    }
    const options = mount?.options ?? [];
    const asked = options.findIndex((option) => option !== undefined && isIdMapOption(option));
    if (uids + gids === 0 && asked < 0) continue;
    const where = asked < 0 ? `${at}/uidMappings` : `${at}/options/${asked}`;
    const maps = parseIdMapOption(options[asked] ?? "", linux);
    if (typeof maps === "string") {
      report(where, maps, [where, "/linux/uidMappings", "/linux/uidMappings/*", "/linux/gidMappings", "/linux/gidMappings/*"]);
      continue;
    }
    if (!options.includes("bind") && !options.includes("rbind")) {
      report(where, "id-mapped mounts are only supported for bind-mounts (option bind or rbind)");
    }
    if (uids + gids > 0 || maps !== undefined || (linux?.namespaces ?? []).some((each) => each?.type === "user")) continue;
    const text = "an id-mapped mount needs uidMappings and gidMappings of its own, or a user namespace of the container";
    report(where, text);
  }
}

/** The kernel returns only EINVAL. A period of 0 means the deadline. */
function checkDeadline(scheduler: WithoutWrongValues<Scheduler>, at: string, report: Report): void {
  const { runtime = 0, deadline = 0, period = 0, flags = [] } = scheduler;
  if (flags.includes("SCHED_FLAG_KEEP_POLICY") || flags.includes("SCHED_FLAG_KEEP_PARAMS")) return;
  const reads = [`${at}/runtime`, `${at}/deadline`, `${at}/period`, `${at}/flags`, `${at}/flags/*`];
  if (runtime >= MIN_DEADLINE_RUNTIME && runtime <= deadline && (Number(period) === 0 || deadline <= period)) return;
  const found = `found runtime ${runtime}, deadline ${deadline}, period ${period}`;
  const must = `SCHED_DEADLINE needs ${MIN_DEADLINE_RUNTIME} <= runtime <= deadline <= period (nanoseconds)`;
  report(at, `${found}, but ${must}`, reads);
}

/** Checks the type of a mount. */
function checkKind({ options = [], type = "" }: WithoutWrongValues<Mount>, at: string, report: Report): void {
  const isDummy = type === "" || type === "none" || type === "bind";
  if (!isDummy || options.includes("remount") || options.includes("bind") || options.includes("rbind")) return;
  const found = type === "" ? "missing" : `found ${show(type)}`;
  const message = `${found}, must be a file system; for a bind mount the options need bind or rbind`;
  report(`${at}/type`, message, [`${at}/type`, `${at}/options`, `${at}/options/*`]);
}

const HOOKS: readonly (keyof Hooks)[] = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
];

function checkHooks({ hooks }: WithoutWrongValues<Config>, report: Report): void {
  if (hooks === undefined) return;
  for (const name of HOOKS) {
    for (const [index, hook] of (hooks[name] ?? []).entries()) {
      const path = hook?.path;
      if (path === undefined || path.startsWith("/")) continue;
      report(`/hooks/${name}/${index}/path`, `found ${show(path)}, must be an absolute path`);
    }
  }
}
