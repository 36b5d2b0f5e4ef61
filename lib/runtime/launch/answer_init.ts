// SPDX-License-Identifier: Apache-2.0
/** The runtime's side of the exchange with init, until the container is ready. */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { RuntimeError } from "../../errors.ts";
import type { InitProcess } from "../../init/process.ts";
import { Message } from "../../plan/steps.ts";
import type { Config } from "../../spec/types.ts";
import { SIGILL, SIGKILL, SIGSYS } from "../../kernel/numbers.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { writeIdMaps, writeTimeOffsets } from "../host/id_maps.ts";
import type { OpenedSource } from "../host/mount_trees.ts";
import { executed } from "../container/status.ts";
import { fromOutside } from "./from_outside.ts";

/** The counters of processes that were killed for want of memory. */
export type Starving = Pick<Cgroup, "oomKills" | "oomKillsAround">;

/** The runtime's answers to init's requests. */
export interface Service extends Starving {
  /** The name of the process in errors. Default "container init". */
  readonly who?: string;
  /** The caller's descriptors that the process has as 0, 1 and 2. */
  readonly stdio: readonly number[];
  /** Makes the cgroup ready for a process that joins it, where the descriptors are not enough. */
  register?(pid: number): void;
  /** Opens the files by which a process joins the cgroup; they are the caller's. */
  joinFds(): readonly number[];
  /** Work that init need not wait for; runs once init goes on in its cgroup, with most of its work still to do. */
  meanwhile?(): void;
  /** Opens the source of an entry of `mounts` as a process sees it; `undefined` if the process has to open it itself. */
  mountTree?(mount: number, pid: number): OpenedSource | undefined;
  /** Moves `linux.netDevices` into the network namespace of a process; `exec` is never asked. */
  netDevices?(pid: number): void;
  /** Runs the prestart and createRuntime hooks; `exec` is never asked. */
  runtimeHooks?(): Promise<void>;
  /** Passes a seccomp listener, a descriptor in init, to the agent. @returns an errno where it cannot be had, else 0 */
  seccompListener(fd: number): number;
  /** Makes the container known; after this init goes on without the runtime. */
  ready(): void;
}

/**
 * Answers init until it is ready.
 * @throws STEP_FAILED, HOOK_FAILED, INIT_DIED
 */
export async function serve(init: InitProcess, config: Config, service: Service): Promise<void> {
  for (;;) {
    const question = await init.receive();
    if (question === "end") throw await initDied(init, service, service.who);
    switch (question.kind) {
      case Message.ID_MAPS:
        init.answer(Message.ID_MAPS, [], await writeIdMaps(init.asking, config, question.value !== 0));
        continue;
      case Message.TIME_OFFSETS:
        init.answer(Message.TIME_OFFSETS, [], writeTimeOffsets(init.asking, config, question.value !== 0));
        continue;
      case Message.CGROUP:
        service.register?.(init.asking);
        answerWith(init, Message.CGROUP, service.joinFds());
        service.meanwhile?.();
        continue;
      case Message.MOUNT_TREE: {
        const source = service.mountTree?.(question.value, init.asking);
        answerWith(init, Message.MOUNT_TREE, source === undefined ? [] : [source.fd], source?.kind);
        continue;
      }
      case Message.RUNTIME_HOOKS:
        await service.runtimeHooks?.();
        break;
      case Message.NET_DEVICES:
        service.netDevices?.(init.asking);
        break;
      case Message.SECCOMP_LISTENER:
        init.answer(Message.SECCOMP_LISTENER, [], service.seccompListener(question.value));
        continue;
      case Message.READY:
        if (question.value !== 0) fromOutside(init, question.value, service.stdio);
        service.ready();
        init.answer(Message.READY);
        if (init.filtersLast && init.waits) await untilFiltered(init, service, service.who);
        return;
      default:
        throw new RuntimeError("INTERNAL", `init asks an unknown question (${question.kind})`);
    }
    init.answer(question.kind);
  }
}

/** Waits until a container that waits for `start` has its filter. @throws STEP_FAILED, INIT_DIED */
async function untilFiltered(init: InitProcess, cgroup: Starving, who?: string): Promise<void> {
  const said = await init.receive();
  if (said === "end") throw await initDied(init, cgroup, who);
  if (said.kind !== Message.FILTERED) {
    throw new RuntimeError("INTERNAL", `init asks a question before its filter holds (${said.kind})`);
  }
}

/** Answers with descriptors, and closes them here. */
function answerWith(init: InitProcess, kind: number, fds: readonly number[], value?: number): void {
  const descriptors = new Descriptors();
  for (const fd of fds) descriptors.own(fd);
  try {
    init.answer(kind, fds, value);
  } finally {
    descriptors.close();
  }
}

/**
 * Waits, where there is no `start` to wait for, until init has executed the program. init announces that only the filter, if
 * there is one, and execve come next. Then its messages end with that execve, which closes its socket.
 * @param who as in {@link Service}
 * @throws STEP_FAILED, HOOK_FAILED, INIT_DIED
 */
export async function untilExecuted(init: InitProcess, cgroup: Starving, who?: string): Promise<void> {
  const said = await init.receive();
  if (said === "end") throw await initDied(init, cgroup, who);
  if (said.kind !== Message.EXEC || (await init.receive()) !== "end") {
    throw new RuntimeError("INTERNAL", "init asks a question after it was ready");
  }
  // init has announced that before its filter and its execve, and may die in either: also of a memory limit that is too low.
  if (executed(init.pid) === false) throw await initDied(init, cgroup, who);
}

/**
 * The error for an init that ended without a message.
 * @param who as in {@link Service}
 */
async function initDied(init: InitProcess, cgroup: Starving, who = "container init"): Promise<RuntimeError> {
  const exited = await init.ended();
  if (exited?.signaled === true && exited.status === SIGKILL) {
    if (cgroup.oomKills() > 0 || (cgroup.oomKillsAround?.() ?? 0) > 0) return starved(who);
  }
  if (exited === undefined) return new RuntimeError("INIT_DIED", `${who} was lost`);
  // A filter kills with SIGSYS. If it refuses even exit_group, init ends with SIGILL; if it refuses write, without a message.
  const mute = exited.signaled ? exited.status === SIGSYS || exited.status === SIGILL : exited.status === 1;
  const hint = mute ? ": does linux.seccomp refuse a system call that it needs until then?" : "";
  const how = exited.signaled ? `was killed by signal ${exited.status}` : `exited with status ${exited.status}`;
  return new RuntimeError("INIT_DIED", `${who} ${how} before it could execute the program${hint}`);
}

/** The error for a process that the kernel killed for want of memory before its program ran. */
export function starved(who = "container init"): RuntimeError {
  const text = `${who} was OOM-killed: linux.resources.memory.limit is too low for it to start`;
  return new RuntimeError("INIT_DIED", text, { pointer: "/linux/resources/memory/limit" });
}
