import { native } from "../sys/native.ts";
import { connectConsole } from "./console_socket.ts";
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
