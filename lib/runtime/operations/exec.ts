/**
 * `exec`: one more process in a container that is there.
 *
 * The namespaces are those of the container's first process, through a pidfd that is known to be of that very process;
 * nothing of the container is found by name before `init` is inside.
 */
import * as intelRdt from "../host/intel_rdt.ts";
import { attachCgroup } from "../../cgroups/open.ts";
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { cgroupOfProcess } from "../../cgroups/place/path_of_process.ts";
import { isUnified } from "../../cgroups/place/path.ts";
import { subPath } from "../../cgroups/files/tree.ts";
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import { InitProcess, type InitOptions } from "../../init/process.ts";
import type { Plan } from "../../plan/build.ts";
import { buildExecPlan } from "../../plan/exec.ts";
import type { Config, Process } from "../../spec/types.ts";
import { Errno } from "../../kernel/errno.ts";
import { checkValue } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { startIn } from "../launch/start_init.ts";
import { warnOfCapabilities } from "../launch/capability_warnings.ts";
import { connectConsole, relaysConsole } from "../launch/console_socket.ts";
import { openInit } from "../container/destroy.ts";
import { processOf } from "../launch/exec_process.ts";
import { savedConfig } from "../container/saved_config.ts";
import { closeTerminal, openTerminal } from "../host/host_terminal.ts";
import type { ExecOptions, RuntimeContext } from "../options.ts";
import { sendPidfd } from "../launch/pidfd_socket.ts";
import { containerFilter, sendListener } from "../host/seccomp.ts";
import { securityModules } from "../host/security_modules.ts";
import { serve, untilExecuted } from "../launch/answer_init.ts";
import { openSlots } from "../launch/slots.ts";
import { checkPreserved } from "../launch/preserve_fds.ts";
import { startError } from "../launch/start_error.ts";
import { isAlive, status } from "../container/status.ts";
import { find, recordOf, writePidFile, type Entry } from "../container/store.ts";
import { NO_CGROUP, type ContainerRecord } from "../record.ts";
import { catchSignals, ConsoleRelay, receiveMaster, supervise } from "../launch/supervise.ts";
import { attachToUnit } from "../../cgroups/systemd/driver.ts";

const SOCK_STREAM = 1;
/** What comes up, in the words of errors. */
const WHO = "the process";

/** What an `exec` works on. */
interface Target {
  readonly entry: Entry;
  readonly record: ContainerRecord;
  readonly config: Config;
  readonly process: Process;
  /** Of the container's first process. */
  readonly pidfd: number;
}

/**
 * Runs a process in a container; unless detached, waits for its end.
 *
 * @returns the exit status of the process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE for a stopped or paused one, CONFIG_INVALID, USAGE, STEP_FAILED, INIT_DIED
 */
export async function exec(context: RuntimeContext, options: ExecOptions): Promise<number> {
  return (await bringUp(context, options)).status;
}

/**
 * Runs a process in a container, and returns once its program runs.
 * @returns its pid, as this process's pid namespace knows it
 * @throws as {@link exec}
 */
export async function execDetached(context: RuntimeContext, options: ExecOptions): Promise<number> {
  return (await bringUp(context, { ...options, detach: true })).pid;
}

/** What has become of the process: `status` is 0 where it was not waited for. */
interface Outcome {
  readonly pid: number;
  readonly status: number;
}

async function bringUp(context: RuntimeContext, options: ExecOptions): Promise<Outcome> {
  const entry = find(context.root, options.id);
  let pidfd: number | undefined;
  try {
    const record = recordOf(entry);
    const now = status(entry, record);
    if (now === "paused" && options.ignorePaused !== true) {
      throw new RuntimeError("WRONG_STATE", "cannot exec in a paused container (use --ignore-paused to override)");
    }
    pidfd = record === undefined ? undefined : openInit(record);
    if (record === undefined || pidfd === undefined || now === "creating" || now === "stopped") {
      throw now === "creating" ? stillCreating() : stopped();
    }
    const config = withTimeNamespace(savedConfig(entry), record);
    const process = processOf(options, config);
    return await execIn(context, options, { entry, record, config, process, pidfd });
  } finally {
    if (pidfd !== undefined) native.close(pidfd);
    entry.close();
  }
}

