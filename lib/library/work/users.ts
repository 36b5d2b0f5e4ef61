// SPDX-License-Identifier: Apache-2.0
/** Users of a root file system by their names. Everything in it is hostile: no link leads out, and no file is waited for. */
import { RuntimeError } from "../../errors.ts";
import { Errno } from "../../kernel/errno.ts";
import {
  AT_FDCWD,
  check,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  syscallError,
} from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** Ids of a process. */
export interface FoundUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
}

/** The most bytes of /etc/passwd and /etc/group; a larger file is refused. */
const LIMIT = 4 << 20;
/** Links on the way to a file. */
const MOST_LINKS = 40;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/** A root file system. @throws SYSCALL */
export function rootOf(path: string): number {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  return check(native.open(AT_FDCWD, path, flags, 0), `open ${path}`, { path });
}

/**
 * The ids of `user`, which is NAME, NAME:GROUP or numbers in their place; a number that the files do not know stands for itself,
 * with group 0.
 * @param roots descriptors of the layers of a root file system, topmost first
 * @throws USAGE where there is no such user or group
 */
export function findUser(user: string, roots: readonly number[]): FoundUser {
  const [name = "", group] = user.split(":");
  // Nothing but the files' names could say more.
  if (isNumber(name) && group !== undefined && isNumber(group)) return idsOf(user, Number(name), Number(group), []);
  const passwd = readBelow(roots, ["etc", "passwd"]);
  const line = records(passwd).find(([login, , uid]) => login === name || (isNumber(name) && uid === String(Number(name))));
  if (line === undefined && !isNumber(name)) throw missing("user", name, "/etc/passwd");
  const uid = line === undefined ? Number(name) : Number(line[2]);
  const groups = records(readBelow(roots, ["etc", "group"]));
  const gid = group === undefined ? Number(line?.[3] ?? 0) : groupId(group, groups);
  const login = line?.[0];
  const others =
    group === undefined && login !== undefined ? groups.filter(([, , , list = ""]) => list.split(",").includes(login)) : [];
  const additionalGids = others.map(([, , id]) => Number(id)).filter((id) => isId(id) && id !== gid);
  return idsOf(user, uid, gid, additionalGids);
}

function idsOf(user: string, uid: number, gid: number, additionalGids: readonly number[]): FoundUser {
  if (!isId(uid) || !isId(gid))
    throw new RuntimeError("USAGE", `user ${JSON.stringify(user)}: its ids are no numbers below ${0xffffffff}`);
  return { uid, gid, ...(additionalGids.length === 0 ? {} : { additionalGids }) };
}

function groupId(group: string, groups: readonly (readonly string[])[]): number {
  const line = groups.find(([name, , id]) => name === group || (isNumber(group) && id === String(Number(group))));
  if (line !== undefined) return Number(line[2]);
  if (isNumber(group)) return Number(group);
  throw missing("group", group, "/etc/group");
}

function missing(what: string, name: string, file: string): RuntimeError {
  return new RuntimeError(
    "USAGE",
    `user: there is no ${what} ${JSON.stringify(name)} in ${file} of the root file system: give numbers, such as "1000:1000"`,
  );
}

function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < 0xffffffff;
}

function records(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.includes(":"))
    .map((line) => line.split(":"));
}

/** A file's text from the topmost layer that has it; "" where none has. */
function readBelow(roots: readonly number[], path: readonly string[]): string {
  for (const root of roots) {
    const fd = openBelow(root, path);
    if (fd === undefined) continue;
    try {
      const stat = native.stat(fd, "", false);
      // In a layer a device stands for a file that is not there any more.
      if (typeof stat === "number" || (stat.mode & S_IFMT) !== S_IFREG) return "";
      // The user would be looked for in vain, or found with other ids.
      if (stat.size > LIMIT) throw tooLarge(path);
      // The file is read by its descriptor: the name by which it was opened may be another file by now.
      const text = native.readFile(AT_FDCWD, `/proc/self/fd/${fd}`, LIMIT);
      if (typeof text === "string") return text;
      if (text === -Errno.EFBIG) throw tooLarge(path);
      throw syscallError(-text, `read /${path.join("/")} of the root file system`);
    } finally {
      native.close(fd);
    }
  }
  return "";
}

function tooLarge(path: readonly string[]): RuntimeError {
  const text = `user: /${path.join("/")} of the root file system has more than ${LIMIT} bytes: give numbers, such as "1000:1000"`;
  return new RuntimeError("USAGE", text);
}

/** Opens a path below a root one name at a time, by O_PATH; links count from the root. */
function openBelow(root: number, path: readonly string[]): number | undefined {
  const left = [...path].reverse();
  const above: number[] = [];
  let links = 0;
  try {
    for (;;) {
      const name = left.pop();
      const at = above.at(-1) ?? root;
      if (name === undefined) return above.pop() ?? check(native.dup(root), "dup");
      if (name === "" || name === ".") continue;
      if (name === "..") {
        const fd = above.pop();
        if (fd !== undefined) native.close(fd);
        continue;
      }
      const fd = native.open(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_RDONLY, 0);
      if (fd < 0) return undefined;
      above.push(fd);
      const stat = native.stat(fd, "", false);
      if (typeof stat === "number") return undefined;
      if ((stat.mode & S_IFMT) !== S_IFLNK) continue;
      const target = native.readlink(fd, "");
      native.close(above.pop() ?? -1);
      if (typeof target === "number" || ++links > MOST_LINKS) return undefined;
      if (target.startsWith("/")) for (const each of above.splice(0)) native.close(each);
      left.push(...target.split("/").reverse());
    }
  } finally {
    for (const fd of above) native.close(fd);
  }
}

/** The root directory of a process. @throws SYSCALL */
export function rootOfProcess(pid: number): number {
  const fd = native.open(AT_FDCWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd === -Errno.ENOENT || fd === -Errno.ESRCH) throw new RuntimeError("CONTAINER_NOT_RUNNING", "container not running");
  return check(fd, `open the root of process ${pid}`);
}
