// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";

/**
 * By these words docker and podman take an error for one of the program, and end with 126 or 127 as a shell does; after any
 * other error `run` ends with 125. So they are left to errors of the program. The words of EPERM stay: podman alone looks for
 * them, and they are runc's, which its own tests expect in errors of mounts.
 */
const WORDS: readonly (readonly [string, string])[] = [
  ["no such file or directory", "it is not there"],
  ["permission denied", "access denied"],
  ["not a directory", "no directory"],
  ["is a directory", "a directory"],
];

/** What the process is started with: its program, and where. */
const OF_PROGRAM = /^\/process\/(args|cwd)(\/|$)/;

/** `exec --cgroup`, which no engine calls; runc's own tests look for the kernel's words there. */
const OF_SUBGROUP = /error adding pid \d+ to cgroups: /;

/** Where dockerd finds "not a directory" in an error of a mount it says what to look at, and docker ends with 125 all the same. */
const OF_MOUNT = /error mounting .* to rootfs at .*: not a directory/;

/** An error of `create`, `run`, `start`, `exec` or `restore` as an engine shall understand it. */
export function forEngines(error: RuntimeError): RuntimeError {
  const { pointer = "", brief } = error.facts;
  if (OF_PROGRAM.test(pointer) || OF_SUBGROUP.test(error.message)) return error;
  const message = withoutWords(error.message);
  if (message === error.message) return error;
  const facts = brief === undefined ? error.facts : { ...error.facts, brief: withoutWords(brief) };
  return new RuntimeError(error.code, message, facts, error.cause);
}

function withoutWords(text: string): string {
  // What a hook has printed is shown as it is.
  const end = text.indexOf(", output: ");
  let own = end < 0 ? text : text.slice(0, end);
  for (const [words, others] of WORDS) {
    if (words === "not a directory" && OF_MOUNT.test(own)) continue;
    own = own.replaceAll(`: ${words}`, `: ${others}`).replaceAll(` is ${words}`, ` is ${others}`);
  }
  return end < 0 ? own : own + text.slice(end);
}
