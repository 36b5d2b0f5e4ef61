// SPDX-License-Identifier: Apache-2.0
/** Explains to a user who tries to run an image why a directory is not a bundle. */
import { RuntimeError } from "../../errors.ts";
import { readConfig } from "../../runtime/bundle.ts";
import { howToMakeBundle, whatIsThere, whatItDescribes } from "../../runtime/check/not_a_bundle.ts";
import { AT_FDCWD, exists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** The arguments of a command. */
interface Given {
  readonly bundle: string;
  readonly configFile?: string;
  /** Id of the new container, if there is one. */
  readonly id?: string;
}

/** Does `action`, and extends the error if it fails because the directory is not a bundle. */
export async function explained<T>(given: Given, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "CONFIG_INVALID") throw error;
    const more = explanation(given, error);
    if (more === undefined) throw error;
    const { brief = error.message, path = "", problems } = error.facts;
    // In a file of an image every line would be a problem.
    const message = `${problems === undefined ? error.message : path}: ${more}`;
    throw new RuntimeError(error.code, message, { ...error.facts, brief }, error.cause);
  }
}

function explanation(given: Given, { facts }: RuntimeError): string | undefined {
  const { bundle, configFile = `${bundle}/config.json`, id } = given;
  if (facts.path !== configFile) return undefined;
  if (facts.problems !== undefined) return whatItDescribes(readConfig(bundle, configFile).text);
  if (facts.errno === undefined || given.configFile !== undefined) return undefined;
  const sentences = [idTaken(id), whatIsThere(bundle), howToMakeBundle()];
  return sentences.filter((sentence) => sentence !== undefined).join("; ");
}

/** For `runt run alpine`, which users of `docker run alpine` try. */
function idTaken(id: string | undefined): string | undefined {
  if (id === undefined) return undefined;
  const taken = `"${id}" was taken for the id of the new container`;
  if (exists(`${id}/config.json`)) return `${taken}; as a bundle it is --bundle ${id}`;
  const isThere = typeof native.stat(AT_FDCWD, id, true) !== "number";
  const found = isThere ? whatIsThere(id) : undefined;
  return found === undefined
    ? `${taken}, and the bundle is the current directory unless --bundle names one`
    : `${taken}; ${found}`;
}
