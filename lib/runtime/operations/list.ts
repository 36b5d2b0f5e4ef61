// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { userName } from "../../sys/subordinate_ids.ts";
import type { RuntimeContext, StateReport } from "../options.ts";
import { report } from "./state.ts";
import { type Glance, glance, ids, recordOf } from "../container/store.ts";

/** All containers under the context's root, sorted by id. A container that cannot be read is left out with a warning. */
export function list(context: RuntimeContext): readonly StateReport[] {
  const reports: StateReport[] = [];
  const owners = new Map<number, string>();
  forEach(context, (entry) => {
    const uid = native.owner(AT_FDCWD, entry.path);
    if (uid < 0) return;
    let owner = owners.get(uid);
    if (owner === undefined) owners.set(uid, (owner = userName(uid)));
    reports.push(report(entry, recordOf(entry), owner));
  });
  return reports;
}

/** The ids of the containers that {@link list} has, without a look at what becomes of their processes. */
export function listIds(context: RuntimeContext): readonly string[] {
  const found: string[] = [];
  forEach(context, (entry) => {
    recordOf(entry);
    found.push(entry.id);
  });
  return found;
}

function forEach(context: RuntimeContext, act: (entry: Glance) => void): void {
  const all = ids(context.root);
  // Not `for … of`, nor a closure for each: there may be thousands.
  for (let index = 0; index < all.length; index++) {
    const id = all[index] as string;
    try {
      act(glance(context.root, id));
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // A container that is deleted at the same time is not worth a warning.
      if (error.code !== "CONTAINER_NOT_FOUND" && error.code !== "INVALID_ID") {
        context.log.warn(`load container ${id}: ${error.message}`);
      }
    }
  }
}
