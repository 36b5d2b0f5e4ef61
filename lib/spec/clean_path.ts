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

/** Whether an absolute path names the root, however it is written. */
export function isRootPath(path: string): boolean {
  const last = path.at(-1);
  // Nearly no path ends so: the others need not be taken apart.
  return (last === "/" || last === ".") && cleanPath(path) === "/";
}

/**
 * The same place below a root, written in one way: "/proc" for "//proc", "/proc/", "/./proc" and "proc". ".." stays,
 * because a link may stand before it.
 */
export function plainPath(path: string): string {
  if (path.startsWith("/") && !/\/\.?(\/|$)/.test(path)) return path;
  return `/${path.split("/").filter((name) => name !== "" && name !== ".").join("/")}`;
}
