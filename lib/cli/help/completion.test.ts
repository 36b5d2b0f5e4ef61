// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { complete, replyText } from "./completion.ts";
import { completionScript } from "./completion_scripts.ts";
import { commandTable, defineCommand } from "../command.ts";
import { COMMANDS as REAL } from "../commands/registry.ts";
import { FORMAT_TABLE, NO_ARGUMENTS } from "../shared_options.ts";

/** A command for these tests: its options do not change with those of a real command. */
const SAMPLE = defineCommand({
  name: "zoo",
  summary: "show animals",
  ...NO_ARGUMENTS,
  options: [FORMAT_TABLE],
  description: "",
  examples: [],
  run: () => ({ output: "", exitCode: 0 }),
});
const COMMANDS = commandTable([...REAL.values(), SAMPLE]);

const CONTAINERS = [
  { id: "web", status: "running" },
  { id: "new", status: "created" },
  { id: "worker", status: "paused" },
];

/** The kind of the reply, and its words. `_` in the line stands for an empty last word. */
function words(line: string): string {
  const args = line.split(" ").map((word) => (word === "_" ? "" : word));
  const { kind, words: found } = complete(COMMANDS, args, () => CONTAINERS);
  return [kind, ...found.map(({ word }) => word)].join(" ");
}

t.test("commands", async (t) => {
  const names = [...COMMANDS.keys()];
  t.equal(words("_"), `words ${names.join(" ")} help`);
  t.equal(words("sta"), "words start state");
  t.equal(words("--root /r --debug sta"), "words start state", "behind global options");
  t.equal(words("--root=/r sta"), "words start state");
  t.equal(words("help sta"), "words start state");
  t.equal(words("help start _"), "words");
  t.equal(words("nosuch"), "words");
});

t.test("options", async (t) => {
  t.equal(words("--ver"), "words --version");
  t.equal(words("zoo --ver"), "words");
  t.equal(words("zoo --f"), "words --format");
  t.equal(words("zoo --ro"), "words --root --rootless", "global ones, behind the command");
  t.equal(words("spec --rootl"), "words --rootless", "the command's own hides the global one");
  t.equal(words("update --kernel"), "words", "nothing that is ignored");
  t.match(words("delete -"), /^words --force -f --regex -r --help -h --debug /);
});

t.test("values of options", async (t) => {
  for (const format of ["--format", "-format", "-f", "--f"]) {
    t.equal(words(`zoo ${format} _`), "words table json", format);
    t.equal(words(`zoo ${format}=j`), `words ${format}=json`, format);
  }
  t.equal(words("run --keep=t"), "words --keep=true");
  t.equal(words("run --bundle _"), "directories");
  t.equal(words("run --bundle=/x"), "directories");
  t.equal(words("--root _"), "directories");
  t.equal(words("create --pid-file _"), "files");
  t.equal(words("create --config _"), "files");
  t.equal(words("--trace _"), "files");
  t.equal(words("exec --user _"), "words");
  t.equal(words("zoo --nosuch=_"), "words");
});

t.test("container ids", async (t) => {
  t.equal(words("delete _"), "words web new worker");
  t.equal(words("delete w"), "words web worker");
  t.equal(words("delete --force w"), "words web worker");
  t.equal(words("delete -- w"), "words web worker");
  t.equal(words("delete web _"), "words", "only one");
  t.equal(words("start _"), "words new");
  t.equal(words("resume _"), "words worker");
  t.equal(words("exec --user 1:1 we"), "words web");
  t.equal(words("exec web -"), "words", "the command's own options are not runt's");
  t.equal(words("kill web T"), "words TERM");
  t.equal(words("zoo _"), "words");
  t.equal(words("completion _"), "words bash zsh fish");
  t.equal(words("run _"), "words", "a new one");
  complete(COMMANDS, ["create", ""], () => t.fail("asked for containers for a new one") as never);
  complete(COMMANDS, ["zoo", ""], () => t.fail("asked for containers where none is wanted") as never);
});

t.test("the reply", async (t) => {
  t.equal(replyText(complete(COMMANDS, ["delete", "n"], () => CONTAINERS)), "words\nnew\tcreated\n");
  t.equal(replyText(complete(COMMANDS, ["--root", ""], () => [])), "directories\n");
});

t.test("scripts", async (t) => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = completionScript(shell) ?? "";
    t.match(script, `completion ${shell} -- `);
    t.notMatch(script, "@{");
  }
  t.equal(completionScript("csh"), undefined);
});
