import { RuntimeError } from "../errors.ts";
import { check } from "../sys/files.ts";
import { native } from "../sys/native.ts";

/**
 * The socket that gets the console's master, connected.
 * @param detached nobody stays in the foreground who could hold the terminal
 * @throws CONFIG_INVALID, USAGE by runc's rules on terminals
 */
export function connectConsole(
  terminal: boolean,
  detached: boolean,
  path: string | undefined,
): number | undefined {
  if (path === undefined) {
    if (!terminal || !detached) return undefined;
    const text = "process.terminal: cannot allocate tty if runt will detach without setting console socket";
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/process/terminal" });
  }
  if (!terminal || !detached) {
    throw new RuntimeError("USAGE", "cannot use console socket if runt will not detach or allocate tty");
  }
  return check(native.connectUnix(path), `connect to --console-socket ${path}`, { path });
}
