/** `linux.seccomp` for the processes of a container: the filter, and the agent that gets its listener. */
import { asRuntimeError, RuntimeError } from "../errors.ts";
import type { InitProcess } from "../init/process.ts";
import type { SeccompFilter } from "../plan/facts.ts";
import { stateParts } from "../plan/build.ts";
import type { Config } from "../spec/types.ts";
import { check } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { RuntimeContext } from "./options.ts";

/**
 * The compiled filter of a container's processes; nothing where there is no profile.
 * @throws CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE
 */
export async function containerFilter(context: RuntimeContext, config: Config): Promise<SeccompFilter | undefined> {
  const seccomp = config.linux?.seccomp;
  if (seccomp === undefined || config.process === undefined) return undefined;
  const { seccompFilter } = await import("../seccomp/filter.ts");
  return seccompFilter(seccomp, context.log, { cacheRoot: context.root });
}

/** What an agent is told of a container. */
export interface ListenerFacts {
  readonly id: string;
  readonly bundle: string;
  /** Pid of the container's first process. */
  readonly statePid: number;
  readonly status: "creating" | "created" | "running";
}

/**
 * Takes the listener from init and sends it to the agent: one connection, one message, one ContainerProcessState.
 *
 * @param number the listener's descriptor in init
 * @throws SYSCALL
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#containerprocessstate
 */
export function sendListener(config: Config, init: InitProcess, number: number, facts: ListenerFacts): void {
  const pointer = "/linux/seccomp/listenerPath";
  const { listenerPath = "", listenerMetadata } = config.linux?.seccomp ?? {};
  const what = `linux.seccomp.listenerPath: failed to connect with seccomp agent at ${listenerPath}`;
  const listener = check(native.pidfdGetfd(init.pidfd, number), "linux.seccomp: pidfd_getfd", { pointer });
  let socket = -1;
  try {
    socket = check(native.connectUnix(listenerPath), what, { pointer, path: listenerPath });
    const [head, tail] = stateParts(config, facts, facts.status);
    const state: unknown = JSON.parse(`${head}${facts.statePid}${tail}`);
    const message = JSON.stringify({
      ociVersion: config.ociVersion,
      fds: ["seccompFd"],
      pid: init.pid,
      ...(listenerMetadata === undefined || listenerMetadata === "" ? {} : { metadata: listenerMetadata }),
      state,
    });
    const sent = native.sendMessage(socket, message, [listener]);
    const text = `linux.seccomp.listenerPath: send to ${listenerPath}`;
    if (check(sent, text, { pointer, path: listenerPath }) < new TextEncoder().encode(message).length) {
      throw new RuntimeError("SYSCALL", `${text}: the message was cut short`, { pointer, path: listenerPath });
    }
  } catch (error) {
    throw asRuntimeError(error);
  } finally {
    if (socket >= 0) native.close(socket);
    native.close(listener);
  }
}
