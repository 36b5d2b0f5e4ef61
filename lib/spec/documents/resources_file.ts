// SPDX-License-Identifier: Apache-2.0
/**
 * The file of `update --resources`: one `linux.resources` object, judged by the rules of config.json.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#control-groups
 */
import { configError, inspectDocument } from "./config.ts";
import { type Json, parseJson } from "../json/json.ts";
import type { LinuxResources } from "../types.ts";

const AT = "/linux/resources";

/**
 * Parses and validates a resources file.
 *
 * @param path the file's path, for the error
 * @throws RuntimeError CONFIG_INVALID with every problem; the pointers are into the file
 */
export function parseResources(text: string, path: string): LinuxResources {
  const parsed = parseJson(text);
  if (!parsed.complete) throw configError(path, parsed.problems);
  if (parsed.value === null) {
    const problem = { pointer: "", line: 1, column: 1, message: "found null, must be an object" };
    throw configError(path, [problem]);
  }
  const document = {
    ociVersion: "1.3.0",
    root: { path: "/" },
    linux: { resources: parsed.value },
  } as unknown as Json;
  const { config, problems } = inspectDocument(document, text, parsed.problems, AT);
  if (problems.length > 0) throw configError(path, problems);
  return config.linux?.resources as LinuxResources;
}
