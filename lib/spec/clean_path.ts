/**
 * A path without ".", ".." and empty names. ".." stops at the root, also where the path is relative: it can
 * never lead out of the place below which it counts. A name only: it says nothing of links on the way.
 */
export function cleanPath(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") names.pop();
    else names.push(name);
  }
  const joined = names.join("/");
  return path.startsWith("/") ? `/${joined}` : joined;
}
