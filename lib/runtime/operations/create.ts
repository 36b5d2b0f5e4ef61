// SPDX-License-Identifier: Apache-2.0
import { Foreground } from "../foreground/foreground.ts";
import { launch, openBundle } from "../launch/launch.ts";
import type { CreateOptions, MadeContainer, RuntimeContext } from "../options.ts";

/**
 * Creates a container: everything is set up, and the program waits for `start`.
 *
 * @returns pid of its first process
 * @throws CONFIG_INVALID, NOT_SUPPORTED, CONTAINER_EXISTS, INVALID_ID, and any error of the setup
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#create
 */
export async function create(context: RuntimeContext, options: CreateOptions): Promise<number> {
  return (await createWithParent(context, options)).pid;
}

/** As {@link create}, for a caller that has to reap the child. */
export async function createWithParent(context: RuntimeContext, options: CreateOptions): Promise<MadeContainer> {
  const bundle = openBundle(context, options);
  const terminal = bundle.config.process?.terminal === true;
  const foreground = await Foreground.open(terminal, { ...options, detach: true }, false);
  try {
    const mode = { waitForStart: true, consoleSocket: foreground.openConsoleSocket() };
    const launched = await launch(context, options, bundle, mode);
    const { pid, keeperPid } = launched.init;
    launched.close();
    return keeperPid === undefined ? { pid } : { pid, keeperPid };
  } finally {
    foreground.close();
  }
}