/** CRIU puts what it restores into a time namespace, so that its clocks go on where they stood. */
function withTimeNamespace(config: Config, { restored }: ContainerRecord): Config {
  const { namespaces = [] } = config.linux ?? {};
  if (restored?.time_namespace !== true || namespaces.some(({ type }) => type === "time")) return config;
  return { ...config, linux: { ...config.linux, namespaces: [...namespaces, { type: "time" }] } };
}

async function execIn(context: RuntimeContext, options: ExecOptions, target: Target): Promise<Outcome> {
  const detach = options.detach === true;
  const terminal = target.process.terminal === true;
  checkPreserved(options.preserveFds ?? 0);
  const selinux = securityModules(target.config, target.process, context.log);
  const given = await connectConsole(terminal, detach, options);
  const host = terminal && !detach ? openTerminal() : undefined;
  const pair = terminal && !detach ? checkValue(native.socketpair(SOCK_STREAM), "socketpair") : undefined;
  const consoleSocket = given ?? pair?.[1];
  warnOfCapabilities(context, target.process, true);
  // From here on a signal must not end us: until the program runs it ends the waits, after that it is for the process.
  const signals = detach ? undefined : catchSignals();
  let init: InitProcess | undefined;
  try {
    init = await join(context, options, target, consoleSocket, selinux);
    const { pid } = init;
    if (signals === undefined) return { pid, status: 0 };
    const relay = pair === undefined || host === undefined ? undefined : new ConsoleRelay(receiveMaster(pair[0]), host);
    try {
      return { pid, status: supervise(pid, init.pidfd, signals, relay) };
    } finally {
      relay?.close();
    }
  } finally {
    init?.close();
    for (const fd of [consoleSocket, pair?.[0]]) {
      if (fd !== undefined && fd >= 0) native.close(fd);
    }
    closeTerminal(host);
  }
}

/** Brings the process into the container, up to its program; whatever fails, it is gone. */
async function join(
  context: RuntimeContext,
  options: ExecOptions,
  target: Target,
  consoleSocket: number | undefined,
  selinux: boolean,
): Promise<InitProcess> {
  const { record, config, process } = target;
  const preserveFds = options.preserveFds ?? 0;
  const own = attachCgroup(record.cgroup_paths, context.log, record.init_process_pid);
  if (record.no_cgroup === true && Object.keys(options.cgroups ?? {}).length > 0) {
    throw new RuntimeError("USAGE", `--cgroup: container ${record.id}: ${NO_CGROUP}`);
  }
  const below = cgroupsBelow(options.cgroups ?? {}, own.paths);
  let killed = own.oomKills();
  const { init, isOutside, cgroup } = startInit(context, own, below, options, record);
  if (cgroup !== own) killed = cgroup.oomKills();
  const fds: number[] = [];
  try {
    const noNewKeyring = record.no_new_keyring === true;
    const { id, rootfs, bundle } = record;
    const seccomp = containerFilter(context, config);
    const relays = relaysConsole(options);
    const facts = { id, rootfs, noNewKeyring, preserveFds, relaysConsole: relays, selinux, seccomp };
    const plan = buildExecPlan(config, process, facts);
    openSlots(plan.slots, target.entry, new Map(), consoleSocket, fds, target.pidfd);
    init.sendPlan(plan, fds);
    context.log.debug(`container ${record.id}: nsexec container setup: init started with a plan of ${plan.steps.length} steps`);
    tellAffinity(context, plan);
    const rdt = record.intel_rdt === undefined ? undefined : intelRdt;
    const { systemd: unit } = record;
    const service = {
      ...(isOutside && unit !== undefined && {
        register: (pid: number) => {
          attachToUnit(unit, subPath(below[""]).slice(1), pid);
        },
      }),
      joinFds: () => {
        try {
          return cgroup.joinFds(below);
        } catch (error) {
          throw asRuntimeError(error).prefixed(`error adding pid ${init.asking} to cgroups: `);
        }
      },
      // Of what the kernel has killed before this process is no part.
      oomKills: () => cgroup.oomKills() - killed,
    };
    await serve(init, config, service, {
      who: WHO,
      stdio: options.stdio ?? [0, 1, 2],
      runtimeHooks: () => Promise.resolve(),
      seccompListener: (fd) => {
        const statePid = record.init_process_pid;
        return sendListener(config, init, fd, { id, bundle, statePid, status: "running" });
      },
      ready: () => {
        if (rdt !== undefined && record.intel_rdt !== undefined) rdt.addToRdt(record.intel_rdt, init.pid);
        if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, init.pidfd, "setns");
      },
    });
    context.log.debug(`container ${record.id}: child process in init(), pid ${init.pid}`);
    await untilExecuted(init, service, WHO);
    context.log.debug(`container ${record.id}: setns_init: about to exec was the last word of pid ${init.pid}`);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, init.pid);
    return init;
  } catch (error) {
    init.kill();
    throw hasStoppedMeanwhile(error, record) ? stopped() : startError(error);
  } finally {
    for (const fd of fds) native.close(fd);
  }
}

