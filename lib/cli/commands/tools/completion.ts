// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { silentLog } from "../../../log.ts";
import { list } from "../../../runtime/operations/list.ts";
import { readArguments } from "../../argv.ts";
import { type CommandTable, defineCommand } from "../../command.ts";
import { rootOf } from "../../context.ts";
import { complete, type KnownContainer, replyText } from "../../help/completion.ts";
import { completionScript } from "../../help/completion_scripts.ts";
import { printed } from "../../result.ts";

export const COMPLETION = defineCommand({
  name: "completion",
  summary: "print a script that lets a shell complete the command line",
  arguments: "<bash|zsh|fish>",
  min: 1,
  max: Infinity,
  // The words after the shell are the words to complete, which the script passes.
  stopAfter: 1,
  argumentHint: { words: ["bash", "zsh", "fish"] },
  options: [],
  description: `Prints a script for bash, zsh or fish. A shell that has read it completes commands, options,
their values, and the ids of the containers of the root directory (that of --root, where the
line has one).`,
  examples: [
    "$ source <(runt completion bash)",
    "$ runt completion bash > /usr/share/bash-completion/completions/runt",
    "$ runt completion zsh > /usr/local/share/zsh/site-functions/_runt",
    "$ runt completion fish > /etc/fish/completions/runt.fish",
  ],
  run({ commands }, _flags, [shell, ...words]) {
    const script = completionScript(shell);
    if (script === undefined) {
      throw new RuntimeError("USAGE", `no completion for the shell ${JSON.stringify(shell)}: it is bash, zsh or fish`);
    }
    if (words.length === 0) return printed(script);
    return printed(replyText(complete(commands, words, () => knownContainers(commands, words))));
  },
});

/** The containers below the root that the words name; none if there is no such root, or it may not be read. */
function knownContainers(commands: CommandTable, words: readonly string[]): readonly KnownContainer[] {
  const { globals } = readArguments(words.slice(0, -1), commands);
  // Shells do not expand "~" in a word that is only completed.
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
