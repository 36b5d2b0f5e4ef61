import { RuntimeError } from "../errors.ts";
import { check } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { launch, openBundle } from "./launch.ts";
import type { CreateOptions, RuntimeContext } from "./options.ts";

/**
 * Creates a container: everything is set up, the program waits for `start`.
 *
 * @throws CONFIG_INVALID, NOT_SUPPORTED, CONTAINER_EXISTS, INVALID_ID, and whatever setting up can give
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#create
 */
export async function create(context: RuntimeContext, options: CreateOptions): Promise<void> {
  const bundle = openBundle(context, options);
  const terminal = bundle.config.process?.terminal === true;
  const consoleSocket = connectConsole(terminal, true, options.consoleSocket);
  try {
    const mode = consoleSocket === undefined ? {} : { consoleSocket };
    const launched = await launch(context, options, bundle, { waitForStart: true, ...mode });
    launched.init.close();
    launched.entry.close();
  } finally {
    if (consoleSocket !== undefined) native.close(consoleSocket);
  }
}

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
