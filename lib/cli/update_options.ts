/** The limits that `update` changes, from its flags. Pure. */
import type { Limits } from "./commands/update.ts";
import { RuntimeError } from "../errors.ts";
import type { Int64, LinuxCPU, LinuxMemory, LinuxResources } from "../spec/types.ts";
import type { CommandFlags } from "./table.ts";

type Flags = CommandFlags<"update">;
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

/**
 * The file, which makes all other flags count for nothing as in runc, or what the flags say.
 * @throws RuntimeError `USAGE`, `HOST_UNABLE`
 */
export function updateLimits(flags: Flags): Limits {
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

/** Decimal digits, and nothing that would lose any of them. */
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
