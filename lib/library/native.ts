// SPDX-License-Identifier: Apache-2.0
/** Loads `watch.node`, by which the library waits for descriptors without blocking. The command line does not need it. */
import { RuntimeError } from "../errors.ts";
import { nativeDirectory } from "../sys/native.ts";

/** The functions of native/watch; a negative number is -errno. */
export interface WatchNative {
  /**
   * Calls `callback` once, from the event loop, when one of the poll(2) `events` has happened; EPERM for a file that is always
   * ready, such as a regular file. The descriptor may be closed meanwhile: a duplicate is watched.
   * @returns a number for {@link WatchNative.end}
   */
  watch(fd: number, events: number, callback: (happened: number) => void): number;
  /** Takes a watch back; ENOENT where it has happened. */
  end(id: number): number;
  /** Whether watches of this thread keep the program alive. At first they do not. ENOENT before the first one. */
  keep(yes: boolean): number;
}

/** Absolute path of the addon. */
export const watchAddon: string = `${nativeDirectory()}/watch.node`;

/** The addon, for this thread. */
export const watchNative: WatchNative = load();

function load(): WatchNative {
  const module = { exports: {} };
  try {
    process.dlopen(module, watchAddon);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `cannot load ${watchAddon}: ${why}: it is made by "npm run build" and lies beside runt.node`;
    throw new RuntimeError("INTERNAL", text, { path: watchAddon }, error);
  }
  return module.exports as WatchNative;
}
