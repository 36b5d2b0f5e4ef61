// SPDX-License-Identifier: Apache-2.0
/** Where messages of the library go. The command line gives one that writes runc's log formats. */
export interface Log {
  /** Details for the person who looks for a cause; shown with `--debug` only. */
  debug(message: string): void;
  /** Something that the caller should know, after which the operation goes on. */
  warn(message: string): void;
}

/** A log that drops everything; the default of the library. */
export const silentLog: Log = {
  debug() {},
  warn() {},
};
