// SPDX-License-Identifier: Apache-2.0
/**
 * Answers of the runtime to init's questions about a new user namespace and a new time namespace.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#user-namespace-mappings
 */
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Config, LinuxIDMapping } from "../../spec/types.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { writeByTool } from "./id_map_tools.ts";

/**
 * Writes uid_map and gid_map of `pid`, as linux.uidMappings and linux.gidMappings say. If the runtime itself lacks the right,
 * newuidmap and newgidmap write them; these know the ids that /etc/subuid and /etc/subgid give a user.
 * @param isDumpable whether `pid` is dumpable; otherwise the runtime may be unable to open its files
 * @returns an errno if the process has to ask once more, dumpable; 0 where all is written
 */
export async function writeIdMaps(pid: number, config: Config, isDumpable: boolean): Promise<number> {
  const linux = config.linux ?? {};
  const gids = mapText(linux.gidMappings);
  // Without privileges the kernel accepts a gid_map only of the own group, and where setgroups(2) is denied (CVE-2014-8989).
  const [group, ...more] = linux.gidMappings ?? [];
  const own = group?.size === 1 && group.hostID === process.getegid?.() && more.length === 0;
  if (own && process.geteuid?.() !== 0) {
    const errno = tryWrite(pid, "setgroups", "deny");
    if (isClosed(errno, isDumpable)) return errno;
    if (errno !== 0) throw failed(pid, "setgroups", errno, "/linux/gidMappings");
  }
  for (const [file, text, pointer] of [
    ["gid_map", gids, "/linux/gidMappings"],
    ["uid_map", mapText(linux.uidMappings), "/linux/uidMappings"],
  ] as const) {
    const errno = tryWrite(pid, file, text);
    if (isClosed(errno, isDumpable)) return errno;
    if (errno === Errno.EPERM) {
      await writeByTool(pid, file, text, pointer);
    } else if (errno !== 0) {
      throw failed(pid, file, errno, pointer);
    }
  }
  return 0;
}

/** The mappings of a user namespace. */
export interface IdMaps {
  readonly uidMappings?: readonly LinuxIDMapping[];
  readonly gidMappings?: readonly LinuxIDMapping[];
}

/**
 * Writes both maps of `pid`.
 * @param pointer JSON Pointer of the object that has the mappings
 * @throws STEP_FAILED
 */
export function writeMaps(pid: number, { uidMappings, gidMappings }: IdMaps, pointer: string): void {
  write(pid, "gid_map", mapText(gidMappings), `${pointer}/gidMappings`);
  write(pid, "uid_map", mapText(uidMappings), `${pointer}/uidMappings`);
}

/** Writes timens_offsets of `pid`, as linux.timeOffsets says. Parameters and result as of {@link writeIdMaps}. */
export function writeTimeOffsets(pid: number, config: Config, isDumpable: boolean): number {
  const lines = Object.entries(config.linux?.timeOffsets ?? {}).map(
    ([clock, { secs, nanosecs }]) => `${clock} ${secs ?? 0} ${nanosecs ?? 0}\n`,
  );
  const errno = tryWrite(pid, "timens_offsets", lines.join(""));
  if (isClosed(errno, isDumpable)) return errno;
  if (errno !== 0) throw failed(pid, "timens_offsets", errno, "/linux/timeOffsets");
  return 0;
}

/** The file could not be opened, and can be once its process is dumpable: a failed write gives other errors. */
function isClosed(errno: number, isDumpable: boolean): boolean {
  return errno === Errno.EACCES && !isDumpable;
}

function mapText(mappings: readonly LinuxIDMapping[] | undefined): string {
  return (mappings ?? []).map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

function write(pid: number, file: string, text: string, pointer: string): void {
  const errno = tryWrite(pid, file, text);
  if (errno !== 0) throw failed(pid, file, errno, pointer);
}

function tryWrite(pid: number, file: string, text: string): number {
  if (text === "") return 0;
  const result = native.writeFile(AT_FDCWD, `/proc/${pid}/${file}`, O_WRONLY | O_CLOEXEC, 0, text);
  return result < 0 ? -result : 0;
}

function failed(pid: number, file: string, errno: number, pointer: string): RuntimeError {
  const hint = errno === Errno.EINVAL ? " (do extents overlap?)" : "";
  const message = `${propertyName(pointer)}: write ${file}: ${errnoText(errno)}${hint}`;
  return new RuntimeError("STEP_FAILED", message, { pointer, errno, path: `/proc/${pid}/${file}` });
}
