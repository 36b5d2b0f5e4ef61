/** What the value of an option is: for the manual pages and the completion, not for the reader. Pure. */

import type { OptionRow } from "./table.ts";

/** What a shell may offer as a value. */
export type ValueKind = "files" | "directories" | "choices" | "nothing";

interface OptionValue {
  /** How the value is called in a manual page. */
  readonly name: string;
  readonly kind: ValueKind;
}

/** Options whose value is a path, by name: an option of one name takes the same in each command. */
const PATHS: Readonly<Record<string, OptionValue>> = {
  bundle: { name: "DIR", kind: "directories" },
  root: { name: "DIR", kind: "directories" },
  log: { name: "FILE", kind: "files" },
  "pid-file": { name: "FILE", kind: "files" },
  process: { name: "FILE", kind: "files" },
  resources: { name: "FILE", kind: "files" },
  "console-socket": { name: "SOCKET", kind: "files" },
  "pidfd-socket": { name: "SOCKET", kind: "files" },
  "image-path": { name: "DIR", kind: "directories" },
  "work-path": { name: "DIR", kind: "directories" },
  "parent-path": { name: "DIR", kind: "directories" },
};

/** Values that are neither paths nor one of a few words. */
const NAMES: Readonly<Record<string, string>> = {
  cwd: "DIR",
  env: "NAME=value",
  user: "UID[:GID]",
  "additional-gids": "GID",
  cap: "CAP_NAME",
  cgroup: "PATH",
  interval: "TIME",
  memory: "BYTES",
  "memory-reservation": "BYTES",
  "memory-swap": "BYTES",
};

/** What the value of an option is; `undefined` for an option without one. */
export function valueOf(option: OptionRow): OptionValue | undefined {
  if (option.type === "boolean") return undefined;
  if (option.choices !== undefined) return { name: option.choices.join("|"), kind: "choices" };
  const path = Object.hasOwn(PATHS, option.name) ? PATHS[option.name] : undefined;
  if (path !== undefined) return path;
  const name = Object.hasOwn(NAMES, option.name) ? NAMES[option.name] : undefined;
  const plain = option.type === "integer" || option.type === "integers" ? "N" : "VALUE";
  return { name: name ?? plain, kind: "nothing" };
}
