// SPDX-License-Identifier: Apache-2.0
/** The file that a recorded profile is written to. */
import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { LOCK_EX, S_IFMT, S_IFREG } from "../../kernel/numbers.ts";
import { withDescriptor } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** A profile of more bytes is none. */
const LIMIT = 16 << 20;
/** As much has to be free at the beginning; a profile has some thousand bytes. */
const ROOM = 65536;

/** The former content; `undefined` where there is no file. @throws SYSCALL, USAGE where it is no regular file */
export function readProfile(path: string): string | undefined {
  const found = native.stat(AT_FDCWD, path, true);
  if (found === -Errno.ENOENT) return undefined;
  if (typeof found === "number") throw cannot("read", path, found);
  if ((found.mode & S_IFMT) !== S_IFREG)
    throw new RuntimeError("USAGE", `--record-seccomp ${path}: it is no regular file`, { path });
  const text = native.readUtf8File(AT_FDCWD, path, LIMIT);
  if (typeof text === "number") throw cannot("read", path, text);
  return text;
}

/**
 * Checks, before the container is made, that a profile can be written; leaves nothing.
 * @param append the file may be there
 * @returns the former content
 * @throws USAGE where the file is there, SYSCALL where the directory is missing, read-only or full
 */
export function checkFile(path: string, append: boolean): string | undefined {
  const former = readProfile(path);
  if (former !== undefined && !append) {
    throw new RuntimeError("USAGE", `--record-seccomp ${path}: the file exists; --append adds to it`, { path });
  }
  // A file that its owner has made read-only is not to be replaced.
  const writable = former === undefined ? 0 : native.access(AT_FDCWD, path, 2);
  if (writable < 0) throw cannot("write", path, writable);
  const temporary = nextTo(path);
  try {
    write(path, temporary, " ".repeat(ROOM));
  } finally {
    native.unlink(AT_FDCWD, temporary);
  }
  return former;
}

/**
 * Writes the profile: whole or not at all. Recordings that add to the same file take turns.
 * @param make gets the former content
 * @throws USAGE, SYSCALL
 */
export function writeProfile(path: string, append: boolean, make: (former: string | undefined) => string): void {
  const target = realPath(path);
  const fd = native.open(AT_FDCWD, target.slice(0, target.lastIndexOf("/") + 1), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) throw cannot("write", path, fd);
  withDescriptor(fd, () => {
    native.flock(fd, LOCK_EX);
    const former = readProfile(path);
    if (former !== undefined && !append) {
      throw new RuntimeError("USAGE", `--record-seccomp ${path}: somebody has made the file meanwhile`, { path });
    }
    const temporary = nextTo(path);
    try {
      write(path, temporary, make(former));
      const renamed = native.rename(AT_FDCWD, temporary, AT_FDCWD, target);
      if (renamed < 0) throw cannot("write", path, renamed);
    } finally {
      native.unlink(AT_FDCWD, temporary);
    }
  });
}

/** The file itself, where `path` is a link to it in the same directory or elsewhere. */
function realPath(path: string): string {
  const link = native.readlink(AT_FDCWD, path);
  if (typeof link === "number") return path;
  return link.startsWith("/") ? link : `${path.slice(0, path.lastIndexOf("/") + 1)}${link}`;
}

function nextTo(path: string): string {
  const target = realPath(path);
  const slash = target.lastIndexOf("/") + 1;
  return `${target.slice(0, slash)}.${target.slice(slash)}.${process.pid}`;
}

function write(path: string, temporary: string, text: string): void {
  // Of a runt with the same number that was killed.
  native.unlink(AT_FDCWD, temporary);
  const fd = native.open(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644);
  if (fd < 0) throw cannot("write", path, fd);
  withDescriptor(fd, () => {
    let rest: Uint8Array = new TextEncoder().encode(text);
    while (rest.length > 0) {
      const written = native.write(fd, rest);
      if (written <= 0) throw cannot("write", path, written);
      rest = rest.subarray(written);
    }
  });
}

function cannot(what: string, path: string, result: number): RuntimeError {
  const text = `--record-seccomp: cannot ${what} ${path}: ${errnoText(-result)}`;
  return new RuntimeError("SYSCALL", text, { path, errno: -result });
}
