import { check } from "../sys/files.ts";
import { native } from "../sys/native.ts";

/** What the message with the pidfd says of its process: "standard" is a container's first one, "setns" that of an exec. */
export type PidfdOf = "standard" | "setns";

/** Sends a pidfd to whoever listens at `path`, as the value of --pidfd-socket wants it. @throws SYSCALL */
export function sendPidfd(path: string, pidfd: number, of: PidfdOf): void {
  const socket = check(native.connectUnix(path), `connect to --pidfd-socket ${path}`, { path });
  const sent = native.sendMessage(socket, of, [pidfd]);
  native.close(socket);
  check(sent, `send to --pidfd-socket ${path}`, { path });
}