/** What `initial` and `final` of `execCPUAffinity` come to, lowest CPU last, in runc's words for it. */
function tellAffinity(context: RuntimeContext, plan: Plan): void {
  for (const step of plan.steps) {
    if (step.op !== "cpuAffinity" || step.origin === "") continue;
    let mask = "";
    for (const byte of step.fields.mask) mask = byte.toString(16).padStart(2, "0") + mask;
    const text = mask.replace(/^0+(?=.)/, "");
    const when = step.origin.endsWith("initial") ? "nsexec before the cgroup" : "nsexec in the cgroup";
    context.log.debug(`${when}: affinity: 0x${text}`);
  }
}

/** Where the process has come up. */
interface Started {
  readonly init: InitProcess;
  /** The kernel does not let the user into the cgroup; systemd has to move the process. */
  readonly isOutside: boolean;
  /** The container's, or the one that its first process is in. */
  readonly cgroup: Cgroup;
}

/** Why a process cannot come up in a cgroup of version 2 that the container has left: it passes controllers on, or is gone. */
const LEFT: readonly number[] = [Errno.EBUSY, Errno.ENOENT, Errno.ENODEV, Errno.EOPNOTSUPP];
/** How often the first process may move on before this one has followed it. */
const FOLLOW_ROUNDS = 3;

function startInit(
  context: RuntimeContext,
  cgroup: Cgroup,
  below: Readonly<Record<string, string>>,
  { stdio = [0, 1, 2], preserveFds = 0 }: ExecOptions,
  record: ContainerRecord,
): Started {
  const options: InitOptions = {
    clone: { flags: 0, staged: true },
    stdio,
    preserveFds,
    hookOutput: () => "",
  };
  try {
    return { init: startIn(cgroup, options, below), isOutside: false, cgroup };
  } catch (error) {
    const errno = error instanceof RuntimeError ? error.facts.errno : undefined;
    if (record.systemd !== undefined && (errno === Errno.EACCES || errno === Errno.EPERM)) {
      return { init: InitProcess.start(options), isOutside: true, cgroup };
    }
    const isLeft = errno !== undefined && LEFT.includes(errno) && below[""] === undefined && isUnified(cgroup.paths);
    if (!isLeft) throw error;
    return { ...followFirst(context, record, options, error), isOutside: false };
  }
}

/**
 * The container has moved its processes, to give controllers to cgroups of its own, or because it makes containers itself: then
 * nobody can enter the cgroup that it got, or it has been removed. Its first process is in the one that it chose instead.
 *
 * It gains nothing that it could not do itself: the kernel has let it move its first process there, and where this one is taken
 * it could have moved it as well.
 *
 * @param why the container's own cgroup cannot be entered
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
 * What each hierarchy is joined below of: "" stands for all of them, and controllers of one hierarchy go together.
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

/** The container's first process may end at any time; then the kernel refuses its namespaces. */
function hasStoppedMeanwhile(error: unknown, record: ContainerRecord): boolean {
  if (!(error instanceof RuntimeError)) return false;
  const { syscall } = error.facts;
  if (error.code !== "INIT_DIED" && syscall !== "setns" && syscall !== "clone") return false;
  return !isAlive(record.init_process_pid, record.init_process_start);
}

function stopped(): RuntimeError {
  return new RuntimeError("WRONG_STATE", "cannot exec in a stopped container");
}

function stillCreating(): RuntimeError {
  return new RuntimeError("WRONG_STATE", "cannot exec in a container that is still being created");
}
