// SPDX-License-Identifier: Apache-2.0
/**
 * The common part of `create` and `run`: from a bundle to an init that has done everything except execute the program.
 * Steps 1 to 5 of the lifecycle, in phases: prepare, open the host, begin, start init, plan, limit, serve.
 *
 * Each phase adds its undo action to one {@link Undo}; descriptors that a phase opens belong to one {@link Descriptors}.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#lifecycle
 */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { cgroupLayout, isUnifiedAlone } from "../../cgroups/place/layout.ts";
import { delegatedPath } from "../../cgroups/v2/delegated.ts";
import { RuntimeError } from "../../errors.ts";
import { InitProcess } from "../../init/process.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { buildPlan } from "../../plan/build.ts";
import type { PlanFacts } from "../../plan/facts.ts";
import { treeMounts } from "../../plan/mount_trees.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { exists } from "../../sys/files.ts";
import { loadBundle, type Bundle } from "../bundle.ts";
import type { Entry } from "../container/store.ts";
import { relaysConsole } from "../foreground/console_socket.ts";
import { cgroupPieces } from "../host/cgroup_mounts.ts";
import { copiedLinks } from "../host/copied_links.ts";
import { withIdMaps } from "../host/default_id_maps.ts";
import { openNamespaces } from "../host/namespaces.ts";
import { makeNotifyDirectory, NOTIFY_ENV, NotifySocket, withNotifyMount } from "../host/notify_socket.ts";
import { containerFilter } from "../host/seccomp.ts";
import type { CreateOptions, RuntimeContext } from "../options.ts";
import { Recorder, recordingOf } from "../recording/recorder.ts";
import type { ContainerRecord } from "../record.ts";
import { serve } from "./answer_init.ts";
import { ContainerService } from "./container_service.ts";
import type { Begun, Host, LaunchMode, Planned, Request } from "./phases.ts";
import { prepare } from "./prepare.ts";
import { register } from "./register.ts";
import { openSlots } from "./slots.ts";
import { startError } from "./start_error.ts";
import { beginIn, startIn } from "./start_init.ts";
import { attempt, type Undo } from "./undo.ts";

/** A container whose init is ready (or, without `waitForStart`, on its way to the program). */
export interface Launched {
  readonly bundle: Bundle;
  readonly entry: Entry;
  readonly record: ContainerRecord;
  readonly cgroup: Cgroup;
  readonly init: InitProcess;
  /** The socket of a service manager that has to be told when the program is ready, if no `start` will do that. */
  readonly notify: NotifySocket | undefined;
  /** The process that records the container's system calls. */
  readonly recorder: Recorder | undefined;
  /** Undoes everything, and runs the poststop hooks if hooks of this container have run. */
  undo(): Promise<void>;
  /** Closes the descriptors that this process has of it; the container goes on. */
  close(): void;
}

/**
 * Makes the container.
 * @throws every code that a bundle, the host or a hook can give; a failure leaves nothing behind
 */
export async function launch(
  context: RuntimeContext,
  options: CreateOptions,
  bundle: Bundle,
  mode: LaunchMode,
): Promise<Launched> {
  const request = prepare(context, options, bundle, mode);
  const make = async (undo: Undo, descriptors: Descriptors): Promise<Launched> => {
    const begun = await begin(request, openHost(request, undo, descriptors), undo);
    const { entry, cgroup, draft, notify } = begun;
    const recorder = startRecorder(request, begun, undo);
    const init = startInit(request, begun, undo);
    if (recorder !== undefined) init.takeListener = (listener) => recorder.take(listener);
    // From here on init works at the same time: it starts while the plan is made, and it mounts while the
    // cgroups are made and the state is written.
    const planned = sendPlan(request, begun, init);
    limit(request, begun);
    const isKnown = await init.first();
    context.log.debug(`child process in init(), pid ${init.pid}`);
    await serve(init, bundle.config, new ContainerService({ request, begun, init, ...planned, isKnown, undo, descriptors }));
    const close = (): void => {
      init.close();
      notify?.close();
      recorder?.close();
      entry.close();
    };
    return { bundle, entry, record: draft.record, cgroup, init, notify, recorder, undo: () => undo.run(), close };
  };
  return attempt(context.log, make, (error) => {
    context.log.debug(`container ${options.id}: failed, everything was taken back`);
    return startError(error);
  });
}

/** Finds the host's side of the container, and starts init if it can make namespaces already. @throws CONFIG_INVALID, SYSCALL */
function openHost(request: Request, undo: Undo, descriptors: Descriptors): Host {
  // init makes the namespaces while the state is written.
  const early = startsEarly(request) ? InitProcess.start({ ...request.init, early: true }) : undefined;
  if (early !== undefined) undo.add(() => early.kill());
  return { layout: cgroupLayout(), joined: openNamespaces(request.namespaces, descriptors), early };
}

/**
 * Whether init may make namespaces before it is in its cgroup: with cgroup v2 alone their memory counts there. With a stage
 * of its own (`staged`) the plan says when they are made.
 */
