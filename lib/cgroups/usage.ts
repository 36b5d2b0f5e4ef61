// SPDX-License-Identifier: Apache-2.0
/** The resource use of a container, by as few reads as possible: for a display that is refreshed all the time. */
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, SMALL_FILE } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { isUnified } from "./place/path.ts";

/** Counts since the cgroup was made; a count that the kernel does not give is absent. */
export interface Usage {
  /** Microseconds of processor time. */
  readonly cpu?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly pids?: number;
}

/** Values that change seldom, or are read seldom. */
export interface SlowUsage {
  /** Bytes; absent: none. */
  readonly memoryLimit?: number;
  /** Share of the last ten seconds in which something waited for memory, in percent. */
  readonly pressure?: number;
  readonly pidsLimit?: number;
  /** Bytes of block devices. */
  readonly read?: number;
  readonly written?: number;
  readonly oomKills?: number;
}

type Paths = Readonly<Record<string, string>>;

function read(directory: string | undefined, file: string): string {
  if (directory === undefined) return "";
  const text = native.readFile(AT_FDCWD, `${directory}/${file}`, SMALL_FILE);
  return typeof text === "number" ? "" : text;
}

/** A number; `undefined` for "max", for cgroup v1's value of no limit, and for an empty text. */
function numberIn(text: string): number | undefined {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) || value > 2 ** 60 ? undefined : value;
}

/** The number behind `key` at the beginning of a line. */
export function valueOf(text: string, key: string): number | undefined {
  let at = text.startsWith(key) ? 0 : text.indexOf(`\n${key}`);
  if (at < 0) return undefined;
  if (at > 0) at += 1;
  return numberIn(text.slice(at + key.length, at + key.length + 24));
}

/** The sum of the numbers behind a word, such as `rbytes=` in io.stat or `Read ` in blkio.throttle. */
export function sumOf(text: string, word: string): number | undefined {
  let sum: number | undefined;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    sum = (sum ?? 0) + (numberIn(text.slice(at + word.length, at + word.length + 24)) ?? 0);
  }
  return sum;
}

/** The values without those that are absent. */
function known<Names extends string>(values: Readonly<Record<Names, number | undefined>>): { readonly [Name in Names]?: number } {
  const result: { [Name in Names]?: number } = {};
  for (const name in values) if (values[name] !== undefined) result[name] = values[name];
  return result;
}

/** Reads the use of one container again and again. */
export class UsageReader {
  readonly #paths: Paths;
  readonly #isUnified: boolean;
  /** The open file with the processor time: to open it costs more than to read it. -1: not open, or not any more. */
  #fd: number;
  #last: Usage = {};

  constructor(paths: Paths) {
    this.#paths = paths;
    this.#isUnified = isUnified(paths);
    const file = this.#isUnified ? `${paths[""] ?? ""}/cpu.stat` : `${paths["cpuacct"] ?? paths["cpu"] ?? ""}/cpuacct.usage`;
    this.#fd = native.open(AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
  }

  /**
   * The present use. If no processor time was spent since the last call, the rest is taken from that call, unless `all` is
   * set: no process of the container has asked for memory or made a process.
   */
  read(all: boolean): Usage {
    const cpu = this.#cpu();
    if (!all && cpu !== undefined && cpu === this.#last.cpu) return this.#last;
    const paths = this.#paths;
    const [memory, pids] = this.#isUnified
      ? [read(paths[""], "memory.current"), read(paths[""], "pids.current")]
      : [read(paths["memory"], "memory.usage_in_bytes"), read(paths["pids"], "pids.current")];
    this.#last = known({ cpu, memory: numberIn(memory), pids: numberIn(pids) });
    return this.#last;
  }

  #cpu(): number | undefined {
    const size = this.#fd < 0 ? -1 : native.readAt(this.#fd, BUFFER, 0);
    if (size <= 0) {
      // There are many containers and few descriptors; or the cgroup is gone.
      const { "": unified, cpuacct, cpu } = this.#paths;
      if (this.#isUnified) return valueOf(read(unified, "cpu.stat"), "usage_usec ");
      const time = numberIn(read(cpuacct ?? cpu, "cpuacct.usage"));
      return time === undefined ? undefined : time / 1000;
    }
    // usage_usec is the first line of cpu.stat.
    return firstNumber(size) / (this.#isUnified ? 1 : 1000);
  }

  close(): void {
    if (this.#fd >= 0) native.close(this.#fd);
    this.#fd = -1;
  }
}

const BUFFER = new Uint8Array(64);

function firstNumber(size: number): number {
  let at = 0;
  while (at < size && !isDigit(BUFFER[at] ?? 0)) at++;
  let value = 0;
  for (; at < size && isDigit(BUFFER[at] ?? 0); at++) value = value * 10 + (BUFFER[at] ?? 0) - 48;
  return value;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function readSlowUsage(paths: Paths): SlowUsage {
  if (isUnified(paths)) {
    const directory = paths[""];
    const io = read(directory, "io.stat");
    return known({
      memoryLimit: numberIn(read(directory, "memory.max")),
      pressure: pressureIn(read(directory, "memory.pressure")),
      pidsLimit: numberIn(read(directory, "pids.max")),
      read: sumOf(io, "rbytes="),
      written: sumOf(io, "wbytes="),
      oomKills: valueOf(read(directory, "memory.events"), "oom_kill "),
    });
  }
  const io = read(paths["blkio"], "blkio.throttle.io_service_bytes");
  return known({
    memoryLimit: numberIn(read(paths["memory"], "memory.limit_in_bytes")),
    // The file of the v2 hierarchy beside v1.
    pressure: pressureIn(read(paths[""], "memory.pressure")),
    pidsLimit: numberIn(read(paths["pids"], "pids.max")),
    read: sumOf(io, "Read "),
    written: sumOf(io, "Write "),
    oomKills: valueOf(read(paths["memory"], "memory.oom_control"), "oom_kill "),
  });
}

function pressureIn(text: string): number | undefined {
  const found = /^some avg10=([0-9.]+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
