// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";
import { Errno } from "../../kernel/errno.ts";
import { check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { programName } from "../../sys/program_name.ts";
import { readable } from "../../sys/waiting.ts";
import type { StandardStreams } from "../options.ts";

type Console = StandardStreams & { readonly consoleSocket?: string };

/** Whether the console ends at this process, which copies its bytes to a terminal of its own. */
export function relaysConsole({ consoleSocket, consoleFd }: Console): boolean {
  return consoleSocket === undefined && consoleFd === undefined;
}

/**
 * The socket that gets the console's master, connected; the caller closes it.
 * @param detached no process stays in the foreground to hold the terminal
 * @throws CONFIG_INVALID, USAGE by runc's rules on terminals; SYSCALL
 */
export async function connectConsole(terminal: boolean, detached: boolean, options: Console): Promise<number | undefined> {
  const { consoleSocket: path, consoleFd } = options;
  if (relaysConsole(options)) {
    if (!terminal || !detached) return undefined;
    const text = `process.terminal: cannot allocate tty if ${programName()} will detach without setting console socket`;
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/process/terminal" });
  }
  if (!terminal || !detached) {
    throw new RuntimeError("USAGE", `cannot use console socket if ${programName()} will not detach or allocate tty`);
  }
  if (path === undefined) return check(native.dup(consoleFd ?? -1), "dup");
  const connected = native.connectUnix(path);
  // This reports the signal.
  if (connected === -Errno.EINTR) await readable(-1, 0);
  return check(connected, `connect to --console-socket ${path}`, { path });
}
