// SPDX-License-Identifier: Apache-2.0
import type { Report, WithoutWrongValues } from "../schema/without_wrong_values.ts";
import type { Config } from "../types.ts";

/** Rules that a schema cannot say, about one part of a config.json of which some values may be missing. */
export type MeaningCheck = (config: WithoutWrongValues<Config>, report: Report) => void;
