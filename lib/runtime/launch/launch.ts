/**
 * What `create` and `run` share: from a bundle to an init that has done everything but execute the program.
 * Steps 1 to 5 of the lifecycle.
 *
 * Whatever has been made is undone here, and only here, when any of it fails.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#lifecycle
 */
import * as members from "../container/members.ts";
import { openCgroup } from "../../cgroups/open.ts";
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { cgroupLayout, isUnifiedAlone, type CgroupLayout } from "../../cgroups/place/layout.ts";
import { RuntimeError } from "../../errors.ts";
import { InitProcess } from "../../init/process.ts";
import { buildPlan, stateParts, type Plan } from "../../plan/build.ts";
import type { PlanFacts } from "../../plan/facts.ts";
import type { Log } from "../../log.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { treeMounts } from "../../plan/mount_trees.ts";
import { initClone, readNamespaces, type InitClone, type Namespaces } from "../../plan/namespaces.ts";
import { PLAN_VERSION } from "../../plan/steps.ts";
import { DELEGATE_CGROUP, PIDFD_RECEIVER } from "../../spec/annotations.ts";
import type { Config } from "../../spec/types.ts";
import { AT_FDCWD, exists } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { loadBundle, type Bundle } from "../bundle.ts";
import { beginIn, startIn } from "./start_init.ts";
import { mountTrees } from "../host/mount_trees.ts";
import { sendPidfd } from "./pidfd_socket.ts";
import { warnOfCapabilities } from "./capability_warnings.ts";
import { cgroupPieces } from "../host/cgroup_mounts.ts";
import { withIdMaps } from "../host/default_id_maps.ts";
import { copiedLinks } from "../host/copied_links.ts";
import { runPoststop } from "../container/destroy.ts";
import { relaysConsole } from "./console_socket.ts";
import { runHooks } from "../host/hooks.ts";
import { makeNotifyDirectory, NOTIFY_ENV, NotifySocket, withNotifyMount } from "./notify_socket.ts";
import { moveNetDevices, type MovedDevices } from "../host/net_devices.ts";
import { checkSysctls } from "../host/network_sysctls.ts";
import type { CreateOptions, RuntimeContext } from "../options.ts";
import { checkUserNamespace, mayLackCgroups } from "../host/rootless.ts";
import { containerFilter, sendListener } from "../host/seccomp.ts";
import { securityModules } from "../host/security_modules.ts";
import { serve } from "./answer_init.ts";
import { openSlots } from "./slots.ts";
import { checkPreserved } from "./preserve_fds.ts";
import { openNamespaces, type OpenNamespaces } from "../host/namespaces.ts";
import { socketActivation } from "./socket_activation.ts";
import { startError } from "./start_error.ts";
import { processStartTime } from "../container/status.ts";
import { reserve, STATE_VERSION, writePidFile, type Entry } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";
import { withoutCgroup } from "../../cgroups/disabled.ts";
import { openUnit } from "../../cgroups/systemd/driver.ts";
import { delegatedPath, moveToDelegated } from "../../cgroups/v2/delegated.ts";
import { asksNothing, findResctrl, joinRdt, rdtRecord, requireResctrl } from "../host/intel_rdt.ts";

const STDIO = [0, 1, 2] as const;

/** How the container is to come up. */
export interface LaunchMode {
  /** Stop before the program until `start` opens the FIFO. */
  readonly waitForStart: boolean;
  /** Connected socket that gets the master of the console; belongs to the caller. */
  readonly consoleSocket?: number;
}

/** A container whose init is ready (or, without `waitForStart`, on its way to the program). */
export interface Launched {
  readonly bundle: Bundle;
  readonly entry: Entry;
  readonly record: ContainerRecord;
  readonly cgroup: Cgroup;
  readonly init: InitProcess;
  /** Where a service manager has to be told when the program is ready, and there is no `start` that will do it. */
  readonly notify?: NotifySocket;
  /** Takes everything back, and runs the poststop hooks if hooks of this container have run. */
  undo(): Promise<void>;
}

/**
 * Makes the container.
 * @throws every code that a bundle, the host or a hook can give; nothing is left behind
 */
