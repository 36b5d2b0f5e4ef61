// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";

/** With the words that runc puts before whatever goes wrong inside a container, which clients look for. */
export function startError(error: unknown): unknown {
  if (!(error instanceof RuntimeError)) return error;
  const inside = error.code === "STEP_FAILED" || error.code === "INIT_DIED" || error.code === "HOOK_FAILED";
  return inside ? error.prefixed("unable to start container process: ") : error;
}
