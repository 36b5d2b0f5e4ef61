// SPDX-License-Identifier: Apache-2.0
/** Options that several commands have. */

import type { OptionRow } from "./command.ts";

/** For a command whose one argument is the id of a container. */
export const ONE_ID = { arguments: "<container-id>", min: 1, max: 1, takesId: true } as const;

/** For a command without arguments. */
export const NO_ARGUMENTS = { arguments: "", min: 0, max: 0 } as const;

export const BUNDLE = {
  name: "bundle",
  alias: "b",
  type: "string",
  value: "DIR",
  path: "directories",
  help: "the bundle, which holds config.json; defaults to the current directory",
} as const satisfies OptionRow;

export const CONFIG = {
  name: "config",
  type: "string",
  value: "FILE",
  path: "files",
  help: "file to read instead of the bundle's config.json",
} as const satisfies OptionRow;

export const CONSOLE_SOCKET = {
  name: "console-socket",
  type: "string",
  value: "SOCKET",
  path: "files",
  help: "AF_UNIX socket that gets a descriptor of the console's master end",
} as const satisfies OptionRow;

/** Without its help, which names the process. */
export const PIDFD_SOCKET = { name: "pidfd-socket", type: "string", value: "SOCKET", path: "files" } as const;

/** Without its help, as {@link PIDFD_SOCKET}. */
export const PID_FILE = { name: "pid-file", type: "string", value: "FILE", path: "files" } as const;

/** Without its help: the option says when the command returns. */
export const DETACH = { name: "detach", alias: "d", type: "boolean" } as const;

export const PRESERVE_FDS = {
  name: "preserve-fds",
  type: "integer",
  default: "0",
  help: "pass N more descriptors to the container (stdio + $LISTEN_FDS + N in total)",
} as const satisfies OptionRow;

export const NO_SUBREAPER = {
  name: "no-subreaper",
  type: "boolean",
  help: "do not become the reaper of orphaned descendants",
} as const satisfies OptionRow;

/** For a report to a person. */
export const FORMAT_TEXT = {
  name: "format",
  alias: "f",
  type: "string",
  choices: ["text", "json"],
  wrongChoice: (value) => `invalid format option: ${value}: it is text or json`,
  default: "text",
  help: "format of the output",
} as const satisfies OptionRow;

/** For a list; the error is runc's. */
export const FORMAT_TABLE = {
  name: "format",
  alias: "f",
  type: "string",
  choices: ["table", "json"],
  wrongChoice: () => "invalid format option",
  default: "table",
  help: "format of the output",
} as const satisfies OptionRow;

/** crun's. */
export const REGEX = {
  name: "regex",
  alias: "r",
  type: "boolean",
  help: "the id is a regular expression, for all containers that it fits",
} as const satisfies OptionRow;
