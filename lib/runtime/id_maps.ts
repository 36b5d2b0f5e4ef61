/**
 * Answers of the runtime to init's questions about a new user namespace and a new time namespace.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#user-namespace-mappings
 */
import { RuntimeError } from "../errors.ts";
import { propertyName } from "../spec/property_name.ts";
import type { Config, LinuxIDMapping } from "../spec/types.ts";
import { Errno, errnoText } from "../sys/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../sys/files.ts";
import { native } from "../sys/native.ts";

/** Writes uid_map and gid_map of `pid`, as linux.uidMappings and linux.gidMappings say. */
export function writeIdMaps(pid: number, config: Config): void {
  // Without privileges the kernel takes a gid_map only where setgroups(2) is denied (CVE-2014-8989).
  if (process.geteuid?.() !== 0) write(pid, "setgroups", "deny", "/linux/gidMappings");
  writeMaps(pid, config.linux ?? {}, "/linux");
}

/** The mappings of a user namespace. */
export interface IdMaps {
  readonly uidMappings?: readonly LinuxIDMapping[];
  readonly gidMappings?: readonly LinuxIDMapping[];
}

/**
 * Writes both maps of `pid`.
 * @param pointer what the mappings belong to
 * @throws STEP_FAILED
 */
export function writeMaps(pid: number, { uidMappings, gidMappings }: IdMaps, pointer: string): void {
  write(pid, "gid_map", mapText(gidMappings), `${pointer}/gidMappings`);
  write(pid, "uid_map", mapText(uidMappings), `${pointer}/uidMappings`);
}

/** Writes timens_offsets of `pid`, as linux.timeOffsets says. */
export function writeTimeOffsets(pid: number, config: Config): void {
  const lines = Object.entries(config.linux?.timeOffsets ?? {}).map(
    ([clock, { secs, nanosecs }]) => `${clock} ${secs ?? 0} ${nanosecs ?? 0}\n`,
  );
  write(pid, "timens_offsets", lines.join(""), "/linux/timeOffsets");
}

function mapText(mappings: readonly LinuxIDMapping[] | undefined): string {
  return (mappings ?? [])
    .map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`)
    .join("");
}

function write(pid: number, file: string, text: string, pointer: string): void {
  if (text === "") return;
  const path = `/proc/${pid}/${file}`;
  const result = native.writeFile(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0, text);
  if (result >= 0) return;
  const hint = result === -Errno.EINVAL ? " (do extents overlap?)" : "";
  const message = `${propertyName(pointer)}: write ${file}: ${errnoText(-result)}${hint}`;
  throw new RuntimeError("STEP_FAILED", message, { pointer, errno: -result, path });
}
