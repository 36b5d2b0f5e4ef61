// SPDX-License-Identifier: Apache-2.0
/** Destinations of output: a file (`file://`), or a program of the client's own (`binary://`, `binary-v2://`). */
import { RuntimeError } from "../errors.ts";
import { errnoText } from "../kernel/errno.ts";
import { Errno } from "../kernel/errno.ts";
import { F_SETFL, SIGKILL } from "../kernel/numbers.ts";
import { AT_FDCWD, check, checkValue, O_APPEND, O_CLOEXEC, O_CREAT, O_NONBLOCK, O_RDWR, O_WRONLY } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { readable } from "../sys/waiting.ts";

/** A location such as `binary:///usr/bin/logger?tag=a&debug=`. */
export interface Location {
  readonly scheme: string;
  readonly path: string;
  readonly query: readonly (readonly [key: string, value: string])[];
}

/** The location that a client has given; a path alone is a FIFO. @throws USAGE for escapes that are none */
export function parseLocation(text: string): Location {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
  if (scheme === null) return { scheme: "fifo", path: text, query: [] };
  const [path = "", query = ""] = text.slice(scheme[0].length).split("?");
  const pairs = query
    .split("&")
    .filter((each) => each !== "")
    .map((each): [string, string] => {
      const [key = "", ...value] = each.split("=");
      return [unescape(key, text, true), unescape(value.join("="), text, true)];
    });
  return { scheme: (scheme[1] ?? "").toLowerCase(), path: unescape(path, text, false), query: pairs };
}

function unescape(part: string, whole: string, isQuery: boolean): string {
  try {
    return decodeURIComponent(isQuery ? part.replaceAll("+", " ") : part);
  } catch {
    throw new RuntimeError("USAGE", `${whole}: an escape in it is no UTF-8`);
  }
}

/** Opens a file to append to, with the directories that lead to it. @throws SYSCALL */
export function openLogFile(path: string): number {
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    const made = native.mkdir(AT_FDCWD, path.slice(0, end), 0o755);
    if (made !== -Errno.EEXIST) check(made, `mkdir ${path.slice(0, end)}`, { path });
  }
  return check(native.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644), `open ${path}`, { path });
}

/** A pipe whose end for the shim does not block. */
export function makePipe(): readonly [ours: number, theirs: number] {
  const [ours, theirs] = checkValue(native.pipe(), "pipe");
  native.fcntl(ours, F_SETFL, O_NONBLOCK);
  return [ours, theirs];
}

/** A program that takes the output; it reads from the pipes whose other ends a container writes to. */
export interface Logger {
  readonly stdout: number;
  readonly stderr: number;
  readonly pidfd: number;
}

/**
 * Starts the program of a location, and waits until it is ready.
 * @throws RuntimeError SYSCALL, HOST_UNABLE where it ends before it is ready
 */
export async function startLogger(location: Location, id: string, namespace: string): Promise<Logger> {
  const { path, query, scheme } = location;
  const fds: number[] = [];
  const made = (pair: readonly [number, number]): readonly [number, number] => {
    fds.push(...pair);
    return pair;
  };
  const none = check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null");
  fds.push(none);
  let stays: readonly number[] = [];
  try {
    const [outputEnd, stdout] = made(checkValue(native.pipe(), "pipe"));
    const [errorEnd, stderr] = made(checkValue(native.pipe(), "pipe"));
    const [ready, tell] = made(checkValue(native.pipe(), "pipe"));
    const args = [path, ...query.flatMap(([key, value]) => [key, value])];
    const env = [`CONTAINER_ID=${id}`, `CONTAINER_NAMESPACE=${namespace}`];
    const spawned = native.spawn({ program: path, args, env, fds: [none, none, none, outputEnd, errorEnd, tell] });
    if (typeof spawned === "number") {
      throw new RuntimeError("SYSCALL", `start the log program ${path}: ${errnoText(-spawned)}`, { path, errno: -spawned });
    }
    native.close(tell);
    fds.splice(fds.indexOf(tell), 1);
    await readable(ready);
    const size = native.read(ready, new Uint8Array(1));
    if (size < 1 && scheme === "binary-v2") {
      native.pidfdKill(spawned.pidfd, SIGKILL);
      native.close(spawned.pidfd);
      throw new RuntimeError("HOST_UNABLE", `the log program ${path} has not told that it is ready`, { path });
    }
    stays = [stdout, stderr];
    return { stdout, stderr, pidfd: spawned.pidfd };
  } finally {
    for (const fd of fds) if (!stays.includes(fd)) native.close(fd);
  }
}
