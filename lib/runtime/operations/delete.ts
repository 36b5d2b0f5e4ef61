// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";
import { destroy, stopInit } from "../container/destroy.ts";
import type { RuntimeContext } from "../options.ts";
import { status } from "../container/status.ts";
import { find, notFound, type Entry } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";
import { salvage } from "../container/salvage.ts";

/**
 * Deletes a container that has stopped, or one that has only been created.
 *
 * The spec wants an error for a created one; every runtime deletes it, and engines rely on that.
 *
 * @param options `force`: kill the container if it runs; a missing container is then no error
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE, CGROUP
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#delete
 */
export async function remove(context: RuntimeContext, id: string, options: { readonly force: boolean }): Promise<void> {
  let entry: Entry;
  try {
    entry = find(context.root, id);
  } catch (error) {
    const missing = error instanceof RuntimeError && error.code === "CONTAINER_NOT_FOUND";
    if (missing && options.force) return;
    throw error;
  }
  try {
    // A `start` whose hook hangs holds the lock; it ends with its container.
    if (options.force && entry.busy()) await stopRunning(context, entry);
    if (!(await entry.lock())) {
      throw new RuntimeError("WRONG_STATE", `cannot delete container ${id}: another runtime is at work on it`);
    }
    if (!entry.alive()) {
      if (options.force) return;
      throw notFound(entry);
    }
    let record: ContainerRecord | undefined;
    try {
      record = entry.read();
    } catch (error) {
      if (!options.force || !isDamaged(error)) throw error;
      salvage(context, entry);
    }
    const now = status(entry, record, true);
    if (record !== undefined && now !== "stopped") {
      if (now !== "created" && !options.force) {
        throw new RuntimeError("WRONG_STATE", `cannot delete container ${id} that is not stopped: ${now}`);
      }
      await stopInit(record, context.root);
    }
    await destroy(context, entry, record);
  } finally {
    entry.close();
  }
}

async function stopRunning(context: RuntimeContext, entry: Entry): Promise<void> {
  try {
    const record = entry.read();
    if (record !== undefined) await stopInit(record, context.root);
  } catch (error) {
    if (!isDamaged(error)) throw error;
  }
}

function isDamaged(error: unknown): boolean {
  return error instanceof RuntimeError && error.code === "STATE_DAMAGED";
}
