// SPDX-License-Identifier: Apache-2.0
/** The findings of `runt check` on rights that this user lacks: foreign ids, devices that only root of the host may make. */
import { CAP_MKNOD, PR_CAPBSET_READ, S_IFMT } from "../../kernel/numbers.ts";
import { pointerStep } from "../../spec/json/pointer.ts";
import { makesNamespace, namespaceReads } from "../../spec/rules/namespaces.ts";
import type { Report, WithoutWrongValues } from "../../spec/schema/without_wrong_values.ts";
import type { Config, LinuxDevice, LinuxIDMapping } from "../../spec/types.ts";
import { errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { findProgram } from "../../sys/find_program.ts";
import { type Ids, rangesOf, subordinateIds } from "../../sys/subordinate_ids.ts";
import { inUserNamespace } from "../../sys/user_namespace.ts";

const TYPES: Readonly<Record<string, number>> = { c: 0o020000, u: 0o020000, b: 0o060000 };

/** Warnings only: another user than the present one may run the container. */
export function rightsFindings(config: WithoutWrongValues<Config>, report: Report): void {
  checkMaps(config, report);
  checkDevices(config, report);
}

const MAPS = [
  {
    name: "uidMappings",
    ids: "user",
    file: "uid_map",
    tool: "newuidmap",
    given: "/etc/subuid",
    own: () => process.geteuid?.() ?? 0,
  },
  {
    name: "gidMappings",
    ids: "group",
    file: "gid_map",
    tool: "newgidmap",
    given: "/etc/subgid",
    own: () => process.getegid?.() ?? 0,
  },
] as const;

function checkMaps(config: WithoutWrongValues<Config>, report: Report): void {
  if (!makesNamespace(config, "user")) return;
  for (const kind of MAPS) {
    const { name, ids, file, tool, given } = kind;
    const ranges = config.linux?.[name] ?? [];
    const at = `/linux/${name}`;
    const isAlone = ranges.length === 1;
    const here = rangesOf(readTextIfExists(`/proc/self/${file}`) ?? "", /\s+/, 0, 2);
    ranges.forEach((range, index) => {
      const wanted = hostIds(range);
      if (wanted === undefined) return;
      const tell = (text: string): void =>
        report(`${at}/${index}`, `${ids} ids ${wanted.start} to ${wanted.start + wanted.size - 1} ${text}`, [
          `${at}/${index}`,
          ...namespaceReads(config, "user"),
        ]);
      if (!isWithin(wanted, here)) tell(`are not in this user namespace (/proc/self/${file})`);
      else if ((process.geteuid?.() ?? 0) === 0 || (wanted.size === 1 && wanted.start === kind.own() && isAlone)) return;
      else if (findProgram(tool) === undefined) tell(`need root, or ${tool} (package uidmap), which is not installed`);
      else if (!isWithin(wanted, [{ start: kind.own(), size: 1 }, ...subordinateIds(given)]))
        tell(`are not given to this user in ${given}`);
    });
  }
}

function hostIds(range: WithoutWrongValues<LinuxIDMapping> | undefined): Ids | undefined {
  const { hostID, size } = range ?? {};
  return hostID === undefined || size === undefined || size === 0 ? undefined : { start: hostID, size };
}

/** Whether each of the ids is in one of the ranges, which may lie side by side. */
function isWithin({ start, size }: Ids, ranges: readonly Ids[]): boolean {
  const end = start + size;
  let at = start;
  for (const range of [...ranges].sort((one, other) => one.start - other.start)) {
    if (range.start <= at && at < range.start + range.size) at = range.start + range.size;
  }
  return at >= end;
}

function checkDevices(config: WithoutWrongValues<Config>, report: Report): void {
  const devices = config.linux?.devices ?? [];
  if (devices.length === 0 || mayMakeNodes()) return;
  devices.forEach((device, index) => {
    if (device?.path === undefined || device.type === undefined || device.type === "p") return;
    const problem = hostDevice(device, device.path);
    if (problem === undefined) return;
    report(
      `/linux/devices${pointerStep(String(index))}`,
      `${device.path}: ${problem}; only root of the host, with CAP_MKNOD, can make it`,
    );
  });
}

/** Without this right a device is a bind mount of the host's. */
function mayMakeNodes(): boolean {
  return (process.geteuid?.() ?? 0) === 0 && native.prctl(PR_CAPBSET_READ, CAP_MKNOD) === 1 && !inUserNamespace();
}

/** The reason why the host's device at the same path cannot replace a device. */
function hostDevice({ type, major, minor }: WithoutWrongValues<LinuxDevice>, path: string): string | undefined {
  const stat = native.stat(AT_FDCWD, path, true);
  if (typeof stat === "number") return `this host has none to bind: ${errnoText(-stat)}`;
  const isSame = (stat.mode & S_IFMT) === TYPES[type ?? "p"] && stat.major === Number(major) && stat.minor === Number(minor);
  return isSame ? undefined : "this host has something else there";
}
