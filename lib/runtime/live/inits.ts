// SPDX-License-Identifier: Apache-2.0
/** Runs an init that works on an existing container, and ends; no process of it is left. */
import { RuntimeError } from "../../errors.ts";
import { InitProcess, spawnProbe, type ToldMount } from "../../init/process.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { Message, MountTree } from "../../plan/steps.ts";
import type { Plan } from "../../plan/build.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDWR, check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { openSlots } from "../launch/slots.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import { readable } from "../../sys/waiting.ts";
import type { Entry } from "../container/store.ts";

/**
 * How long init may take between two messages, and a source to be found; milliseconds. A file system of the container or of the host (FUSE,
 * NFS) may never answer, and the kernel then keeps the process, whatever signal it gets.
 */
const PATIENCE = 10_000;
/** The same where init copies files. */
const COPY_PATIENCE = 600_000;
/** How long init may take to detach what it has attached; milliseconds. */
const END_PATIENCE = 2000;

/** The runtime's answers to init's requests. */
export interface LiveService {
  /** Descriptors of the container's cgroups, for a plan with `cgroup`. */
  readonly joinFds?: () => number[];
  /** init attaches the entry `index`. @returns a descriptor that stays the caller's */
  readonly give?: (index: number) => number;
  /** init needs the source of entry `index` as process `pid` sees it. @returns whether the runtime has it; else init opens it */
  readonly open?: (index: number, pid: number) => boolean;
  /** init reports the entry `index`. The descriptors belong to the callee. */
  readonly told: (index: number, mount: ToldMount) => void;
  /** All is done, except for the record that the runtime has to write. */
  readonly done?: () => void;
  /** init copies files, which may take longer. Default false. */
  readonly copies?: boolean;
}

/**
 * Runs `plan`.
 * @param pidfd of the container's first process
 * @throws STEP_FAILED, INIT_DIED, and any error of `service`; init has then detached its mounts. TIMEOUT where a file system does not
 *   answer; init detaches them when it does, or is gone
 */
export async function runLive(plan: Plan, entry: Entry, pidfd: number, service: LiveService): Promise<void> {
  const staged = plan.steps.some(({ op }) => op === "fork");
  const descriptors = new Descriptors();
  let init: InitProcess | undefined;
  try {
    // init has no use for standard streams, and gets none of the caller's.
    const nothing = descriptors.own(check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null"));
    init = InitProcess.start({ clone: { flags: 0, staged }, stdio: [nothing, nothing, nothing], preserveFds: 0 });
    init.sendPlan(plan, openSlots({ slots: plan.slots, entry, consoleSocket: undefined, container: pidfd }, descriptors));
    await serveLive(init, service);
    await init.ended();
    init.close();
  } catch (error) {
    await letGo(init);
    throw error;
  } finally {
    descriptors.close();
  }
}

/** An init that has attached mounts detaches them once its request is refused; only after that may it be ended. */
async function letGo(init: InitProcess | undefined): Promise<void> {
  if (init === undefined) return;
  init.refuse();
  // The kernel may keep it in a call to a file system; it goes on by itself when that returns.
  if (await init.endsWithin(END_PATIENCE)) await init.ended();
  init.close();
}

/**
 * Waits until a path of the host can be found, which the runtime could not give up itself.
 * @throws TIMEOUT
 */
export async function untilFound(path: string, pointer: string): Promise<void> {
  const probe = spawnProbe(path);
  try {
    if (await readable(probe.pidfd, PATIENCE)) {
      native.waitpid(probe.pid, false);
      return;
    }
    native.pidfdKill(probe.pidfd, SIGKILL);
  } finally {
    native.close(probe.pidfd);
  }
  const text = `${propertyName(pointer)}: ${path} cannot be looked up: its file system has not answered for ${PATIENCE / 1000} s`;
  throw new RuntimeError("TIMEOUT", text, { pointer, path });
}

async function serveLive(init: InitProcess, service: LiveService): Promise<void> {
  for (;;) {
    const said = await init.receive(service.copies === true ? COPY_PATIENCE : PATIENCE);
    if (said === "end") throw new RuntimeError("INIT_DIED", "the process that works on the container's mounts was lost");
    switch (said.kind) {
      case Message.MOUNT:
        if (said.mount !== undefined) service.told(said.value, said.mount);
        break;
      case Message.MOUNT_TREE:
        if (service.give === undefined) init.answer(said.kind, [], service.open?.(said.value, init.asking) === true ? 0 : 1);
        else init.answer(said.kind, [service.give(said.value)], MountTree.DETACHED);
        break;
      case Message.CGROUP: {
        const joined = service.joinFds?.() ?? [];
        init.answer(said.kind, joined);
        for (const fd of joined) native.close(fd);
        break;
      }
      case Message.DONE:
        service.done?.();
        init.answer(said.kind);
        return;
      default:
        throw new RuntimeError("INTERNAL", `init asks an unknown question (${said.kind})`);
    }
  }
}
