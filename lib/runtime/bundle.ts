// SPDX-License-Identifier: Apache-2.0
/** A bundle as it is on disk: config.json, validated, and the root file system. */
import { S_IFDIR, S_IFLNK, S_IFMT } from "../kernel/numbers.ts";
import { RuntimeError, SHOWN_PROBLEMS } from "../errors.ts";
import { configError, inspectConfig, parseConfig, warnings } from "../spec/documents/config.ts";
import type { WithoutWrongValues } from "../spec/schema/without_wrong_values.ts";
import type { Config } from "../spec/types.ts";
import { Errno } from "../kernel/errno.ts";
import { AT_FDCWD, syscallError } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { RuntimeContext } from "./options.ts";

/** A config.json of more bytes is refused. */
const CONFIG_LIMIT = 16 << 20;

export interface Bundle {
  /** Absolute. */
  readonly path: string;
  readonly config: Config;
  /** config.json as it was read. */
  readonly text: string;
  /** Absolute path of the root file system. */
  readonly rootfs: string;
}

/**
 * Reads and validates a bundle.
 * @throws CONFIG_INVALID with every problem
 */
export function loadBundle(context: RuntimeContext, path: string, configFile?: string): Bundle {
  const { file, text } = readConfig(path, configFile);
  const inspected = inspectConfig(text);
  if (inspected.problems.length > 0) throw configError(file, inspected.problems);
  const config = inspected.config as Config;
  const warned = warnings(config);
  for (const warning of warned.slice(0, SHOWN_PROBLEMS)) context.log.warn(warning);
  if (warned.length > SHOWN_PROBLEMS)
    context.log.warn(`and ${warned.length - SHOWN_PROBLEMS} more warnings, which "check" lists`);
  return { path, config, text, rootfs: findRootfs(path, config) };
}

/** config.json of a bundle, validated. @throws CONFIG_INVALID */
export function loadConfig(path: string, configFile?: string): { readonly text: string; readonly config: Config } {
  const { file, text } = readConfig(path, configFile);
  return { text, config: parseConfig(text, file) };
}

/**
 * The path and the text of a bundle's config.json, or of the file in its place.
 * @throws CONFIG_INVALID where the file is missing, or is not text
 */
export function readConfig(path: string, file = `${path}/config.json`): { readonly file: string; readonly text: string } {
  const text = native.readUtf8File(AT_FDCWD, file, CONFIG_LIMIT);
  if (text === -Errno.ENOENT || text === -Errno.ENOTDIR) {
    const name = file.slice(file.lastIndexOf("/") + 1);
    const message = `JSON specification file ${name} not found (looked for ${file})`;
    const brief = `JSON specification file ${name} not found`;
    throw new RuntimeError("CONFIG_INVALID", message, { path: file, errno: -text, brief });
  }
  if (text === -Errno.EILSEQ) {
    throw new RuntimeError("CONFIG_INVALID", `${file}: not UTF-8`, { path: file });
  }
  if (typeof text === "number") throw syscallError(-text, `open ${file}`, { path: file });
  return { file, text };
}

/** The path of the root file system. @throws CONFIG_INVALID unless it is a directory and no symbolic link */
export function findRootfs(bundle: string, config: WithoutWrongValues<Config>): string {
  const given = config.root?.path ?? "";
  const pointer = "/root/path";
  if (given === "") throw new RuntimeError("CONFIG_INVALID", "root.path: missing or empty", { pointer });
  let path = given.startsWith("/") ? given : `${bundle}/${given}`;
  while (path.length > 1 && path.endsWith("/")) path = path.slice(0, -1);
  if (path.endsWith("/.")) path = path.slice(0, -2);
  const facts = { pointer, path };
  const stat = native.stat(AT_FDCWD, path, false);
  if (typeof stat === "number") {
    if (stat === -Errno.ENOENT || stat === -Errno.ENOTDIR) {
      throw new RuntimeError("CONFIG_INVALID", `root.path: rootfs (${path}) does not exist`, facts);
    }
    throw syscallError(-stat, `root.path: stat ${path}`, facts);
  }
  if ((stat.mode & S_IFMT) === S_IFLNK) {
    throw new RuntimeError("CONFIG_INVALID", `root.path: rootfs (${path}) must not be a symbolic link`, facts);
  }
  if ((stat.mode & S_IFMT) !== S_IFDIR) {
    throw new RuntimeError("CONFIG_INVALID", `root.path: rootfs (${path}) is not a directory`, facts);
  }
  return path;
}
