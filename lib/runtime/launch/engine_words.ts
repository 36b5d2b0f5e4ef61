// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";

/**
 * By these words docker and podman recognize an error of the program, and end with 126 or 127 as a shell does; after any
 * other error `run` ends with 125. So only errors of the program may have them. The words of EPERM stay: podman alone looks for
 * them, and they are runc's, which its own tests expect in errors of mounts.
 */
const WORDS: readonly (readonly [string, string])[] = [
  ["no such file or directory", "it is not there"],
  ["permission denied", "access denied"],
  ["not a directory", "no directory"],
  ["is a directory", "a directory"],
];

/** The properties that the process is started with: its program and working directory. */
const OF_PROGRAM = /^\/process\/(args|cwd)(\/|$)/;

/** `exec --cgroup`, which no engine uses; runc's own tests look for the kernel's words there. */
const OF_SUBGROUP = /error adding pid \d+ to cgroups: /;

/** For "not a directory" in an error of a mount dockerd gives a hint on what to check, and docker still ends with 125. */
const OF_MOUNT = /error mounting .* to rootfs at .*: not a directory/;

/** An error of `create`, `run`, `start`, `exec` or `restore` in the words that an engine understands. */
export function forEngines(error: RuntimeError): RuntimeError {
  const { pointer = "", brief } = error.facts;
  if (OF_PROGRAM.test(pointer) || OF_SUBGROUP.test(error.message)) return error;
  const message = withoutWords(error.message);
  if (message === error.message) return error;
  const facts = brief === undefined ? error.facts : { ...error.facts, brief: withoutWords(brief) };
  return new RuntimeError(error.code, message, facts, error.cause);
}

function withoutWords(text: string): string {
  // The output of a hook is shown unchanged.
  const end = text.indexOf(", output: ");
  let own = end < 0 ? text : text.slice(0, end);
  for (const [words, others] of WORDS) {
    if (words === "not a directory" && OF_MOUNT.test(own)) continue;
    own = own.replaceAll(`: ${words}`, `: ${others}`).replaceAll(` is ${words}`, ` is ${others}`);
  }
  return end < 0 ? own : own + text.slice(end);
}
