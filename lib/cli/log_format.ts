// SPDX-License-Identifier: Apache-2.0
/** The two log formats of runc, which are those of Go's logrus. Engines read them. Pure. */

import { jsonText } from "./output/json_text.ts";
import { type ErrorFacts, type RuntimeError, SHOWN_PROBLEMS } from "../errors.ts";

export type LogLevel = "debug" | "info" | "warning" | "error";

/** One entry of the log. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  /** Facts for programs beside the message; in the JSON format only. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/**
 * `time="2026-11-21T06:18:39Z" level=error msg="…"`, a line.
 *
 * @param now milliseconds since 1970
 */
export function formatText(entry: LogEntry, now: number): string {
  const message = entry.message === "" ? "" : ` msg=${quoteIfNeeded(entry.message)}`;
  return `time="${timestamp(now)}" level=${entry.level}${message}\n`;
}

/**
 * `{"level":"error","msg":"…","time":"2026-11-21T06:18:39Z"}`, a line. Keys are sorted, as logrus sorts them.
 *
 * @param now milliseconds since 1970
 */
export function formatJson(entry: LogEntry, now: number): string {
  const { level, message, fields } = entry;
  if (fields === undefined) {
    return `{"level":"${level}","msg":${jsonText(message)},"time":"${timestamp(now)}"}\n`;
  }
  const all: Record<string, unknown> = { ...fields, level, msg: message, time: timestamp(now) };
  const keys = Object.keys(all).sort();
  return `{${keys.map((key) => `"${key}":${jsonText(all[key])}`).join(",")}}\n`;
}

/**
 * The coloured form for a terminal, `ERRO[0000] …`, a line.
 *
 * @param seconds since the program started
 */
export function formatTerminal(entry: LogEntry, seconds: number): string {
  const colour = entry.level === "error" ? 31 : entry.level === "warning" ? 33 : entry.level === "info" ? 36 : 37;
  const level = entry.level.slice(0, 4).toUpperCase();
  const since = String(Math.floor(seconds)).padStart(4, "0");
  return `\x1b[${colour}m${level}\x1b[0m[${since}] ${entry.message.padEnd(44)} \n`;
}

/** The entry of an error: its message, with its code and facts as fields. */
export function errorEntry(error: RuntimeError): LogEntry {
  const fields: Record<string, unknown> = { code: error.code };
  const names: readonly (keyof ErrorFacts)[] = ["errno", "path", "pointer", "problems", "syscall"];
  for (const name of names) {
    const value = error.facts[name];
    if (value !== undefined) fields[name] = value;
  }
  const { problems } = error.facts;
  if (problems !== undefined && problems.length > SHOWN_PROBLEMS) {
    fields["problems"] = problems.slice(0, SHOWN_PROBLEMS);
    fields["moreProblems"] = problems.length - SHOWN_PROBLEMS;
  }
  return { level: "error", message: error.message, fields };
}

/** RFC 3339 in UTC, to the second. */
function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}

function quoteIfNeeded(text: string): string {
  for (let index = 0; index < text.length; index++) {
    if (!isPlain(text.charCodeAt(index))) return quote(text);
  }
  return text;
}

/** Letters, digits and `- . _ / @ ^ +`. */
function isPlain(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x2d && code <= 0x39) ||
    code === 0x5f ||
    code === 0x40 ||
    code === 0x5e ||
    code === 0x2b
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** A text in double quotes, escaped as Go's `%q` does it. */
export function quote(text: string): string {
  let result = '"';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c) result += character;
    else result += ESCAPES[character] ?? escapeRune(character, code);
  }
  return `${result}"`;
}

function escapeRune(character: string, code: number): string {
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  // A lone surrogate is not a character; Go would have read U+FFFD.
  if (code >= 0xd800 && code <= 0xdfff) return "\ufffd";
  if (/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) return character;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
