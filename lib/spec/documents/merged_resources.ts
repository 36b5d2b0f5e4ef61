// SPDX-License-Identifier: Apache-2.0
/** The limits of a container after an update: the old limits, with the new ones over them. Pure. */
import { parseJson } from "../json/json.ts";
import type { LinuxBlockIO, LinuxBlockIODevice, LinuxCPU, LinuxMemory, LinuxNetwork, LinuxResources } from "../types.ts";

type MutableMemory = { -readonly [Name in keyof LinuxMemory]: LinuxMemory[Name] };

/** Files of cgroup v2 that a property writes; `unified` of an earlier document must not write another value after it. */
const FILES: readonly (readonly [file: string, isNamed: (resources: LinuxResources) => boolean])[] = [
  ["memory.max", ({ memory }) => isSet(memory?.limit)],
  ["memory.swap.max", ({ memory }) => isSet(memory?.swap) || memory?.limit === -1],
  ["memory.low", ({ memory }) => isSet(memory?.reservation)],
  ["cpu.weight", ({ cpu }) => isSet(cpu?.shares)],
  ["cpu.weight.nice", ({ cpu }) => isSet(cpu?.shares)],
  ["cpu.idle", ({ cpu }) => cpu?.idle !== undefined],
  ["cpu.max", ({ cpu }) => isSet(cpu?.quota) || isSet(cpu?.period)],
  ["cpu.max.burst", ({ cpu }) => cpu?.burst !== undefined],
  ["cpuset.cpus", ({ cpu }) => isSet(cpu?.cpus)],
  ["cpuset.mems", ({ cpu }) => isSet(cpu?.mems)],
  ["pids.max", ({ pids }) => pids?.limit !== undefined],
  ["io.weight", ({ blockIO }) => isSet(blockIO?.weight)],
  ["io.bfq.weight", ({ blockIO }) => isSet(blockIO?.weight)],
  ["io.max", ({ blockIO }) => throttles(blockIO) > 0],
];

/** Properties for which 0 or "" is not a limit: engines send it for "not named". */
const ZERO_IS_UNSET: ReadonlySet<string> = new Set([
  "limit",
  "reservation",
  "swap",
  "kernel",
  "kernelTCP",
  "shares",
  "quota",
  "period",
  "realtimeRuntime",
  "realtimePeriod",
  "cpus",
  "mems",
  "weight",
  "leafWeight",
  "classID",
]);

/**
 * The limits after an update. Device rules are left out: an update does not change them.
 *
 * @param before the limits of config.json and of earlier updates
 * @param given the limits of the update; entries of lists come first, so that an error names their index
 */
export function mergedResources(before: LinuxResources, given: LinuxResources): LinuxResources {
  const { memory, cpu, pids, blockIO, network, hugepageLimits, rdma, unified } = given;
  const parts = {
    memory: mergedMemory(before.memory, memory),
    cpu: overlaid<LinuxCPU>(before.cpu, cpu),
    pids: pids?.limit === undefined ? before.pids : pids,
    blockIO: mergedBlockIO(before.blockIO, blockIO),
    hugepageLimits: joined(hugepageLimits, before.hugepageLimits, ({ pageSize }) => pageSize),
    network: mergedNetwork(before.network, network),
    rdma: { ...before.rdma, ...rdma },
    unified: { ...remaining(before.unified, given), ...unified },
  };
  const named = Object.entries(parts).filter(([, value]) => value !== undefined && Object.keys(value).length > 0);
  return Object.fromEntries(named) as LinuxResources;
}

/** `memory.swap` counts memory too: without a limit of memory an earlier one of both has no meaning. */
function mergedMemory(before: LinuxMemory = {}, given: LinuxMemory = {}): LinuxMemory {
  const merged: MutableMemory = { ...overlaid<LinuxMemory>(before, given) };
  if (given.limit === -1 && !isSet(given.swap)) delete merged.swap;
  // It applies to this update only, and is not a limit.
  delete merged.checkBeforeUpdate;
  if (given.checkBeforeUpdate !== undefined) merged.checkBeforeUpdate = given.checkBeforeUpdate;
  return merged;
}

function mergedBlockIO(before: LinuxBlockIO = {}, given: LinuxBlockIO = {}): LinuxBlockIO {
  const lists: Record<string, readonly LinuxBlockIODevice[]> = {};
  for (const name of [
    "weightDevice",
    "throttleReadBpsDevice",
    "throttleWriteBpsDevice",
    "throttleReadIOPSDevice",
    "throttleWriteIOPSDevice",
  ] as const) {
    const list = joined<LinuxBlockIODevice>(given[name], before[name], ({ major, minor }) => `${major}:${minor}`);
    if (list !== undefined) lists[name] = list;
  }
  return { ...overlaid<LinuxBlockIO>(before, given), ...lists };
}

function mergedNetwork(before: LinuxNetwork = {}, given: LinuxNetwork = {}): LinuxNetwork {
  const priorities = joined(given.priorities, before.priorities, ({ name }) => name);
  return { ...overlaid<LinuxNetwork>(before, given), ...(priorities === undefined ? {} : { priorities }) };
}

/** Keys of an earlier `unified`, except those whose file a property of `given` writes. */
function remaining(before: Readonly<Record<string, string>> = {}, given: LinuxResources): Record<string, string> {
  const left = { ...before };
  for (const [file, isNamed] of FILES) if (isNamed(given)) delete left[file];
  for (const { pageSize } of given.hugepageLimits ?? []) {
    delete left[`hugetlb.${pageSize}.max`];
    delete left[`hugetlb.${pageSize}.rsvd.max`];
  }
  if (Object.keys(given.rdma ?? {}).length > 0) delete left["rdma.max"];
  return left;
}

function overlaid<Part extends object>(before: Part | undefined, given: Part | undefined): Part {
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(given ?? {})) {
    const isUnset = value === undefined || (ZERO_IS_UNSET.has(name) && !isSet(value as number | bigint | string));
    if (!isUnset) merged[name] = value;
  }
  return merged as Part;
}

/** The entries of `given`, then those of `before` whose key it does not have. */
function joined<Item>(
  given: readonly Item[] | undefined,
  before: readonly Item[] | undefined,
  keyOf: (item: Item) => string,
): readonly Item[] | undefined {
  if (before === undefined || given === undefined) return given ?? before;
  const keys = new Set(given.map(keyOf));
  return [...given, ...before.filter((item) => !keys.has(keyOf(item)))];
}

function throttles(blockIO: LinuxBlockIO = {}): number {
  const {
    throttleReadBpsDevice: a = [],
    throttleWriteBpsDevice: b = [],
    throttleReadIOPSDevice: c = [],
    throttleWriteIOPSDevice: d = [],
  } = blockIO;
  return a.length + b.length + c.length + d.length;
}

function isSet(value: number | bigint | string | undefined): boolean {
  return value !== undefined && value !== 0 && value !== 0n && value !== "";
}

/** Limits as a JSON document; integers of 64 bits stay exact. */
export function resourcesText(resources: LinuxResources): string {
  return jsonText(resources);
}

/** As JSON.stringify, which refuses a bigint. */
function jsonText(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`).join(",")}}`;
}

/** Reads the text of {@link resourcesText}; nothing for another text. */
export function parseResourcesText(text: string): LinuxResources {
  const { value, complete } = parseJson(text);
  return complete && typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as unknown as LinuxResources)
    : {};
}
