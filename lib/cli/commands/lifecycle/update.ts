// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { errnoText } from "../../../kernel/errno.ts";
import { type RdtSchemas, update } from "../../../runtime/operations/update.ts";
import { parseResources } from "../../../spec/documents/resources_file.ts";
import type { Int64, LinuxCPU, LinuxMemory, LinuxResources } from "../../../spec/types.ts";
import { AT_FDCWD } from "../../../sys/files.ts";
import { native } from "../../../sys/native.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { readInput } from "../../read_input.ts";
import { SILENT } from "../../result.ts";
import { ONE_ID } from "../../shared_options.ts";

/** Limits. Numbers travel as text, because they may need all of 64 bits. */
const OPTIONS = [
  {
    name: "resources",
    alias: "r",
    type: "string",
    value: "FILE",
    path: "files",
    help: "file with a linux.resources object, or - for stdin; then all other options are ignored",
  },
  { name: "blkio-weight", type: "integer", help: "weight of block I/O, 10 to 1000" },
  { name: "cpu-period", type: "string", help: "period of the CPU limit in microseconds; 0: the system's" },
  { name: "cpu-quota", type: "string", help: "CPU time allowed in a period, in microseconds; -1: no limit" },
  { name: "cpu-burst", type: "string", help: "CPU time that may be saved up for a burst, in microseconds" },
  { name: "cpu-share", type: "string", help: "CPU shares, relative to other containers" },
  { name: "cpu-rt-period", type: "string", help: "period of the real-time limit in microseconds" },
  { name: "cpu-rt-runtime", type: "string", help: "real-time CPU time allowed in a period, in microseconds" },
  { name: "cpu-idle", type: "string", help: "1: SCHED_IDLE for the whole container; 0: not" },
  { name: "cpuset-cpus", type: "string", help: "CPUs to use" },
  { name: "cpuset-mems", type: "string", help: "memory nodes to use" },
  { name: "kernel-memory", type: "string", hidden: true, help: "obsolete, ignored" },
  { name: "kernel-memory-tcp", type: "string", hidden: true, help: "obsolete, ignored" },
  { name: "memory", type: "string", value: "BYTES", help: "memory limit in bytes, or with a unit (64M); -1: no limit" },
  { name: "memory-reservation", type: "string", value: "BYTES", help: "soft limit of memory" },
  { name: "memory-swap", type: "string", value: "BYTES", help: "limit of memory and swap together; -1: no limit" },
  { name: "pids-limit", type: "integer", help: "most processes; -1: no limit" },
  { name: "l3-cache-schema", type: "string", help: "Intel RDT/CAT schema of the L3 cache" },
  { name: "mem-bw-schema", type: "string", help: "Intel RDT/MBA schema of memory bandwidth" },
] as const satisfies readonly OptionRow[];

export const UPDATE = defineCommand({
  name: "update",
  summary: "change the limits of a container",
  ...ONE_ID,
  options: OPTIONS,
  description: `Changes limits of a container. Other limits stay. If the kernel refuses a value, all limits keep
the previous ones. Sizes may have a unit (64M, 1.5g); units are powers of 1024.

The resources file has the form of linux.resources in config.json. In it, a 0 where 0 cannot be
a limit means that the value is not named. Device rules are not changed.`,
  examples: [
    "# runt update --memory 256M --pids-limit 100 web",
    '# echo \'{"cpu": {"quota": 50000}}\' | runt update --resources - web',
  ],
  seeAlso: ["runt-events(8)", "cgroups(7)"],
  run(context, flags, [id]) {
    const limits = updateLimits(flags);
    const resources = "file" in limits ? readResources(limits.file) : limits.resources;
    update(context, id, resources, limits.rdt);
    return SILENT;
  },
});

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

const INT64_MAX = (1n << 63n) - 1n;
const UINT64_MAX = (1n << 64n) - 1n;

/** Powers of 1024 by their letter. */
const UNITS = ["", "k", "m", "g", "t", "p"];

const NUMBERS = [
  ["cpu-burst", "burst", 0n, UINT64_MAX],
  ["cpu-period", "period", 0n, UINT64_MAX],
  ["cpu-rt-period", "realtimePeriod", 0n, UINT64_MAX],
  ["cpu-share", "shares", 0n, UINT64_MAX],
  ["cpu-quota", "quota", -INT64_MAX - 1n, INT64_MAX],
  ["cpu-rt-runtime", "realtimeRuntime", -INT64_MAX - 1n, INT64_MAX],
  ["cpu-idle", "idle", -INT64_MAX - 1n, INT64_MAX],
] as const;

