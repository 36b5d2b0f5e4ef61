// SPDX-License-Identifier: Apache-2.0
/** `linux.seccomp` for the processes of a container: the filter, and the agent that gets its listener. */
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import type { InitProcess } from "../../init/process.ts";
import type { SeccompFilter } from "../../plan/facts.ts";
import { stateParts } from "../../plan/build.ts";
import { SECCOMP_BPF, SECCOMP_FAIL_UNKNOWN, seccompReceiver } from "../../spec/annotations.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Config } from "../../spec/types.ts";
import { Errno } from "../../kernel/errno.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { RuntimeContext } from "../options.ts";
import { seccompFilter, filterFlags } from "../../seccomp/filter.ts";
import { listenerFlag, rawFilter } from "../../seccomp/raw.ts";

/**
 * The compiled filter of a container's processes; nothing where there is no profile.
 * @throws CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE
 */
export function containerFilter(context: RuntimeContext, config: Config): SeccompFilter | undefined {
  const seccomp = config.linux?.seccomp;
  const { annotations } = config;
  const raw = annotations?.[SECCOMP_BPF];
  if (config.process === undefined || (seccomp === undefined && raw === undefined)) return undefined;
  if (raw !== undefined) return readyMade(raw, config);
  if (seccomp === undefined) return undefined;
  const failUnknown = annotations?.[SECCOMP_FAIL_UNKNOWN] !== undefined;
  return seccompFilter(seccomp, context.log, { cacheRoot: context.root, failUnknown });
}

function readyMade(text: string, { linux, annotations }: Config): SeccompFilter {
  const filter = rawFilter(text);
  const listener = listenerFlag(filter);
  if (listener !== 0 && seccompReceiver(linux?.seccomp, annotations).path === "") {
    const pointer = `/annotations/${SECCOMP_BPF}`;
    const why = "its program notifies, and there is no linux.seccomp.listenerPath";
    throw new RuntimeError("CONFIG_INVALID", `annotations["${SECCOMP_BPF}"]: ${why}`, { pointer });
  }
  // With a listener that no rule notifies, an agent would wait for nothing.
  const own = linux?.seccomp === undefined ? 0 : filterFlags({ ...linux.seccomp, syscalls: [] });
  return { filter, flags: own | listener };
}

/** The facts on a container that an agent gets. */
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
 * @returns EPERM where this process may not take the listener, else 0
 * @throws SYSCALL
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#containerprocessstate
 */
export function sendListener(config: Config, init: InitProcess, number: number, facts: ListenerFacts): number {
  const { path: listenerPath, pointer } = seccompReceiver(config.linux?.seccomp, config.annotations);
  const { listenerMetadata } = config.linux?.seccomp ?? {};
  const property = propertyName(pointer);
  const what = `${property}: failed to connect with seccomp agent at ${listenerPath}`;
  const listener = native.pidfdGetfd(init.pidfd, number);
  // A rootless runtime may not take it yet; init asks again when it can.
  if (listener === -Errno.EPERM) return Errno.EPERM;
  check(listener, "linux.seccomp: pidfd_getfd", { pointer });
  const descriptors = new Descriptors();
  descriptors.own(listener);
  try {
    const socket = descriptors.own(check(native.connectUnix(listenerPath), what, { pointer, path: listenerPath }));
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
    const text = `${property}: send to ${listenerPath}`;
    if (check(sent, text, { pointer, path: listenerPath }) < new TextEncoder().encode(message).length) {
      throw new RuntimeError("SYSCALL", `${text}: the message was cut short`, { pointer, path: listenerPath });
    }
    return 0;
  } catch (error) {
    throw asRuntimeError(error);
  } finally {
    descriptors.close();
  }
}
