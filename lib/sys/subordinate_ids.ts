// SPDX-License-Identifier: Apache-2.0
/** Names of users, and the ids that /etc/subuid and /etc/subgid give them. */
import { AT_FDCWD, readTextIfExists } from "./files.ts";
import { native } from "./native.ts";

/** Ids from `start`, as many as `size`. */
export interface Ids {
  readonly start: number;
  readonly size: number;
}

/** Name of a user from /etc/passwd; `#<uid>`, as in runc, if there is none. */
export function userName(uid: number): string {
  const passwd = native.readFile(AT_FDCWD, "/etc/passwd", 1 << 20);
  if (typeof passwd === "string") {
    for (const line of passwd.split("\n")) {
      const [name, , id] = line.split(":");
      if (name !== undefined && id === String(uid)) return name;
    }
  }
  return `#${uid}`;
}

/** The ids that a file of subordinate ids gives this user, by name or number. */
export function subordinateIds(file: string): Ids[] {
  const text = readTextIfExists(file) ?? "";
  if (text === "") return [];
  const uid = process.geteuid?.() ?? 0;
  const users = [String(uid), userName(uid)];
  const lines = text.split("\n").filter((line) => users.includes(line.split(":", 1)[0] ?? ""));
  return rangesOf(lines.join("\n"), /:/, 1, 2);
}

/** The lines of a file as ranges. */
export function rangesOf(text: string, separator: RegExp, start: number, size: number): Ids[] {
  return text.split("\n").flatMap((line) => {
    const words = line.trim().split(separator);
    const ids = { start: Number(words[start]), size: Number(words[size]) };
    return words.length > size && Number.isInteger(ids.start) && Number.isInteger(ids.size) ? [ids] : [];
  });
}
