// SPDX-License-Identifier: Apache-2.0
/** The paths that `--bundle` and `--config` name. */

import { absolutePath, currentDirectory } from "./paths.ts";

/** The bundle, and the file that replaces its config.json, both absolute. */
export interface BundleFiles {
  readonly bundle: string;
  readonly configFile?: string;
}

/**
 * @param directory relative paths start here
 * @throws RuntimeError `USAGE`, `HOST_UNABLE`
 */
export function bundlePaths(
  flags: { readonly bundle?: string; readonly config?: string },
  directory: string = currentDirectory(),
): BundleFiles {
  const { config = "" } = flags;
  const bundle = absolutePath(flags.bundle ?? "", directory);
  return { bundle, ...(config === "" ? {} : { configFile: absolutePath(config, directory) }) };
}