export async function launch(
  context: RuntimeContext,
  options: CreateOptions,
  bundle: Bundle,
  mode: LaunchMode,
): Promise<Launched> {
  const { config } = bundle;
  const activation = socketActivation(process.env, process.pid);
  const preserveFds = activation.count + (options.preserveFds ?? 0);
  checkPreserved(preserveFds);
  const selinux = securityModules(config, config.process, context.log);
  const rdt = intelRdt(config, options.id);
  const namespaces = readNamespaces(config);
  checkUserNamespace(namespaces);
  checkSysctls(config);
  const clone = initClone(namespaces);
  const initOptions = {
    clone,
    stdio: options.stdio ?? STDIO,
    preserveFds,
    hookOutput: (): string => entry?.hookOutput() ?? "",
  };
  const fds: number[] = [];
  let layout: CgroupLayout;
  let joined: OpenNamespaces;
  let entry: Entry | undefined;
  // It makes the namespaces while the state is written.
  let waiting = startsEarly(context, clone) ? InitProcess.start({ ...initOptions, early: true }) : undefined;
  try {
    layout = cgroupLayout();
    joined = openNamespaces(namespaces, fds);
    entry = await reserve(context.root, options.id);
  } catch (error) {
    waiting?.kill();
    for (const fd of fds) native.close(fd);
    throw error;
  }
  const undo: (() => void | Promise<void>)[] = [() => entry.remove()];
  let devices: MovedDevices | undefined;
  const undoAll = async (): Promise<void> => {
    for (let action = undo.pop(); action !== undefined; action = undo.pop()) {
      try {
        await action();
      } catch (error) {
        context.log.warn(`clean-up: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    entry.close();
  };
  try {
    const rootless = mayLackCgroups(context);
    const cgroup = newCgroup(context, layout, config, options.id, rootless);
    const delegated = delegatedCgroup(config, layout);
    let record = firstRecord(bundle, options, namespaces, cgroup);
    if (rdt !== undefined) record = { ...record, intel_rdt: rdt.record };
    if (context.withoutCgroups === true) record = { ...record, no_cgroup: true };
    const { log } = context;
    log.debug(`container ${options.id}: state in ${entry.path}, rootfs ${bundle.rootfs}`);
    // Before anything is made, so that `delete --force` can clean up after a runt that was killed.
    entry.prepare(record);
    entry.publish();
    undo.push(() => cgroup.undo());
    const notify = notifySocket(config, entry, mode, log);
    if (notify?.socket !== undefined) undo.push(() => notify.socket?.close());
    const planned = notify?.config ?? config;
    const init = waiting ?? startIn(cgroup, initOptions);
    if (waiting !== undefined) beginIn(cgroup, waiting);
    waiting = undefined;
    if (!record.own_pid_namespace) undo.push(() => cgroup.killAll(SIGKILL));
    undo.push(() => init.kill(() => cgroup.thawKilled()));
    // From here on init works at the same time: it starts while the plan is made, and it mounts while the
    // cgroups are made and the state is written.
    const seccomp = containerFilter(context, config);
    // The plan shows the container its cgroups, and only a try tells which of them it gets.
    if (rootless) cgroup.create();
    const links = copiedLinks(planned, bundle.path);
    const facts: PlanFacts = {
      id: options.id,
      bundle: bundle.path,
      rootfs: bundle.rootfs,
      noPivot: options.noPivot ?? false,
      noNewKeyring: options.noNewKeyring ?? false,
      preserveFds,
      extraEnv: notify === undefined ? activation.env : [...activation.env, notify.env],
      relaysConsole: relaysConsole(options),
      waitForStart: mode.waitForStart,
      kcore: exists("/proc/kcore"),
      selinux,
      cgroupMounts: cgroupPieces(config, layout, cgroup.paths),
      ...(seccomp === undefined ? {} : { seccomp }),
      links,
      trees: treeMounts(planned, namespaces, links),
    };
    const plan = buildPlan(planned, facts);
    if (mode.waitForStart) entry.makeFifo();
    const slots: number[] = [];
    try {
      openSlots(plan.slots, entry, joined, mode.consoleSocket, slots);
      init.sendPlan(plan, slots);
    } finally {
      for (const fd of slots) native.close(fd);
    }
    log.debug(`nsexec container setup: init started with a plan of ${plan.steps.length} steps`);
    if (!rootless) cgroup.create();
    cgroup.limit(config.linux?.resources);
    // Nothing but namespaces will tell which processes are the container's.
    const isBare = !record.own_pid_namespace && Object.keys(cgroup.paths).length === 0;
    const marks = isBare ? members : undefined;
    log.debug(`cgroups made and limited at ${cgroup.paths["devices"] ?? cgroup.paths[""] ?? ""}`);
    const prepare = (): void => {
      record = {
        ...record,
        init_process_pid: init.pid,
        init_process_start: processStartTime(init.pid),
        program_step: programStep(plan),
      };
      entry.prepare(record);
    };
    const isKnown = await init.first();
    log.debug(`child process in init(), pid ${init.pid}`);
    let isWritten = false;
    const write = (): void => {
      if (isWritten) return;
      isWritten = true;
      entry.writeFile("config.json", bundle.text);
      warnOfCapabilities(context, config.process);
      if (isKnown) prepare();
    };
    // Init mounts now; when it asks for them it need not wait.
    const joining = isKnown && layout.kind !== "v2" && cgroup.register === undefined ? cgroup.joinFds() : undefined;
    if (joining !== undefined) fds.push(...joining);
    let poststopIsDue = false;
    const hooksRun = (): void => {
      if (poststopIsDue) return;
      poststopIsDue = true;
      undo.unshift(() => poststopAfterFailure(context, bundle, options.id));
    };
    const { createContainer, startContainer } = config.hooks ?? {};
    const ownHooks = (createContainer?.length ?? 0) + (mode.waitForStart ? 0 : (startContainer?.length ?? 0));
    if (ownHooks > 0) hooksRun();
    const answers = {
      joinFds: () => {
        if (joining === undefined) return cgroup.joinFds();
        fds.splice(fds.indexOf(joining[0] ?? -1), joining.length);
        return joining;
      },
      oomKills: () => cgroup.oomKills(),
      oomKillsAround: () => cgroup.oomKillsAround?.() ?? 0,
      ...(cgroup.register !== undefined && { register: (pid: number) => cgroup.register?.(pid) }),
    };
    await serve(init, config, answers, {
      stdio: initOptions.stdio,
      meanwhile: write,
      runtimeHooks: async () => {
        write();
        hooksRun();
        log.debug("running the prestart and createRuntime hooks");
        const [head, tail] = stateParts(config, facts, "creating");
        const state = `${head}${init.pid}${tail}`;
        await runHooks("prestart", config.hooks?.prestart, state, bundle.path, config.annotations);
        await runHooks("createRuntime", config.hooks?.createRuntime, state, bundle.path, config.annotations);
      },
      netDevices: (pid) => {
        const moved = moveNetDevices(config.linux?.netDevices ?? {}, pid);
        devices = moved;
        undo.push(() => moved.back());
      },
      mountTree: mountTrees(planned, bundle.path, namespaces, joined, fds),
      seccompListener: (fd) => {
        const { path } = bundle;
        return sendListener(config, init, fd, { id: options.id, bundle: path, statePid: init.pid, status: "creating" });
      },
      ready: () => {
        write();
        if (marks !== undefined) record = { ...record, namespaces: marks.madeNamespaces(init.pid, namespaces.made) };
        if (!isKnown || marks !== undefined) prepare();
        if (rdt !== undefined) undo.push(rdt.join(init.pid));
        delegated?.(cgroup, init.pid);
        if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, init.pidfd, "standard");
        const receiver = pidfdReceiver(bundle);
        if (receiver !== undefined) sendPidfd(receiver, init.pidfd, "standard", `the annotation ${PIDFD_RECEIVER}:`);
        const { pidFile } = options;
        if (pidFile !== undefined) {
          writePidFile(pidFile, init.pid);
          undo.push(() => void native.unlink(AT_FDCWD, pidFile));
        }
        entry.publish();
        log.debug(`container ${options.id}: init is ready, pid ${init.pid}; init: closing the pipe to signal completion`);
      },
    });
    const forwards = notify?.socket === undefined ? {} : { notify: notify.socket };
    return { bundle, entry, record, cgroup, init, ...forwards, undo: undoAll };
  } catch (error) {
    context.log.debug(`container ${options.id}: failed, taking everything back`);
    waiting?.kill();
    await undoAll();
    throw startError(error);
  } finally {
    devices?.close();
    for (const fd of fds) native.close(fd);
  }
}

/**
 * Whether init may make namespaces before it is in its cgroup: with cgroup v2 alone their memory counts there. With a stage
 * of its own (`staged`) the plan says when they are made.
 */
function startsEarly({ systemdCgroup }: RuntimeContext, { staged }: InitClone): boolean {
  return !systemdCgroup && !staged && !isUnifiedAlone();
}

/** The container's cgroup, by the driver that is asked for. */
function newCgroup(
  { log, systemdCgroup, withoutCgroups }: RuntimeContext,
  layout: CgroupLayout,
  config: Config,
  id: string,
  rootless: boolean,
): Cgroup {
  if (withoutCgroups === true) return withoutCgroup(config, log);
  if (!systemdCgroup) return openCgroup(layout, config, id, log, { rootless });
  return openUnit(layout, config, id, log, rootless);
}

/** What moves the container's first process into the cgroup that an annotation asks for. */
function delegatedCgroup(config: Config, layout: CgroupLayout) {
  if (config.annotations?.[DELEGATE_CGROUP] === undefined) return undefined;
  const path = delegatedPath(config, layout);
  if (path === undefined || path === "") return undefined;
  return ({ paths }: Cgroup, pid: number): void => {
    const directory = paths[""];
    if (directory !== undefined) moveToDelegated(layout, directory, path, pid, config);
  };
}

/** The groups of `linux.intelRdt`, and what moves a process into them. */
function intelRdt(config: Config, id: string) {
  const rdt = config.linux?.intelRdt;
  if (rdt === undefined) return undefined;
  const found = findResctrl();
  if (found === undefined && asksNothing(rdt)) return undefined;
  const resctrl = requireResctrl(rdt, found);
  const record = rdtRecord(rdt, id, resctrl);
  return { record, join: (pid: number) => joinRdt(rdt, record, pid, resctrl) };
}

/** What NOTIFY_SOCKET of this process's environment comes to: a socket in the container, and its mount. */
function notifySocket(
  config: Config,
  entry: Entry,
  mode: LaunchMode,
  log: Log,
): { config: Config; env: string; socket: NotifySocket | undefined } | undefined {
  const host = process.env["NOTIFY_SOCKET"] ?? "";
  if (host === "" || config.process === undefined) return undefined;
  makeNotifyDirectory(entry.path);
  const socket = mode.waitForStart ? undefined : NotifySocket.bind(entry.path, host, log);
  return { config: withNotifyMount(config, entry.path), env: NOTIFY_ENV, socket };
}

/** The record of a container that has no process yet. */
export function firstRecord(
  bundle: Bundle,
  options: Pick<CreateOptions, "id" | "noNewKeyring" | "stdio">,
  namespaces: Namespaces,
  cgroup: Cgroup,
): ContainerRecord {
  const { config } = bundle;
  const { poststart, poststop } = config.hooks ?? {};
  return {
    state_version: STATE_VERSION,
    runt_version: process.env["RUNT_VERSION"] ?? "unbuilt",
    plan_version: PLAN_VERSION,
    id: options.id,
    oci_version: config.ociVersion,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    init_process_pid: 0,
    init_process_start: 0,
    cgroup_paths: cgroup.paths,
    ...(cgroup.unit === undefined ? {} : { systemd: cgroup.unit }),
    hooks: {
      ...(poststart === undefined ? {} : { poststart }),
      ...(poststop === undefined ? {} : { poststop }),
    },
    external_descriptors: externalDescriptors(options.stdio ?? STDIO),
    has_process: config.process !== undefined,
    own_pid_namespace: (namespaces.made & K.CLONE_NEWPID) !== 0,
    ...(options.noNewKeyring === true ? { no_new_keyring: true } : {}),
    program_step: 0,
  };
}

/** What the container gets as its standard streams: `restore` gives the pipes among them its own ones for it. */
function externalDescriptors(stdio: readonly number[]): string[] {
  const names: string[] = [];
  for (const fd of stdio) {
    const name = native.readlink(AT_FDCWD, `/proc/self/fd/${fd}`);
    names.push(typeof name === "string" ? name : "");
  }
  return names;
}

/** The socket that an annotation names for a pidfd of the container's first process. */
function pidfdReceiver({ config, path }: Bundle): string | undefined {
  const annotated = config.annotations?.[PIDFD_RECEIVER] ?? "";
  if (annotated === "") return undefined;
  return annotated.startsWith("/") ? annotated : `${path}/${annotated}`;
}

/** Index of the first step after `start`. */
function programStep({ steps }: Plan): number {
  for (let index = steps.length - 1; index >= 0; index--) if (steps[index]?.op === "start") return index + 1;
  return 0;
}

/** After a failed hook the lifecycle goes on with the poststop hooks (runtime.md, steps 3 to 5, 12, 13). */
async function poststopAfterFailure(context: RuntimeContext, bundle: Bundle, id: string): Promise<void> {
  const [head, tail] = stateParts(bundle.config, { id, bundle: bundle.path }, "stopped");
  await runPoststop(context, bundle.config.hooks?.poststop, `${head}0${tail}`, bundle.path, bundle.config.annotations);
}

/** Loads the bundle of `options`. @throws CONFIG_INVALID, HOST_UNABLE */
export function openBundle(context: RuntimeContext, options: Pick<CreateOptions, "bundle" | "configFile">): Bundle {
  if (context.systemdCgroup && !exists("/run/systemd/system")) {
    const text = "--systemd-cgroup: systemd not running on this host, cannot use systemd cgroups manager";
    throw new RuntimeError("HOST_UNABLE", `${text}: there is no /run/systemd/system; leave the option out for cgroupfs`);
  }
  const bundle = loadBundle(context, options.bundle, options.configFile);
  return { ...bundle, config: withIdMaps(bundle.config) };
}
