// SPDX-License-Identifier: Apache-2.0
/**
 * Compiled filters on disk, so that libseccomp is neither loaded nor run for a profile that was compiled before.
 *
 * A filter decides what a container may do, so an entry counts only if no user but root can have made it, and if it is
 * whole: root's own directory and file, closed to all others; the key inside the file; a hash over the program.
 * Any other entry is ignored, and a cache that cannot be written is no error.
 */
import { S_IFMT, S_IFREG } from "../kernel/numbers.ts";
import { Errno } from "../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../sys/files.ts";
import { native, type FileStat } from "../sys/native.ts";

/** Below the state root; no container's id has an @. */
export const CACHE_DIRECTORY = "@seccomp";

/** SHA-256 of bytes or of a text's UTF-8. */
export type Hash = (data: Uint8Array | string) => Uint8Array;

const HASH_SIZE = 32;
/** key, hash of the program, program */
const HEAD = 2 * HASH_SIZE;
const MAX_PROGRAM = 4096 * 8;
/** The most entries that are kept: profiles are few, unless a caller generates them. */
const MAX_ENTRIES = 256;

/**
 * The directory of the cache, open.
 * @returns a descriptor that the caller owns, or undefined where there is no cache: the user is not root, or others may write
 *   to the directory
 */
export function openCache(root: string): number | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const path = `${root}/${CACHE_DIRECTORY}`;
  const above = native.stat(AT_FDCWD, root, true);
  if (typeof above === "number" || above.uid !== 0 || (above.mode & 0o022) !== 0) return undefined;
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  let fd = native.open(AT_FDCWD, path, flags, 0);
  if (fd === -Errno.ENOENT) {
    native.mkdir(AT_FDCWD, path, 0o700);
    fd = native.open(AT_FDCWD, path, flags, 0);
  }
  if (fd < 0) return undefined;
  const found = native.stat(fd, "", false);
  if (typeof found !== "number" && found.uid === 0 && (found.mode & 0o077) === 0) return fd;
  native.close(fd);
  return undefined;
}

/** The program of `key`, if there is a sound one. */
export function readCache(directory: number, key: Uint8Array, hash: Hash): Uint8Array | undefined {
  const fd = native.open(directory, hex(key), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    const found = native.stat(fd, "", false);
    if (typeof found === "number" || !isTrusted(found)) return undefined;
    const bytes = new Uint8Array(found.size);
    for (let at = 0; at < bytes.length;) {
      const got = native.read(fd, bytes.subarray(at));
      if (got <= 0) return undefined;
      at += got;
    }
    const program = bytes.subarray(HEAD);
    if (!isEqual(bytes, 0, key) || !isEqual(bytes, HASH_SIZE, hash(program))) return undefined;
    return program;
  } finally {
    native.close(fd);
  }
}

/** Keeps a program: whole or not at all. */
export function writeCache(directory: number, key: Uint8Array, program: Uint8Array, hash: Hash): void {
  const names = native.readdir(directory, ".");
  if (typeof names === "number") return;
  if (names.length >= MAX_ENTRIES) for (const name of names) native.unlink(directory, name);
  const bytes = new Uint8Array(HEAD + program.length);
  bytes.set(key);
  bytes.set(hash(program), HASH_SIZE);
  bytes.set(program, HEAD);
  const name = hex(key);
  // Several runtimes may write the same entry at the same time.
  const temporary = `${name}.${process.pid}`;
  native.unlink(directory, temporary);
  const fd = native.open(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600);
  if (fd < 0) return;
  const written = native.write(fd, bytes);
  native.close(fd);
  const kept = written === bytes.length && native.rename(directory, temporary, directory, name) === 0;
  if (!kept) native.unlink(directory, temporary);
}

function isTrusted({ mode, uid, nlink, size }: FileStat): boolean {
  const whole = size > HEAD && size <= HEAD + MAX_PROGRAM && (size - HEAD) % 8 === 0;
  return (mode & S_IFMT) === S_IFREG && uid === 0 && (mode & 0o077) === 0 && nlink === 1 && whole;
}

function isEqual(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte < 16 ? `0${byte.toString(16)}` : byte.toString(16);
  return text;
}
