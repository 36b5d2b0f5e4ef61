// SPDX-License-Identifier: Apache-2.0
// What the scenarios of the library share.
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { RuntimeError, type ContainerOptions } from "../../lib/index.ts";
import type { Box, Edit } from "../harness/box.ts";
import { KIND } from "../harness/runtime.ts";

export const skip = KIND === "runt" ? false : "the library is runt's";

export function options(box: Box, args: readonly string[], edit: Edit = () => undefined): ContainerOptions {
  const bundle = box.bundle((config) => {
    config.process.args = [...args];
    edit(config);
  });
  return { id: box.id(), bundle: bundle.dir, root: box.root };
}

/** All that a stream has to say. */
export async function all(stream: Readable | undefined): Promise<string> {
  return stream === undefined ? "" : await text(stream);
}

export async function refused(work: Promise<unknown>): Promise<RuntimeError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error("it was to fail");
}
