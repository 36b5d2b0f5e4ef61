// SPDX-License-Identifier: Apache-2.0
/**
 * A seccomp profile in a file of its own: a `linux.seccomp` object, a config.json that has one, or a profile of docker's, which
 * has `archMap`, and conditions on capabilities, architecture and kernel. Pure.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#seccomp
 */
import { RuntimeError } from "../../errors.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../types.ts";
import { type Json, parseJson } from "../json/json.ts";
import { configError, inspectDocument } from "./config.ts";

const AT = "/linux/seccomp";

/** docker's architectures, and those that each can run. */
export interface ArchMapEntry {
  readonly architecture: string;
  readonly subArchitectures?: readonly string[];
}

/** Conditions of docker's on a block. */
export interface DockerConditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

/** A block of a profile of docker's. */
export interface DockerBlock extends LinuxSyscall {
  readonly includes?: DockerConditions;
  readonly excludes?: DockerConditions;
}

/** A profile as a file has it. */
export interface ProfileFile {
  readonly format: "oci" | "docker";
  /** With docker's conditions at its blocks. */
  readonly profile: LinuxSeccomp;
  /** docker's map; empty in the other form. */
  readonly archMap: readonly ArchMapEntry[];
}

/**
 * Parses and validates a profile.
 * @param path the file's path, for the error
 * @throws CONFIG_INVALID with every problem; the pointers are into the file
 */
export function parseSeccomp(text: string, path: string): ProfileFile {
  const parsed = parseJson(text);
  if (!parsed.complete) throw configError(path, parsed.problems);
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw configError(path, [{ pointer: "", line: 1, column: 1, message: "found no object, must be a seccomp profile" }]);
  }
  const object = value as Readonly<Record<string, Json>>;
  if ("ociVersion" in object || "linux" in object) return ofConfig(object, text, path, parsed.problems);
  if (!("defaultAction" in object)) {
    const message = "it has no defaultAction: it is neither a seccomp profile nor a config.json";
    throw configError(path, [{ pointer: "", line: 1, column: 1, message }]);
  }
  const isDocker = isDockers(object);
  const plain = isDocker ? withoutMap(object) : object;
  const profile = validated(plain, text, path, parsed.problems);
  return { format: isDocker ? "docker" : "oci", profile, archMap: archMapOf(object) };
}

function ofConfig(
  object: Readonly<Record<string, Json>>,
  text: string,
  path: string,
  problems: Parameters<typeof inspectDocument>[2],
): ProfileFile {
  const inspected = inspectDocument(object, text, problems, "");
  if (inspected.problems.length > 0) throw configError(path, inspected.problems);
  const { linux } = object as { readonly linux?: { readonly seccomp?: LinuxSeccomp } };
  if (linux?.seccomp !== undefined) return { format: "oci", profile: linux.seccomp, archMap: [] };
  throw new RuntimeError("CONFIG_INVALID", `${path}: linux.seccomp: there is none`, { pointer: AT, path });
}

function validated(
  object: Readonly<Record<string, Json>>,
  text: string,
  path: string,
  before: Parameters<typeof inspectDocument>[2],
): LinuxSeccomp {
  const document = { ociVersion: "1.3.0", root: { path: "/" }, linux: { seccomp: object } } as unknown as Json;
  const { problems } = inspectDocument(document, text, before, AT);
  if (problems.length > 0) throw configError(path, problems);
  return object as unknown as LinuxSeccomp;
}

function isDockers(object: Readonly<Record<string, Json>>): boolean {
  if ("archMap" in object) return true;
  const { syscalls } = object;
  if (!Array.isArray(syscalls)) return false;
  return syscalls.some((block: unknown) => {
    return typeof block === "object" && block !== null && ("includes" in block || "excludes" in block || "name" in block);
  });
}

/** The older form has one `name` a block. */
function withoutMap(object: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  const { archMap: _, syscalls, ...rest } = object;
  const blocks = Array.isArray(syscalls)
    ? syscalls.map((block: Json): Json => {
        if (typeof block !== "object" || block === null || !("name" in block) || "names" in block) return block;
        const { name, ...others } = block as Readonly<Record<string, Json>>;
        return { names: [name ?? ""], ...others };
      })
    : syscalls;
  return { ...rest, ...(blocks === undefined ? {} : { syscalls: blocks }) };
}

/** What of the map has the right form. */
function archMapOf({ archMap }: Readonly<Record<string, Json>>): readonly ArchMapEntry[] {
  const entries: readonly Json[] = Array.isArray(archMap) ? (archMap as readonly Json[]) : [];
  const isText = (value: unknown): value is string => typeof value === "string";
  return entries.flatMap((entry) => {
    const { architecture, subArchitectures: others } = (entry ?? {}) as { architecture?: unknown; subArchitectures?: unknown };
    if (!isText(architecture)) return [];
    return [{ architecture, subArchitectures: Array.isArray(others) ? (others as readonly unknown[]).filter(isText) : [] }];
  });
}

/** The architectures of a machine, its own first: those of the profile, and those that docker's map gives it. */
export function architecturesOf({ profile, archMap }: ProfileFile, own: string): readonly string[] {
  const mapped = archMap.find(({ architecture }) => architecture === own)?.subArchitectures ?? [];
  return [...new Set([own, ...(profile.architectures ?? []), ...mapped])];
}

/**
 * The text of a profile, with exact numbers; a line for each block.
 * @param former docker's map so far; entries of other machines stay
 */
export function profileText(profile: LinuxSeccomp, format: "oci" | "docker", former: readonly ArchMapEntry[] = []): string {
  const { architectures = [], syscalls = [], ...head } = profile;
  const members = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${exactJson(value)}`);
  if (format === "docker") members.push(`  "archMap": ${exactJson(archMap(architectures, former))}`);
  else members.push(`  "architectures": ${exactJson(architectures)}`);
  const blocks = syscalls.map((block) => `    ${exactJson(block)}`);
  members.push(`  "syscalls": [${blocks.length === 0 ? "" : `\n${blocks.join(",\n")}\n  `}]`);
  return `{\n${members.join(",\n")}\n}\n`;
}

/** The first one is the machine's own; docker takes the others only with it. */
function archMap([first, ...others]: readonly string[], former: readonly ArchMapEntry[]): readonly ArchMapEntry[] {
  const rest = former.filter(({ architecture }) => architecture !== first);
  return first === undefined ? rest : [{ architecture: first, subArchitectures: others }, ...rest];
}

/** JSON with integers beyond 2^53. */
function exactJson(value: unknown): string {
  if (typeof value === "bigint") return `${value}`;
  if (Array.isArray(value)) return `[${value.map(exactJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${exactJson(member)}`).join(", ")}}`;
}
