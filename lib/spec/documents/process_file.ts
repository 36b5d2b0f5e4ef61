// SPDX-License-Identifier: Apache-2.0
/**
 * The file of `exec --process`: one `process` object, judged by the rules of config.json.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#process
 */
import { configError, inspectDocument } from "./config.ts";
import { type Json, parseJson } from "../json/json.ts";
import type { Config, Process } from "../types.ts";

const AT = "/process";

/**
 * Parses and validates a process file.
 *
 * @param path the file's path, for the error
 * @param container the config.json of the container, whose id maps the ids have to be in
 * @throws RuntimeError CONFIG_INVALID with every problem; the pointers are into the file
 */
export function parseProcess(text: string, path: string, container: Config): Process {
  const parsed = parseJson(text);
  if (!parsed.complete) throw configError(path, parsed.problems);
  if (parsed.value === null) {
    const problem = { pointer: "", line: 1, column: 1, message: "found null, must be an object" };
    throw configError(path, [problem]);
  }
  const document = { ...surroundings(container), process: parsed.value } as unknown as Json;
  const { config, problems } = inspectDocument(document, text, parsed.problems, AT);
  if (problems.length > 0) throw configError(path, problems);
  return config.process as Process;
}

/** The part of the container that the rules for a process need. */
function surroundings({ ociVersion, linux }: Config): Partial<Config> {
  const { namespaces, uidMappings, gidMappings } = linux ?? {};
  return {
    ociVersion,
    root: { path: "/" },
    linux: {
      ...(namespaces === undefined ? {} : { namespaces }),
      ...(uidMappings === undefined ? {} : { uidMappings }),
      ...(gidMappings === undefined ? {} : { gidMappings }),
    },
  };
}
