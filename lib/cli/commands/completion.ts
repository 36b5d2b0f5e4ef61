/** `runt completion`: the scripts, and what they ask for. */

import type { CommandResult } from "../result.ts";
import { RuntimeError } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import { list } from "../../runtime/operations/list.ts";
import { readArguments } from "../argv.ts";
import { complete, type KnownContainer, replyText } from "../help/completion.ts";
import { completionScript } from "../help/completion_scripts.ts";
import { rootOf } from "../context.ts";

/**
 * The script of a shell; with words, what the last of them may become.
 *
 * @param args the shell, and behind it the words after the program's name
 * @throws RuntimeError `USAGE` for a shell that is not known
 */
export function completion(args: readonly string[]): CommandResult {
  const [shell = "", ...words] = args;
  const script = completionScript(shell);
  if (script === undefined) {
    throw new RuntimeError("USAGE", `no completion for the shell ${JSON.stringify(shell)}: it is bash, zsh or fish`);
  }
  const output = words.length === 0 ? script : replyText(complete(words, () => containers(words)));
  return { output, exitCode: 0 };
}

/** The containers below the root that the words name; none where there is no such root, or it may not be read. */
function containers(words: readonly string[]): readonly KnownContainer[] {
  const { globals } = readArguments(words.slice(0, -1));
  // The shells do not expand what they only complete.
  const home = process.env["HOME"] ?? "";
  const root = globals.root?.startsWith("~/") === true ? home + globals.root.slice(1) : globals.root;
  try {
    const { path } = rootOf(root === undefined ? {} : { root });
    return list({ root: path, log: silentLog, systemdCgroup: false, rootless: "auto" });
  } catch (error) {
    if (error instanceof RuntimeError) return [];
    throw error;
  }
}
