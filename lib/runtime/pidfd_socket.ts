import { check } from "../sys/files.ts";
import { native } from "../sys/native.ts";

/** Sends a pidfd to whoever listens at `path`, as the value of --pidfd-socket wants it. @throws SYSCALL */
export function sendPidfd(path: string, pidfd: number): void {
  const socket = check(native.connectUnix(path), `connect to --pidfd-socket ${path}`, { path });
  const sent = native.sendMessage(socket, "standard", [pidfd]);
  native.close(socket);
  check(sent, `send to --pidfd-socket ${path}`, { path });
}
