// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { helpText, unknownOption, unknownTopic } from "./help.ts";
import { COMMANDS } from "../commands/registry.ts";
import { GLOBAL_OPTIONS } from "../global_options.ts";

t.test("program", async (t) => {
  const text = helpText(COMMANDS, undefined);
  t.ok(text.startsWith("NAME:\n   runt - Open Container Initiative runtime\n\nUSAGE:\n   runt [global options]"));
  for (const { name, summary } of COMMANDS.values()) {
    t.match(text, new RegExp(`^   ${name} +${summary.slice(0, 10)}`, "m"));
  }
  for (const { name } of GLOBAL_OPTIONS) {
    t.equal(text.includes(`--${name}`), name !== "criu", name);
  }
  for (const line of text.split("\n")) t.ok(line.length <= 100 && line.trimEnd() === line, line);
});

t.test("commands", async (t) => {
  for (const row of COMMANDS.values()) {
    const text = helpText(COMMANDS, row);
    // runc's own test suite looks at these two lines.
    t.ok(text.startsWith(`NAME:\n   runt ${row.name} - ${row.summary}\n\n`), row.name);
    t.match(text, `\nUSAGE:\n   ${`runt ${row.name} [options] ${row.arguments}`.trimEnd()}\n\nDESCRIPTION:\n`);
    for (const option of row.options) {
      const flag = `${option.alias === undefined ? "" : `-${option.alias}, `}--${option.name} `;
      t.equal(text.includes(flag), option.hidden !== true, `${row.name} ${flag}`);
    }
    t.match(text, "-h, --help");
    t.match(text, /\n\nGLOBAL OPTIONS:\n +--debug /);
    t.ok(text.endsWith("\n") && !text.endsWith("\n\n"));
  }
});

t.test("no such command", async (t) => {
  t.equal(unknownTopic(COMMANDS, "foo"), "No help topic for 'foo'");
  t.equal(unknownTopic(COMMANDS, "crate"), `No help topic for 'crate'. Did you mean "create"?`);
  t.equal(unknownTopic(COMMANDS, "strat"), `No help topic for 'strat'. Did you mean "start"?`);
  t.equal(unknownTopic(COMMANDS, "deleted"), `No help topic for 'deleted'. Did you mean "delete"?`);
  t.equal(unknownTopic(COMMANDS, "zzz"), "No help topic for 'zzz'");
  t.equal(unknownTopic(COMMANDS, "rm"), `No help topic for 'rm'. Did you mean "delete"?`);
  t.equal(unknownTopic(COMMANDS, "constructor"), "No help topic for 'constructor'");
  for (const name of ["logs", "images", "pull"])
    t.match(unknownTopic(COMMANDS, name), /^No help topic for '\w+'\. a runtime .* engine/, name);
});

t.test("no such option", async (t) => {
  t.equal(unknownOption("formt", COMMANDS.get("list"), "no -formt"), 'no -formt. Did you mean "--format"?');
  t.equal(unknownOption("rot", COMMANDS.get("list"), "no -rot"), 'no -rot. Did you mean "--root"?', "a global one");
  t.equal(unknownOption("versoin", undefined, "x"), 'x. Did you mean "--version"?');
  t.equal(unknownOption("versoin", COMMANDS.get("list"), "x"), "x", "not the command's");
  t.equal(unknownOption("kernel-memry", COMMANDS.get("update"), "x"), "x", "nothing that is ignored");
  t.equal(unknownOption("z", COMMANDS.get("delete"), "x"), "x");
});
