/**
 * What `create` and `run` share: from a bundle to an init that has done everything but execute the program.
 * Steps 1 to 5 of the lifecycle.
 *
 * Whatever has been made is undone here, and only here, when any of it fails.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#lifecycle
 */
import { openCgroup, type Cgroup } from "../cgroups/driver.ts";
import { cgroupLayout } from "../cgroups/layout.ts";
import { RuntimeError } from "../errors.ts";
import { propertyName } from "../init/failure.ts";
import { InitProcess, type FromInit } from "../init/process.ts";
import { buildPlan, stateParts, type Plan } from "../plan/build.ts";
import type { PlanFacts } from "../plan/facts.ts";
import * as K from "../plan/linux.ts";
import { readNamespaces } from "../plan/namespaces.ts";
import { Message } from "../plan/ops.ts";
import { capabilityNames } from "../spec/capabilities.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH, O_RDONLY, check, exists } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { loadBundle, type Bundle } from "./bundle.ts";
import { cgroupPieces } from "./cgroup_mounts.ts";
import { runHooks } from "./hooks.ts";
import { writeIdMaps } from "./id_maps.ts";
import type { CreateOptions, RuntimeContext } from "./options.ts";
import { startError } from "./start_error.ts";
import { socketActivation } from "./socket_activation.ts";
import { processStartTime } from "./status.ts";
import { reserve, writePidFile, type ContainerRecord, type Entry } from "./store.ts";

const SIGKILL = 9;
const F_GETFD = 1;
const PR_CAPBSET_READ = 23;

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
  const preserveFds = countPreserved(activation.count + (options.preserveFds ?? 0));
  const layout = cgroupLayout();
  const entry = await reserve(context.root, options.id);
  const undo: (() => void | Promise<void>)[] = [() => entry.remove()];
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
  const slots: number[] = [];
  const toClose: number[] = [];
  try {
    const cgroup = openCgroup(layout, config, options.id, context.log);
    const facts: PlanFacts = {
      id: options.id,
      bundle: bundle.path,
      rootfs: bundle.rootfs,
      privileged: process.geteuid?.() === 0,
      noPivot: options.noPivot ?? false,
      noNewKeyring: options.noNewKeyring ?? false,
      preserveFds,
      extraEnv: activation.env,
      waitForStart: mode.waitForStart,
      kcore: exists("/proc/kcore"),
      cgroupMounts: cgroupPieces(config, layout, cgroup.paths),
    };
    const plan = buildPlan(config, facts);
    let record = firstRecord(bundle, plan, options.id, cgroup);
    // Written before anything is made, so that `delete --force` can clean up after a runt that was killed.
    entry.write(record);
    entry.writeFile("config.json", bundle.text);
    if (mode.waitForStart) entry.makeFifo();
    openSlots(plan, entry, mode, slots);

    undo.push(() => cgroup.undo());
    const birth = cgroup.birthFd();
    if (birth !== undefined) toClose.push(birth);
    const init = InitProcess.start({
      plan,
      stdio: [0, 1, 2],
      preserveFds,
      slots,
      ...(birth === undefined ? {} : { cgroupFd: birth }),
      hookOutput: () => entry.hookOutput(),
    });
    if (!record.own_pid_namespace) undo.push(() => cgroup.killAll(SIGKILL));
    undo.push(() => init.kill());
    // init makes namespaces and mounts at the same time.
    cgroup.create();
    cgroup.limit(config.linux?.resources);

    const save = (): void => {
      record = {
        ...record,
        init_process_pid: init.pid,
        init_process_start: processStartTime(init.pid),
      };
      entry.write(record);
      if (options.pidFile !== undefined) writePidFile(options.pidFile, init.pid);
      if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, init.pidfd);
    };
    const runtimeHooks = async (): Promise<void> => {
      const hooks = config.hooks;
      const [head, tail] = stateParts(config, facts, "creating");
      undo.unshift(() => poststopAfterFailure(context, bundle, options.id));
      await runHooks("prestart", hooks?.prestart, `${head}${init.pid}${tail}`, bundle.path);
      await runHooks("createRuntime", hooks?.createRuntime, `${head}${init.pid}${tail}`, bundle.path);
    };
    if ((config.hooks?.createContainer?.length ?? 0) > 0) {
      undo.unshift(() => poststopAfterFailure(context, bundle, options.id));
    }
    warnOfCapabilities(context, bundle);
    await serve(init, bundle, cgroup, runtimeHooks, save);
    return { bundle, entry, record, cgroup, init, undo: undoAll };
  } catch (error) {
    await undoAll();
    throw startError(error);
  } finally {
    for (const fd of [...slots, ...toClose]) native.close(fd);
  }
}

/** Answers init until it is ready. */
async function serve(
  init: InitProcess,
  bundle: Bundle,
  cgroup: Cgroup,
  runtimeHooks: () => Promise<void>,
  save: () => void,
): Promise<void> {
  for (;;) {
    const question: FromInit = await init.receive();
    if (question === "end") throw initDied(init, cgroup);
    switch (question.kind) {
      case Message.ID_MAPS:
        writeIdMaps(init.pid, bundle.config);
        break;
      case Message.TIME_OFFSETS:
        break;
      case Message.CGROUP: {
        const fds = cgroup.joinFds();
        init.answer(Message.CGROUP, fds);
        for (const fd of fds) native.close(fd);
        continue;
      }
      case Message.RUNTIME_HOOKS:
        await runtimeHooks();
        break;
      case Message.READY:
        save();
        init.answer(Message.READY);
        return;
      default:
        throw new RuntimeError("INTERNAL", `init asks an unknown question (${question.kind})`);
    }
    init.answer(question.kind);
  }
}

