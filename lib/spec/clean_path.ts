// SPDX-License-Identifier: Apache-2.0
/** An empty name, "." or "..", anywhere in an absolute path; also the root itself. */
const UNCLEAN = /\/\.{0,2}(\/|$)/;

/**
 * A path without ".", ".." and empty names. ".." stops at the root, also where the path is relative: it can
 * never lead out of the place below which it counts. A name only: it says nothing of links on the way.
 */
export function cleanPath(path: string): string {
  // Nearly every path is clean: the others only need to be taken apart.
  if (path.startsWith("/") && !UNCLEAN.test(path)) return path;
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") names.pop();
    else names.push(name);
  }
  const joined = names.join("/");
  return path.startsWith("/") ? `/${joined}` : joined;
}

/**
 * A path of config.json in the container: absolute and clean. ".." is taken as text, as runc does it: the element before it
 * may be missing, a file or a link, and no link of the image decides where the path leads.
 */
export function pathInContainer(path: string): string {
  return cleanPath(path.startsWith("/") ? path : `/${path}`);
}
