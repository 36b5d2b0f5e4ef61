// SPDX-License-Identifier: Apache-2.0
/** The command line's log: stderr, or the file of `--log`. */

import type { RuntimeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { AT_FDCWD, check, O_APPEND, O_CLOEXEC, O_CREAT, O_WRONLY, O_SYNC } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { errorEntry, formatJson, formatTerminal, formatText, type LogEntry } from "./log_format.ts";
import { programName } from "../sys/program_name.ts";
import { STDERR, write } from "./output/write.ts";
import { checkText } from "./paths.ts";

/** {@link Log}, and the one place that reports an error. */
export interface CommandLog extends Log {
  /**
   * Writes the error to the log; if the log is a file, its message to stderr too. The error is one entry even if the
   * message has several lines: podman reads the file as one JSON object.
   */
  error(error: RuntimeError): void;
}

/** The target and the form of the log: the global options of the same names. */
export interface LogOptions {
  /** File to append to; default: stderr. */
  readonly file?: string | undefined;
  /** Default: `text`. */
  readonly format?: "text" | "json" | undefined;
  /** Default false: debug messages are dropped. */
  readonly debug?: boolean | undefined;
}

/**
 * Opens the log.
 *
 * @throws RuntimeError `SYSCALL` where the file cannot be opened
 */
export function openLog(options: LogOptions): CommandLog {
  const { file = "", format, debug = false } = options;
  const fd = file === "" ? STDERR : openFile(file);
  const started = native.now();
  const log = (entry: LogEntry): void => {
    if (format === "json") write(fd, formatJson(entry, Date.now()));
    else if (native.isatty(fd)) write(fd, formatTerminal(entry, (native.now() - started) / 1000));
    else write(fd, formatText(entry, Date.now()));
  };
  return {
    debug(message) {
      if (debug) log({ level: "debug", message });
    },
    warn(message) {
      log({ level: "warning", message });
    },
    error(error) {
      const { bare, brief } = error.facts;
      // A program that calls `runc` and reads its output expects only runc's words; people and logs get the explanation.
      const isRead = fd === STDERR && !debug && format !== "json" && programName() === "runc" && !native.isatty(fd);
      if (isRead && bare !== undefined) {
        write(STDERR, `${bare}\n`);
        return;
      }
      log({ ...errorEntry(error), ...(isRead && brief !== undefined && { message: brief }) });
      if (fd !== STDERR) write(STDERR, `${error.message}\n`);
    },
  };
}

function openFile(path: string): number {
  checkText(path);
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_SYNC | O_CLOEXEC;
  return check(native.open(AT_FDCWD, path, flags, 0o644), `--log: open ${path}`, { path });
}
