// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../errors.ts";

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };

/**
 * A duration as Go writes it (`5s`, `1m30s`, `0.5s`), in milliseconds. Pure.
 *
 * @throws RuntimeError `USAGE` that names `flag`
 */
export function parseDuration(text: string, flag: string): number {
  const wrong = (why: string): RuntimeError =>
    new RuntimeError("USAGE", `invalid value ${JSON.stringify(text)} for flag -${flag}: ${why}`);
  const negative = text.startsWith("-");
  let rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return 0;
  if (rest === "") throw wrong("it is not a duration, such as 5s or 1m30s");
  let total = 0;
  while (rest !== "") {
    const [part = "", number = "", unit = ""] = /^([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)/.exec(rest) ?? [];
    const factor = UNITS[unit];
    if (part === "") throw wrong("it is not a duration, such as 5s or 1m30s");
    if (factor === undefined) throw wrong(unit === "" ? "its unit is missing" : `${JSON.stringify(unit)} is not a unit of time`);
    total += Number(number) * factor;
    rest = rest.slice(part.length);
  }
  return negative ? -total : total;
}
