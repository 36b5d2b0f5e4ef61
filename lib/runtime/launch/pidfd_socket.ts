// SPDX-License-Identifier: Apache-2.0
import { withDescriptor } from "../../sys/descriptors.ts";
import { check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** The kind of process in the message with the pidfd: "standard" is a container's first one, "setns" that of an exec. */
export type PidfdOf = "standard" | "setns";

/**
 * Sends a pidfd to the process that listens at `path`.
 * @param name of the option or property that gives the path
 * @throws SYSCALL
 */
export function sendPidfd(path: string, pidfd: number, of: PidfdOf, name = "--pidfd-socket"): void {
  const socket = check(native.connectUnix(path), `connect to ${name} ${path}`, { path });
  const sent = withDescriptor(socket, () => native.sendMessage(socket, of, [pidfd]));
  check(sent, `send to ${name} ${path}`, { path });
}
