// SPDX-License-Identifier: Apache-2.0
/** The forms of the kernel's files of statistics. Pure. */
import { RuntimeError } from "../../errors.ts";

/** A count of up to 64 bits: a bigint where a number could not hold it exactly. */
export type Count = number | bigint;

/** @throws RuntimeError `CGROUP` for a text that is not a number; the error names `file` */
export function parseCount(text: string, file: string): Count {
  const value = Number(text);
  if (text === "" || !Number.isInteger(value)) {
    throw new RuntimeError("CGROUP", `${file}: ${JSON.stringify(text)} is not a number`);
  }
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** Lines that are not empty. */
export function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Lines of a name and a number, by name. @throws RuntimeError `CGROUP` */
export function keyValues(text: string, file: string): Readonly<Record<string, Count>> {
  const result: Record<string, Count> = {};
  for (const line of lines(text)) {
    const [name = "", value = ""] = line.split(" ");
    result[name] = parseCount(value, file);
  }
  return result;
}

/** The numbers that exist and are not 0, in the same order. */
export function nonZero(values: Readonly<Record<string, Count | undefined>>): Record<string, Count> {
  const result: Record<string, Count> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== 0) result[name] = value;
  }
  return result;
}

/** Numbers of a list such as `0-2,7`. @throws RuntimeError `CGROUP` */
export function cpuList(text: string, file: string): number[] {
  const numbers: number[] = [];
  for (const part of text === "" ? [] : text.split(",")) {
    const [first = "", last = first] = part.split("-");
    const end = Number(parseCount(last, file));
    for (let number = Number(parseCount(first, file)); number <= end; number++) numbers.push(number);
  }
  return numbers;
}
