/** The runtime's side of the talk with init, until the container is ready. */
import type { Cgroup } from "../cgroups/driver.ts";
import { RuntimeError } from "../errors.ts";
import type { InitProcess } from "../init/process.ts";
import { Message } from "../plan/ops.ts";
import type { Config } from "../spec/types.ts";
import { SIGKILL } from "../sys/linux.ts";
import { native } from "../sys/native.ts";
import { writeIdMaps, writeTimeOffsets } from "./id_maps.ts";


/** What is done at two of the questions. */
export interface Service {
  /** Runs the prestart and createRuntime hooks. */
  readonly runtimeHooks: () => Promise<void>;
  /** Makes the container known; after it init goes on without the runtime. */
  readonly ready: () => void;
}

/**
 * Answers init until it is ready.
 * @throws STEP_FAILED, HOOK_FAILED, INIT_DIED
 */
export async function serve(
  init: InitProcess,
  config: Config,
  cgroup: Cgroup,
  service: Service,
): Promise<void> {
  for (;;) {
    const question = await init.receive();
    if (question === "end") throw initDied(init, cgroup);
    switch (question.kind) {
      case Message.ID_MAPS:
        writeIdMaps(init.asking, config);
        break;
      case Message.TIME_OFFSETS:
        writeTimeOffsets(init.asking, config);
        break;
      case Message.CGROUP: {
        const fds = cgroup.joinFds();
        init.answer(Message.CGROUP, fds);
        for (const fd of fds) native.close(fd);
        continue;
      }
      case Message.RUNTIME_HOOKS:
        await service.runtimeHooks();
        break;
      case Message.READY:
        service.ready();
        init.answer(Message.READY);
        return;
      default:
        throw new RuntimeError("INTERNAL", `init asks an unknown question (${question.kind})`);
    }
    init.answer(question.kind);
  }
}

/** The error for an init that went away without a word. */
export function initDied(init: InitProcess, cgroup: Cgroup): RuntimeError {
  const exited = init.ended();
  if (exited?.signaled === true && exited.status === SIGKILL && cgroup.oomKills() > 0) {
    const text = "container init was OOM-killed: linux.resources.memory.limit is too low for it to start";
    return new RuntimeError("INIT_DIED", text, { pointer: "/linux/resources/memory/limit" });
  }
  if (exited === undefined) return new RuntimeError("INIT_DIED", "container init was lost");
  const how = exited.signaled ? `was killed by signal ${exited.status}` : `exited with status ${exited.status}`;
  return new RuntimeError("INIT_DIED", `container init ${how} before it could execute the program`);
}