/** Capabilities that this runtime lacks cannot be granted; the spec wants a warning for each since 1.1. */
function warnOfCapabilities(context: RuntimeContext, bundle: Bundle): void {
  const wanted = bundle.config.process?.capabilities?.permitted;
  if (wanted === undefined || wanted.length === 0) return;
  const names = capabilityNames();
  for (const name of wanted) {
    const number = names.indexOf(name);
    if (number < 0 || native.prctl(PR_CAPBSET_READ, number) !== 0) continue;
    context.log.warn(`process.capabilities: ${name} cannot be granted: this runtime does not have it`);
  }
}

/** The error for an init that went away without a word. */
export function initDied(init: InitProcess, cgroup: Cgroup): RuntimeError {
  const exited = init.ended();
  const oom = exited?.signaled === true && exited.status === 9 && cgroup.oomKills() > 0;
  if (oom) {
    const text =
      "container init was OOM-killed (linux.resources.memory.limit is too low for the program to start)";
    return new RuntimeError("INIT_DIED", text, { pointer: "/linux/resources/memory/limit" });
  }
  const how =
    exited === undefined
      ? "was lost"
      : exited.signaled
        ? `was killed by signal ${exited.status}`
        : `exited with status ${exited.status}`;
  return new RuntimeError("INIT_DIED", `container init ${how} before it was ready`);
}

function firstRecord(bundle: Bundle, plan: Plan, id: string, cgroup: Cgroup): ContainerRecord {
  const { config } = bundle;
  const { poststart, poststop } = config.hooks ?? {};
  return {
    id,
    oci_version: config.ociVersion,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    init_process_pid: 0,
    init_process_start: 0,
    cgroup_paths: cgroup.paths,
    hooks: {
      ...(poststart === undefined ? {} : { poststart }),
      ...(poststop === undefined ? {} : { poststop }),
    },
    has_process: config.process !== undefined,
    own_pid_namespace: (readNamespaces(config).made & K.CLONE_NEWPID) !== 0,
    program_step: plan.steps.findIndex(({ op }) => op === "start") + 1,
  };
}

function openSlots(plan: Plan, entry: Entry, mode: LaunchMode, fds: number[]): void {
  for (const slot of plan.slots) {
    switch (slot.kind) {
      case "namespace": {
        const fd = native.open(AT_FDCWD, slot.path, O_RDONLY | O_CLOEXEC, 0);
        const pointer = `${slot.origin}/path`;
        fds.push(check(fd, `${propertyName(pointer)}: open ${slot.path}`, { pointer, path: slot.path }));
        break;
      }
      case "startFifo":
        fds.push(entry.openFifo(O_PATH) ?? -1);
        break;
      case "consoleSocket":
        fds.push(check(native.dup(mode.consoleSocket ?? -1), "dup"));
        break;
      case "hookOutput":
        fds.push(entry.openHookOutput());
        break;
    }
  }
}

/**
 * `--preserve-fds`, and checks that there are so many.
 *
 * The launcher says how many the caller has left open: the engine opens some for itself, which would pass for them.
 */
function countPreserved(count: number): number {
  const inherited = process.env["RUNT_INHERITED_FDS"];
  const end = inherited === undefined ? Infinity : 3 + Number(inherited);
  for (let fd = 3; fd < 3 + count; fd++) {
    if (fd >= end || native.fcntl(fd, F_GETFD, 0) < 0) {
      throw new RuntimeError("USAGE", `--preserve-fds ${count}: file descriptor ${fd} is not open`);
    }
  }
  return count;
}

function sendPidfd(path: string, pidfd: number): void {
  const socket = check(native.connectUnix(path), `connect to --pidfd-socket ${path}`, { path });
  const sent = native.sendMessage(socket, "standard", [pidfd]);
  native.close(socket);
  check(sent, `send to --pidfd-socket ${path}`, { path });
}

/** After a failed hook the lifecycle goes on with the poststop hooks (runtime.md, steps 3 to 5, 12, 13). */
async function poststopAfterFailure(context: RuntimeContext, bundle: Bundle, id: string): Promise<void> {
  const { runPoststop } = await import("./destroy.ts");
  const [head, tail] = stateParts(bundle.config, { id, bundle: bundle.path }, "stopped");
  await runPoststop(context, bundle.config.hooks?.poststop, `${head}0${tail}`, bundle.path);
}

/** Loads the bundle of `options`. @throws CONFIG_INVALID, NOT_SUPPORTED */
export function openBundle(context: RuntimeContext, options: CreateOptions): Bundle {
  if (context.systemdCgroup) {
    throw new RuntimeError("NOT_SUPPORTED", "--systemd-cgroup: the systemd cgroup driver is not supported yet");
  }
  return loadBundle(context, options.bundle);
}
