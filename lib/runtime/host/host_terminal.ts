// SPDX-License-Identifier: Apache-2.0
/** The caller's terminal, for a container's console that this process relays. */
import { AT_FDCWD, check, O_CLOEXEC, O_RDWR, O_NOCTTY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

const PATH = "/dev/tty";

/** A terminal; {@link closeTerminal} when it is no longer needed. */
export interface HostTerminal {
  readonly fd: number;
  /** It was opened for this purpose, and is none of the caller's standard streams. */
  readonly isOwn: boolean;
}

/**
 * One of the standard streams that is a terminal, else the controlling terminal.
 * @throws SYSCALL where there is no terminal, in runc's words
 */
export function openTerminal(): HostTerminal {
  for (const fd of [0, 1, 2]) if (native.isatty(fd)) return { fd, isOwn: false };
  const fd = native.open(AT_FDCWD, PATH, O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
  return { fd: check(fd, `open ${PATH}`, { path: PATH, pointer: "/process/terminal" }), isOwn: true };
}

/** Whether {@link openTerminal} finds one. */
export function hasTerminal(): boolean {
  try {
    closeTerminal(openTerminal());
    return true;
  } catch {
    return false;
  }
}

/** Closes a terminal that was opened for this purpose. */
export function closeTerminal(terminal: HostTerminal | undefined): void {
  if (terminal?.isOwn === true) native.close(terminal.fd);
}