const SIZES = [
  ["memory", "limit"],
  ["memory-swap", "swap"],
  ["kernel-memory", "kernel"],
  ["kernel-memory-tcp", "kernelTCP"],
  ["memory-reservation", "reservation"],
] as const;

/** Largest size of a resources file; bytes. */
const LIMIT = 16 << 20;

/** The limits, or the file that has them; "-" is stdin. */
export type Limits = ({ readonly file: string } | { readonly resources: LinuxResources }) & {
  readonly rdt?: RdtSchemas;
};

/**
 * The limits of the flags. With a resources file all other flags are ignored, as in runc.
 * @throws RuntimeError `USAGE`, `HOST_UNABLE`
 */
export function updateLimits(flags: Flags<typeof OPTIONS>): Limits {
  const { "l3-cache-schema": l3 = "", "mem-bw-schema": bandwidth = "" } = flags;
  const schemas = {
    ...(l3 === "" ? {} : { l3CacheSchema: l3 }),
    ...(bandwidth === "" ? {} : { memBwSchema: bandwidth }),
  };
  const rdt = l3 === "" && bandwidth === "" ? {} : { rdt: schemas };
  const file = flags.resources ?? "";
  if (file !== "") return { file, ...rdt };

  const cpu: Mutable<LinuxCPU> = {};
  for (const [flag, property, least, most] of NUMBERS) {
    const text = flags[flag] ?? "";
    if (text !== "") cpu[property] = wholeNumber(flag, text, least, most);
  }
  const cpus = flags["cpuset-cpus"] ?? "";
  const mems = flags["cpuset-mems"] ?? "";
  if (cpus !== "") cpu.cpus = cpus;
  if (mems !== "") cpu.mems = mems;

  const memory: Mutable<LinuxMemory> = {};
  for (const [flag, property] of SIZES) {
    const text = flags[flag] ?? "";
    if (text !== "") memory[property] = sizeInBytes(flag, text);
  }
  const weight = flags["blkio-weight"] ?? 0;
  const pids = flags["pids-limit"];
  const resources: LinuxResources = {
    cpu,
    memory,
    ...(weight === 0 ? {} : { blockIO: { weight: checkWeight(weight) } }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
  return { resources, ...rdt };
}

function checkWeight(weight: number): number {
  if (weight >= 10 && weight <= 1000) return weight;
  throw new RuntimeError("USAGE", `invalid value for blkio-weight: ${weight}: it is a number from 10 to 1000`);
}

/** Decimal digits, without a conversion that would lose any of them. */
function wholeNumber(flag: string, text: string, least: bigint, most: bigint): Int64 {
  if (!/^[-+]?[0-9]+$/.test(text)) {
    throw new RuntimeError("USAGE", `invalid value for ${flag}: ${JSON.stringify(text)}: invalid syntax`);
  }
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  if (value < least || value > most) {
    throw new RuntimeError("USAGE", `invalid value for ${flag}: ${JSON.stringify(text)}: value out of range`);
  }
  return narrow(value);
}

/**
 * A number of bytes as people write it: `512`, `64M`, `1.5g`, `50 MiB`, `32kb`; all units are powers of 1024.
 * -1 is no limit.
 */
export function sizeInBytes(flag: string, text: string): Int64 {
  if (text === "-1") return -1;
  const found = /^([0-9]+(?:\.[0-9]+)?) ?(?:([kmgtp])i?b?|b)?$/i.exec(text);
  if (found === null) throw new RuntimeError("USAGE", `invalid value for ${flag}: invalid size: '${text}'`);
  const [, digits = "", letter = ""] = found;
  const factor = 1024n ** BigInt(UNITS.indexOf(letter.toLowerCase()));
  const [whole = "", fraction = ""] = digits.split(".");
  const scale = 10n ** BigInt(fraction.length);
  const value = (BigInt(whole + fraction) * factor) / scale;
  if (value > INT64_MAX) {
    throw new RuntimeError("USAGE", `invalid value for ${flag}: ${JSON.stringify(text)}: value out of range`);
  }
  return narrow(value);
}

function narrow(value: bigint): Int64 {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readResources(file: string): LinuxResources {
  const name = file === "-" ? "standard input" : file;
  const text = file === "-" ? readInput(LIMIT) : native.readUtf8File(AT_FDCWD, file, LIMIT);
  if (typeof text === "number") {
    throw new RuntimeError("SYSCALL", `open ${name}: ${errnoText(-text)}`, { path: name, errno: -text });
  }
  return parseResources(text, name);
}