function startsEarly({ context, init }: Request): boolean {
  return !context.systemdCgroup && !init.clone.staged && !isUnifiedAlone();
}

/**
 * Makes the container known, and adds the notify socket and variables that this process hands on to it.
 * @throws INVALID_ID, CONTAINER_EXISTS, CONFIG_INVALID, HOST_UNABLE, CGROUP, SYSCALL
 */
async function begin(request: Request, host: Host, undo: Undo): Promise<Begun> {
  const { context, options, bundle, mode, namespaces, rdt, rootless } = request;
  const { config } = bundle;
  const { layout } = host;
  const delegated = delegatedPath(config, layout) ?? "";
  const registered = await register(
    { context, options, bundle, namespaces, rootless, layout },
    {
      ...(rdt !== undefined && { intel_rdt: rdt.record }),
      ...(context.withoutCgroups === true && { no_cgroup: true }),
      ...(options.recordSeccomp !== undefined && { recording: { file: options.recordSeccomp.file } }),
    },
    undo,
  );
  const begun = { ...host, ...registered, delegated };
  const env = request.activationEnv;
  const manager = process.env["NOTIFY_SOCKET"] ?? "";
  if (manager === "" || config.process === undefined) return { ...begun, notify: undefined, config, env };
  const { path } = registered.entry;
  makeNotifyDirectory(path);
  const notify = mode.waitForStart ? undefined : NotifySocket.bind(path, manager, context.log);
  if (notify !== undefined) undo.add(() => notify.close());
  return { ...begun, notify, config: withNotifyMount(config, path), env: [...env, NOTIFY_ENV] };
}

/** @throws SYSCALL, CONFIG_INVALID */
function startRecorder({ options, bundle }: Request, { entry }: Begun, undo: Undo): Recorder | undefined {
  if (options.recordSeccomp === undefined) return undefined;
  const recorder = Recorder.start(options.recordSeccomp, bundle.config, entry.path);
  undo.add(() => recorder.abort());
  return recorder;
}

/** @throws SYSCALL, USAGE, CGROUP, CGROUP_NOT_EMPTY, CGROUP_FROZEN */
function startInit(request: Request, { cgroup, draft, early }: Begun, undo: Undo): InitProcess {
  // The keeper must not be in the container's cgroup.
  const init = early ?? (request.init.keeper === true ? InitProcess.start(request.init) : startIn(cgroup, request.init));
  if (!draft.record.own_pid_namespace) undo.add(() => cgroup.killAll(SIGKILL));
  undo.add(() => init.kill(() => cgroup.thawKilled()));
  if (early !== undefined) beginIn(cgroup, early);
  return init;
}

/** @throws CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE, CGROUP, SYSCALL */
function sendPlan(request: Request, begun: Begun, init: InitProcess): Planned {
  const { context, mode } = request;
  const { entry, joined } = begun;
  const facts = planFacts(request, begun);
  const plan = buildPlan(begun.config, facts);
  if (mode.waitForStart) entry.makeFifo();
  const slots = new Descriptors();
  try {
    const fds = openSlots({ slots: plan.slots, entry, namespaces: joined, consoleSocket: mode.consoleSocket }, slots);
    init.sendPlan(plan, fds, () => entry.hookOutput());
  } finally {
    slots.close();
  }
  context.log.debug(`nsexec container setup: init started with a plan of ${plan.steps.length} steps`);
  return { plan, facts };
}

function planFacts(request: Request, { layout, cgroup, config, env }: Begun): PlanFacts {
  const { context, options, bundle, mode, namespaces, rootless, selinux } = request;
  const own = containerFilter(context, bundle.config);
  const seccomp = options.recordSeccomp === undefined ? own : recordingOf(own);
  // The plan shows the container its cgroups, and only an attempt to make them shows which of them it gets.
  if (rootless) cgroup.create();
  const links = copiedLinks(config, bundle.path);
  return {
    id: options.id,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    noPivot: options.noPivot ?? false,
    noNewKeyring: options.noNewKeyring ?? false,
    preserveFds: request.init.preserveFds,
    extraEnv: env,
    relaysConsole: relaysConsole(options),
    waitForStart: mode.waitForStart,
    kcore: exists("/proc/kcore"),
    selinux,
    cgroupMounts: cgroupPieces(bundle.config, layout, cgroup.paths),
    ...(seccomp === undefined ? {} : { seccomp }),
    links,
    trees: treeMounts(config, namespaces, links),
  };
}

/** Makes the cgroups, unless the plan needed them earlier, and limits them. @throws CGROUP, CONFIG_INVALID, HOST_UNABLE */
function limit({ context, bundle, rootless }: Request, { cgroup }: Begun): void {
  if (!rootless) cgroup.create();
  cgroup.limit(bundle.config.linux?.resources);
  context.log.debug(`cgroups made and limited at ${cgroup.paths["devices"] ?? cgroup.paths[""] ?? ""}`);
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
