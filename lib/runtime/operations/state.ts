// SPDX-License-Identifier: Apache-2.0
import type { RuntimeContext, StateReport } from "../options.ts";
import { keptEnd } from "../container/kept_end.ts";
import { status } from "../container/status.ts";
import { find, recordOf, type Glance } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";

/**
 * The state of a container.
 * @throws INVALID_ID, CONTAINER_NOT_FOUND
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#state
 */
export function state(context: RuntimeContext, id: string): StateReport {
  const entry = find(context.root, id);
  try {
    return report(entry, recordOf(entry));
  } finally {
    entry.close();
  }
}

/** The report on one container. @param owner the name of the user that has made it; only `list` tells it */
export function report(entry: Glance, record: ContainerRecord | undefined, owner = ""): StateReport {
  const now = status(entry, record);
  const exit = now === "stopped" && record?.keeper !== undefined ? keptEnd(entry) : undefined;
  const plain: StateReport = {
    ociVersion: record?.oci_version ?? "",
    id: entry.id,
    pid: now === "stopped" ? 0 : (record?.init_process_pid ?? 0),
    status: now,
    bundle: record?.bundle ?? "",
    rootfs: record?.rootfs ?? "",
    created: record?.created ?? "",
    owner,
  };
  const annotations = record?.annotations;
  if (annotations === undefined && exit === undefined) return plain;
  return { ...plain, ...(annotations !== undefined && { annotations }), ...(exit !== undefined && { exit }) };
}
