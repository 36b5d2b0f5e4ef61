// SPDX-License-Identifier: Apache-2.0
/** Options of the program, and options that every command has. */

import { readBoolean } from "./boolean.ts";
import type { Flags, OptionRow } from "./command.ts";

/** Options that may stand before the command, and among its own (runc's flags are inherited by commands). */
export const GLOBAL_OPTIONS = [
  { name: "debug", type: "boolean", help: "enable debug logging" },
  { name: "log", type: "string", value: "FILE", path: "files", help: "append the log to a file (default is stderr)" },
  {
    name: "log-format",
    type: "string",
    choices: ["text", "json"],
    otherSpelling: (value) => (value === "" ? "text" : undefined),
    wrongChoice: (value) => `invalid log-format: ${value}`,
    default: "text",
    help: "format of the log",
  },
  {
    name: "root",
    type: "string",
    value: "DIR",
    path: "directories",
    default: "/run/runt",
    help: "directory that holds the state of containers; should be on a tmpfs",
  },
  {
    name: "systemd-cgroup",
    type: "boolean",
    help: 'cgroups through systemd; cgroupsPath then has the form "slice:prefix:name"',
  },
  {
    name: "cgroup-manager",
    type: "string",
    choices: ["cgroupfs", "systemd", "disabled"],
    default: "cgroupfs",
    help: "the manager of cgroups; disabled: the container stays in the runtime's cgroup, without limits",
  },
  {
    name: "rootless",
    type: "string",
    choices: ["true", "false", "auto"],
    otherSpelling: rootlessChoice,
    default: "auto",
    help: "ignore cgroup permission errors",
  },
  {
    name: "trace",
    type: "string",
    value: "FILE",
    path: "files",
    help: 'write a timeline of the command to a file, for "trace" or a browser',
  },
  // Old versions of containerd's go-runc send it.
  { name: "criu", type: "string", hidden: true, help: "ignored" },
] as const satisfies readonly OptionRow[];

/** The global options that were given, by name. */
export type GlobalFlags = Flags<typeof GLOBAL_OPTIONS>;

/** `--help` belongs to the program and to each command; it is not inherited. */
export const HELP_OPTION = {
  name: "help",
  alias: "h",
  type: "boolean",
  help: "show help",
} as const satisfies OptionRow;

/** `--version` belongs to the program alone. */
export const VERSION_OPTION = {
  name: "version",
  alias: "v",
  type: "boolean",
  help: "print the version",
} as const satisfies OptionRow;

/** runc takes booleans in any of Go's spellings here, and "auto" in any case. */
function rootlessChoice(value: string): string | undefined {
  if (value === "" || value.toLowerCase() === "auto") return "auto";
  const found = readBoolean(value);
  return found === undefined ? undefined : String(found);
}
