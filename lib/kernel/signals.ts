// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../errors.ts";

/** Linux's signals on x86_64 and aarch64, by number minus 1. */
const NAMES: readonly string[] = [
  "HUP",
  "INT",
  "QUIT",
  "ILL",
  "TRAP",
  "ABRT",
  "BUS",
  "FPE",
  "KILL",
  "USR1",
  "SEGV",
  "USR2",
  "PIPE",
  "ALRM",
  "TERM",
  "STKFLT",
  "CHLD",
  "CONT",
  "STOP",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "XCPU",
  "XFSZ",
  "VTALRM",
  "PROF",
  "WINCH",
  "IO",
  "PWR",
  "SYS",
];

const OTHER_NAMES: Readonly<Record<string, number>> = { IOT: 6, CLD: 17, POLL: 29 };

/** As the C library counts them: the kernel's first two belong to its threads. */
const RTMIN = 34;
const RTMAX = 64;

/**
 * The number of a signal.
 *
 * @param text a number from 0 (probes only) to 64, or a name in any case with or without `SIG`: `TERM`,
 *   `sigkill`, `RTMIN+3`, `RTMAX-1`
 * @throws RuntimeError `USAGE`
 */
export function parseSignal(text: string): number {
  const number = parseNumber(text);
  if (number !== undefined && number <= RTMAX) return number;
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper.slice(3) : upper;
  const index = NAMES.indexOf(name);
  if (index >= 0) return index + 1;
  if (Object.hasOwn(OTHER_NAMES, name)) return OTHER_NAMES[name] ?? 0;
  const realTime = parseRealTime(name);
  if (realTime !== undefined) return realTime;
  throw new RuntimeError("USAGE", `unknown signal ${JSON.stringify(text)}`);
}

/** The name of a signal, such as `SIGKILL`; its number where it has none. Pure. */
export function signalName(signal: number): string {
  const name = NAMES[signal - 1];
  return name === undefined ? String(signal) : `SIG${name}`;
}

function parseRealTime(name: string): number | undefined {
  const start = name.startsWith("RTMIN") ? RTMIN : name.startsWith("RTMAX") ? RTMAX : undefined;
  if (start === undefined) return undefined;
  if (name.length === 5) return start;
  const sign = start === RTMIN ? "+" : "-";
  const distance = name[5] === sign ? parseNumber(name.slice(6)) : undefined;
  if (distance === undefined) return undefined;
  const number = start === RTMIN ? start + distance : start - distance;
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

/** Decimal digits; `undefined` for everything else. */
function parseNumber(text: string): number | undefined {
  if (text === "" || text.length > 3) return undefined;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return undefined;
  }
  return Number(text);
}
