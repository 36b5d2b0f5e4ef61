// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";

/** Adds the words that runc puts before every error inside a container; clients look for them. */
export function startError(error: unknown): unknown {
  if (!(error instanceof RuntimeError)) return error;
  const inside = error.code === "STEP_FAILED" || error.code === "INIT_DIED" || error.code === "HOOK_FAILED";
  return inside ? error.prefixed("unable to start container process: ") : error;
}
