// SPDX-License-Identifier: Apache-2.0
/** The runtime's answers to an init that makes a container. */
import type { InitProcess } from "../../init/process.ts";
import { stateParts, type Plan } from "../../plan/build.ts";
import type { PlanFacts } from "../../plan/facts.ts";
import { PIDFD_RECEIVER } from "../../spec/annotations.ts";
import type { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { moveToDelegated } from "../../cgroups/v2/delegated.ts";
import type { Bundle } from "../bundle.ts";
import { runPoststop } from "../container/destroy.ts";
import { madeNamespaces } from "../container/members.ts";
import { writePidFile } from "../container/store.ts";
import { runHooks } from "../host/hooks.ts";
import { mountTrees, type OpenedSource } from "../host/mount_trees.ts";
import { moveNetDevices } from "../host/net_devices.ts";
import { sendListener } from "../host/seccomp.ts";
import type { Service } from "./answer_init.ts";
import { warnOfCapabilities } from "./capability_warnings.ts";
import { keeperRecord, letKeep } from "./keeper.ts";
import { sendPidfd } from "./pidfd_socket.ts";
import type { Begun, Request } from "./phases.ts";
import type { Undo } from "./undo.ts";

/** The results of the earlier phases of a launch. */
export interface Served {
  readonly request: Request;
  readonly begun: Begun;
  readonly init: InitProcess;
  readonly plan: Plan;
  readonly facts: PlanFacts;
  /** The pid of the container's first process is known; else a step of the plan reports it. */
  readonly isKnown: boolean;
  readonly undo: Undo;
  readonly descriptors: Descriptors;
}

/** Answers for one container. */
export class ContainerService implements Service {
  readonly #served: Served;
  /** Only namespaces will identify the container's processes. */
  readonly #isBare: boolean;
  /** Opened while init mounts, so that init need not wait when it asks for them. */
  #joinFds: readonly number[] | undefined;
  #isWritten = false;
  #poststopIsDue = false;
  readonly stdio: readonly number[];
  readonly register?: (pid: number) => void;
  readonly mountTree: (mount: number, pid: number) => OpenedSource | undefined;

  constructor(served: Served) {
    const { request, begun, isKnown, descriptors } = served;
    const { bundle, mode, namespaces } = request;
    const { cgroup, layout, draft, config, joined } = begun;
    this.#served = served;
    this.stdio = request.init.stdio;
    this.#isBare = !draft.record.own_pid_namespace && Object.keys(cgroup.paths).length === 0;
    this.mountTree = mountTrees(config, bundle.path, namespaces, joined, descriptors);
    if (cgroup.register !== undefined) this.register = (pid) => cgroup.register?.(pid);
    else if (isKnown && layout.kind !== "v2") {
      this.#joinFds = cgroup.joinFds();
      for (const fd of this.#joinFds) descriptors.own(fd);
    }
    const { createContainer, startContainer } = bundle.config.hooks ?? {};
    const ownHooks = (createContainer?.length ?? 0) + (mode.waitForStart ? 0 : (startContainer?.length ?? 0));
    if (ownHooks > 0) this.#expectPoststop();
  }

  joinFds(): readonly number[] {
    const { begun, descriptors } = this.#served;
    const fds = this.#joinFds;
    if (fds === undefined) return begun.cgroup.joinFds();
    this.#joinFds = undefined;
    for (const fd of fds) descriptors.release(fd);
    return fds;
  }

  oomKills(): number {
    return this.#served.begun.cgroup.oomKills();
  }

  oomKillsAround(): number {
    return this.#served.begun.cgroup.oomKillsAround?.() ?? 0;
  }

  meanwhile(): void {
    if (this.#isWritten) return;
    this.#isWritten = true;
    const { request, begun, isKnown } = this.#served;
    const { bundle, context } = request;
    begun.entry.writeFile("config.json", bundle.text);
    warnOfCapabilities(context, bundle.config.process);
    if (isKnown) this.#prepareRecord();
  }

  async runtimeHooks(): Promise<void> {
    const { request, facts, init } = this.#served;
    const { config, path } = request.bundle;
    const { hooks, annotations } = config;
    this.meanwhile();
    this.#expectPoststop();
    request.context.log.debug("running the prestart and createRuntime hooks");
    const [head, tail] = stateParts(config, facts, "creating");
    const state = `${head}${init.pid}${tail}`;
    await runHooks("prestart", hooks?.prestart, state, path, annotations);
    await runHooks("createRuntime", hooks?.createRuntime, state, path, annotations);
  }

  netDevices(pid: number): void {
    const { request, undo, descriptors } = this.#served;
    const moved = descriptors.attach(moveNetDevices(request.bundle.config.linux?.netDevices ?? {}, pid));
    undo.add(() => moved.back());
  }

  seccompListener(fd: number): number {
    const { request, init } = this.#served;
    const { config, path } = request.bundle;
    return sendListener(config, init, fd, { id: request.options.id, bundle: path, statePid: init.pid, status: "creating" });
  }

  ready(): void {
    const { request, begun, init, isKnown, undo } = this.#served;
    const { context, options, bundle, namespaces, rdt } = request;
    const { pid, pidfd } = init;
    this.meanwhile();
    if (this.#isBare) begun.draft.change({ namespaces: madeNamespaces(pid, namespaces.made) });
    if (!isKnown || this.#isBare) this.#prepareRecord();
    if (rdt !== undefined) undo.add(rdt.join(pid));
    this.#delegate(pid);
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, pidfd, "standard");
    const receiver = pidfdReceiver(bundle);
    if (receiver !== undefined) sendPidfd(receiver, pidfd, "standard", `the annotation ${PIDFD_RECEIVER}:`);
    const { pidFile } = options;
    if (pidFile !== undefined) {
      writePidFile(pidFile, pid);
      undo.add(() => void native.unlink(AT_FDCWD, pidFile));
    }
    begun.draft.publish();
    letKeep(init, begun.entry, begun.cgroup.paths);
    context.log.debug(`container ${options.id}: init is ready, pid ${pid}; init: closing the pipe to signal completion`);
  }

  #prepareRecord(): void {
    const { begun, init, plan } = this.#served;
    begun.draft.setProcess(init.pid, programStep(plan));
    begun.draft.change(keeperRecord(init));
    begun.draft.prepare();
  }

  /** Moves the first process to the cgroup that an annotation asks for. */
  #delegate(pid: number): void {
    const { request, begun } = this.#served;
    const { delegated, layout, cgroup } = begun;
    const directory = cgroup.paths[""];
    if (delegated === "" || directory === undefined) return;
    moveToDelegated(layout, directory, delegated, pid, request.bundle.config);
  }

  /** From now on hooks of the container have run: after a failure the lifecycle continues with its poststop hooks. */
  #expectPoststop(): void {
    if (this.#poststopIsDue) return;
    this.#poststopIsDue = true;
    const { request, undo } = this.#served;
    undo.addLast(() => poststopAfterFailure(request));
  }
}

/** runtime.md, steps 3 to 5, 12, 13. */
async function poststopAfterFailure({ context, bundle, options }: Request): Promise<void> {
  const { config, path } = bundle;
  const [head, tail] = stateParts(config, { id: options.id, bundle: path }, "stopped");
  await runPoststop(context, config.hooks?.poststop, `${head}0${tail}`, path, config.annotations);
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
