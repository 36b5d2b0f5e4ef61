// SPDX-License-Identifier: Apache-2.0
/** Paths of the command line. */
import { RuntimeError } from "../errors.ts";

/** The engine puts this character in the place of bytes that are not UTF-8. */
const REPLACEMENT = "\uFFFD";

/** The current directory; "" if it has been removed, which matters to relative paths alone. */
export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "";
  }
}

/**
 * `path` made absolute, without empty, `.` and `..` elements; links are not looked at.
 *
 * @param directory absolute; a relative path starts here; see {@link currentDirectory}
 * @throws USAGE if the path is not UTF-8: another one would be taken; HOST_UNABLE if it starts in a removed directory
 */
export function absolutePath(path: string, directory: string): string {
  checkText(path);
  if (directory === "" && !path.startsWith("/")) {
    const what = path === "" ? "the current directory" : `${path}: the current directory, which it starts from,`;
    throw new RuntimeError("HOST_UNABLE", `${what} has been deleted`);
  }
  const whole = path.startsWith("/") ? path : `${directory}/${path}`;
  const kept: string[] = [];
  for (const element of whole.split("/")) {
    if (element === "" || element === ".") continue;
    if (element === "..") kept.pop();
    else kept.push(element);
  }
  return `/${kept.join("/")}`;
}

/** @throws USAGE for a path that is not UTF-8 */
export function checkText(path: string): void {
  if (path.includes(REPLACEMENT)) throw new RuntimeError("USAGE", `${JSON.stringify(path)}: a path has to be UTF-8`);
}
