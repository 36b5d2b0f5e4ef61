// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";
import { failureError } from "../../init/failure.ts";
import { parseFailure } from "../../init/failure_record.ts";
import { programSteps } from "../../plan/build.ts";
import { loadConfig } from "../bundle.ts";
import type { Entry } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";

/**
 * The error for a step that failed after `start`. The name of the step comes from the config.json that `create` kept. This is
 * a module of its own because a `start` that succeeds needs none of it.
 * @param bytes the failure record that init wrote
 */
export function startFailure(entry: Entry, record: ContainerRecord, bytes: Uint8Array): RuntimeError {
  const failure = parseFailure(bytes);
  if (failure === undefined) return new RuntimeError("INTERNAL", "init: a failure record is cut short");
  const { config } = loadConfig(entry.path);
  const facts = { id: record.id, bundle: record.bundle, preserveFds: 0, extraEnv: [] };
  const steps = programSteps(config, facts, 0);
  const step = failure.step - record.program_step;
  return failureError({ ...failure, step }, steps, () => entry.hookOutput());
}
