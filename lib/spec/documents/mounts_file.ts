// SPDX-License-Identifier: Apache-2.0
/**
 * A list of mounts for an existing container, judged by the rules of config.json. It is the file of `mounts add` in crun's
 * form: an array like `mounts` of config.json.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#mounts
 */
import type { Problem } from "../../errors.ts";
import { pathInContainer } from "../clean_path.ts";
import { type Json, parseJson } from "../json/json.ts";
import type { Config, Mount } from "../types.ts";
import { configError, inspectDocument, placeFindings } from "./config.ts";

const AT = "/mounts";

/**
 * Parses and validates a list of mounts.
 *
 * @param path the file's path, for the error
 * @param container the config.json of the container
 * @throws RuntimeError CONFIG_INVALID with every problem; the pointers are into the file
 */
export function parseMounts(text: string, path: string, container: Config): readonly Mount[] {
  const { mounts, problems } = inspectMounts(text, container);
  if (problems.length > 0) throw configError(path, problems);
  return mounts;
}

/** The mounts of a text, and their problems. */
export function inspectMounts(
  text: string,
  container: Config,
): { readonly mounts: readonly Mount[]; readonly problems: readonly Problem[] } {
  const parsed = parseJson(text);
  if (!parsed.complete) return { mounts: [], problems: parsed.problems };
  if (!Array.isArray(parsed.value)) {
    const message = "found something else, must be an array of mounts, as in config.json";
    return { mounts: [], problems: [{ pointer: "", line: 1, column: 1, message }] };
  }
  const { ociVersion, linux = {} } = container;
  const { namespaces, uidMappings, gidMappings } = linux;
  const document = {
    ociVersion,
    root: { path: "/" },
    mounts: parsed.value,
    linux: {
      ...(namespaces === undefined ? {} : { namespaces }),
      ...(uidMappings === undefined ? {} : { uidMappings }),
      ...(gidMappings === undefined ? {} : { gidMappings }),
    },
  } as unknown as Json;
  const { config, problems } = inspectDocument(document, text, parsed.problems, AT);
  if (problems.length > 0) return { mounts: [], problems };
  const mounts = (config.mounts ?? []) as readonly Mount[];
  return { mounts, problems: placeFindings(text, mounts.flatMap(notForLive)) };
}

/** Mounts that config.json may have, but that an existing container cannot get. */
function notForLive({ destination, options = [] }: Mount, index: number): { pointer: string; message: string }[] {
  const found: { pointer: string; message: string }[] = [];
  const report = (name: string, message: string): void => void found.push({ pointer: `/${index}/${name}`, message });
  const path = pathInContainer(destination);
  if (path === "/") report("destination", "nothing is mounted on the root of a container that is there");
  if (path === "/proc") report("destination", "nothing is mounted over /proc of a container that is there");
  const remount = options.indexOf("remount");
  if (remount >= 0) report(`options/${remount}`, "found remount: mounts are added, and none that is there is changed");
  const link = options.indexOf("copy-symlink");
  if (link >= 0) report(`options/${link}`, "found copy-symlink: a link is no mount, and could not be taken away again");
  return found;
}
