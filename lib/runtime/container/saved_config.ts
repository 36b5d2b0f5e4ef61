// SPDX-License-Identifier: Apache-2.0
/** The config.json that the state directory keeps. */
import { RuntimeError } from "../../errors.ts";
import { readSavedConfig } from "../../spec/documents/saved_config.ts";
import type { Config } from "../../spec/types.ts";
import type { Entry } from "./store.ts";

/** The config.json that `create` kept. @throws STATE_DAMAGED */
export function savedConfig(entry: Entry): Config {
  const config = readSavedConfig(entry.readConfig());
  if (config !== undefined) return config;
  const path = `${entry.path}/config.json`;
  throw new RuntimeError("STATE_DAMAGED", `${path} is damaged: what the container is cannot be told`, { path });
}
