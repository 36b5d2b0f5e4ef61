// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { userName } from "../../sys/subordinate_ids.ts";
import type { RuntimeContext, StateReport } from "../options.ts";
import { report } from "./state.ts";
import { find, ids, recordOf } from "../container/store.ts";

/** All containers under the context's root, sorted by id. A container that cannot be read is left out with a warning. */
export function list(context: RuntimeContext): readonly StateReport[] {
  const reports: StateReport[] = [];
  const owners = new Map<number, string>();
  for (const id of ids(context.root)) {
    try {
      const entry = find(context.root, id);
      try {
        const stat = native.stat(AT_FDCWD, entry.path, false);
        if (typeof stat === "number") continue;
        let owner = owners.get(stat.uid);
        if (owner === undefined) owners.set(stat.uid, (owner = userName(stat.uid)));
        reports.push({ ...report(entry, recordOf(entry)), owner });
      } finally {
        entry.close();
      }
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // A container that is deleted at the same time is not worth a warning.
      if (error.code !== "CONTAINER_NOT_FOUND" && error.code !== "INVALID_ID") {
        context.log.warn(`load container ${id}: ${error.message}`);
      }
    }
  }
  return reports;
}
