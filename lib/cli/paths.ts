/** Paths of the command line. Pure. */

/**
 * `path` made absolute, without empty, `.` and `..` elements; links are not looked at.
 *
 * @param directory absolute; what a relative path starts from
 */
export function absolutePath(path: string, directory: string): string {
  const whole = path.startsWith("/") ? path : `${directory}/${path}`;
  const kept: string[] = [];
  for (const element of whole.split("/")) {
    if (element === "" || element === ".") continue;
    if (element === "..") kept.pop();
    else kept.push(element);
  }
  return `/${kept.join("/")}`;
}
