/** Paths of the command line. */
import { RuntimeError } from "../errors.ts";

/** What bytes that are no UTF-8 have become in an argument. */
const REPLACEMENT = "\uFFFD";

/** The current directory; "" where it has been deleted, which matters to relative paths alone. */
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
 * @param directory absolute; what a relative path starts from, of {@link currentDirectory}
 * @throws USAGE for what is no UTF-8: another path would be taken; HOST_UNABLE for a relative path in a directory that is gone
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

/** @throws USAGE for a path that was no UTF-8 */
export function checkText(path: string): void {
  if (path.includes(REPLACEMENT)) throw new RuntimeError("USAGE", `${JSON.stringify(path)}: a path has to be UTF-8`);
}
