// SPDX-License-Identifier: Apache-2.0
/** Makes containers, in a thread, whose config.json was never a file. */
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import { Errno } from "../../kernel/errno.ts";
import { AT_FDCWD, check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { resourcesText as jsonText } from "../../spec/documents/merged_resources.ts";
import type { Config, LinuxResources, LinuxSeccomp } from "../../spec/types.ts";
import { defaultSeccomp } from "../box/seccomp.ts";
import { findUser, rootOf, type FoundUser } from "./users.ts";

/** The config that the caller's thread gives in the place of a bundle's config.json. */
export interface GivenConfig {
  readonly config: Config;
  /** Name or number of a user, and of a group behind ":", to be looked up. */
  readonly user?: string;
  /** The default profile, whose hundreds of names need not cross between threads. */
  readonly defaultSeccomp?: boolean;
  /** Directories in which to look, topmost layer first. */
  readonly roots?: readonly string[];
  /** A directory that has the places in which the writable layers of containers are mounted. */
  readonly skeleton?: string;
  /** A directory of the caller's for the writable layer. */
  readonly layer?: string;
}

let seccomp: LinuxSeccomp | undefined;

/** Options in which `given` stands for `configFile`. */
type Given<Options> = Options & { readonly given?: GivenConfig };

/**
 * Calls `work` with the config as a file of memory.
 * @throws as `work`; the file is called "config" in messages
 */
export async function withConfig<Options extends object, Result>(
  { given, ...options }: Given<Options>,
  work: (options: Options) => Promise<Result> | Result,
): Promise<Result> {
  if (given === undefined) return work(options as Options);
  if (given.skeleton !== undefined) makeSkeleton(given.skeleton);
  if (given.layer !== undefined) for (const each of ["upper", "work"]) mkdir(`${given.layer}/${each}`, 0o755);
  const fd = check(native.memfd("config.json"), "memfd_create");
  const configFile = `/proc/self/fd/${fd}`;
  try {
    const data = new TextEncoder().encode(jsonText(completed(given) as unknown as LinuxResources));
    for (let at = 0; at < data.length;) at += check(native.write(fd, data.subarray(at)), "write config");
    return await work({ ...options, configFile } as unknown as Options);
  } catch (error) {
    const { code, message, facts } = asRuntimeError(error);
    const { path, ...others } = facts;
    const kept = path === undefined || path === configFile ? others : facts;
    // A generated text has no meaningful line numbers.
    const named = message.replace(new RegExp(`^${fd}:(?:\\d+:\\d+:)? `, "gm"), "config: ").replaceAll(configFile, "config");
    throw new RuntimeError(code, named, kept, error);
  } finally {
    native.close(fd);
  }
}

function completed(given: GivenConfig): Config {
  const config = withUser(given);
  if (given.defaultSeccomp !== true) return config;
  seccomp ??= defaultSeccomp();
  return { ...config, linux: { ...config.linux, seccomp } };
}

function withUser({ config, user, roots = [] }: GivenConfig): Config {
  if (user === undefined || config.process === undefined) return config;
  const found = inRoots(user, roots);
  return { ...config, process: { ...config.process, user: { ...config.process.user, ...found } } };
}

function inRoots(user: string, roots: readonly string[]): FoundUser {
  const fds = roots.map(rootOf);
  try {
    return findUser(user, fds);
  } finally {
    for (const fd of fds) native.close(fd);
  }
}

/**
 * The directory over which writable layers are mounted, each in the mount namespace of its container: none of them is visible
 * here, or leaves anything here. A tmpfs gets a copy of the directories that it covers.
 */
function makeSkeleton(path: string): void {
  for (let end = path.indexOf("/", 1); end >= 0; end = path.indexOf("/", end + 1)) mkdir(path.slice(0, end), 0o711);
  for (const each of [path, `${path}/layer`, `${path}/layer/upper`, `${path}/layer/work`]) mkdir(each, 0o755);
}

function mkdir(path: string, mode: number): void {
  const made = native.mkdir(AT_FDCWD, path, mode);
  if (made !== -Errno.EEXIST) check(made, `mkdir ${path}`, { path });
}

/** Rewords errors about console sockets and detaching, which mean nothing to a caller of the library. */
export function inWordsOfLibrary(error: unknown): RuntimeError {
  const known = asRuntimeError(error);
  const { code, message, facts } = known;
  const say = (text: string): RuntimeError => new RuntimeError(code, text, facts, error);
  if (facts.pointer === "/process/terminal" && message.includes("console socket")) {
    return say('process.terminal is true in config.json: give the option "terminal: true" for a terminal, or make it false');
  }
  if (message.startsWith("cannot use console socket")) {
    return say(
      '"terminal: true" was given, but process.terminal is not true in config.json: make it true, or leave the option out',
    );
  }
  if (facts.brief?.includes("JSON specification file") === true) {
    return say(
      `${message}: a bundle has a config.json; for a root file system alone give { rootfs, args } in the place of { bundle }`,
    );
  }
  return known;
}
