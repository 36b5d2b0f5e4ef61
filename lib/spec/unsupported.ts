import type { Sound } from "./sound.ts";
import type { Config } from "./types.ts";

/** A property of config.json that this release of runt refuses, because ignoring it would be wrong. */
export interface Unsupported {
  /** JSON Pointer of the property. */
  readonly pointer: string;
  /** What it asks for, such as "seccomp filters". */
  readonly what: string;
}

const LINUX = [
  ["intelRdt", "Intel RDT"],
] as const;

/**
 * Whether a value asks for nothing: absent, `""`, false, `[]`, `{}`, or an object of only such values. A member that
 * is `undefined` was wrong and has been taken out (see `takeOut`): whoever wrote it asked for something.
 */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === "" || value === false) return true;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const name in value) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (member === undefined || !isEmpty(member)) return false;
  }
  return true;
}

/** Every property of `config` that asks for something that this release cannot do. */
export function unsupported(config: Sound<Config>): readonly Unsupported[] {
  const found: Unsupported[] = [];
  const look = (at: string, name: string, value: unknown, what: string): void => {
    if (!isEmpty(value)) found.push({ pointer: `${at}/${name}`, what });
  };
  const { linux } = config;
  if (linux === undefined) return found;
  for (const [name, what] of LINUX) look("/linux", name, linux[name], what);
  return found;
}
