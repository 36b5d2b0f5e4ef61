// SPDX-License-Identifier: Apache-2.0
/** Loads `watch.node`, by which the library waits for descriptors without blocking, and reads files again and again. The command line does not need it. */
import { RuntimeError } from "../errors.ts";
import { nativeDirectory, wayToWhole } from "../sys/native.ts";

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
  /**
   * Reads a file, and keeps it open in a thread with a table of descriptors of its own. The file gets the next slot of its set: 0, 1, …
   * @param set a number of the caller's
   * @returns its text, or -errno
   */
  holdFile(set: number, path: string): string | number;
  /**
   * Reads all files of some sets again. A file that cannot be read any more is looked for under its path.
   * @returns for each file that has changed: its set, its slot, and its text or -errno
   */
  changedFiles(sets: Int32Array): (string | number)[];
  /** Closes the files of a set. */
  dropFiles(set: number): void;
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
    const text = `cannot load ${watchAddon}: ${why}: ${wayToWhole()}`;
    throw new RuntimeError("INTERNAL", text, { path: watchAddon }, error);
  }
  return module.exports as WatchNative;
}
