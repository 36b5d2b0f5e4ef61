// SPDX-License-Identifier: Apache-2.0
/** Any words on a command line give a command with flags of their types, a usage error, or help. */
import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { readArguments, type Invocation } from "./argv.ts";
import type { FlagValue, OptionRow, OptionType, Positionals } from "./command.ts";
import { checkpointOptions } from "./commands/lifecycle/checkpoint.ts";
import { createOptions } from "./commands/lifecycle/create.ts";
import { execOptions } from "./commands/lifecycle/exec.ts";
import { restoreOptions } from "./commands/lifecycle/restore.ts";
import { updateLimits } from "./commands/lifecycle/update.ts";
import { COMMANDS } from "./commands/registry.ts";
import { GLOBAL_OPTIONS } from "./global_options.ts";

/** How many command lines each property tries. */
const RUNS = Number(process.env["RUNT_PROPERTY_RUNS"] ?? 3000);
// The usual run is the same each time; one that was asked for looks elsewhere each time.
if (process.env["RUNT_PROPERTY_RUNS"] === undefined) fc.configureGlobal({ seed: 20261123 });

const VALUES = [
  "",
  "-",
  "--",
  "---",
  "-1",
  "0",
  "5",
  "+5",
  "0x5",
  "1e3",
  " 5",
  "5 ",
  "4294967295",
  "4294967296",
  "9223372036854775808",
  "-9223372036854775809",
  "1000:5",
  "1000:",
  ":",
  "64M",
  "64MB",
  "1.5G",
  "-1k",
  "true",
  "false",
  "T",
  "maybe",
  "json",
  "text",
  "/a",
  "../..",
  "a=b",
  "=",
  "a\nb",
  "ü",
  "\ud800",
  "help",
  "h",
  "__proto__",
  "constructor",
  "toString",
  "10.0.0.1:99",
  "[::1]:99",
  ":::",
  "x".repeat(300),
];

/** Every name that an option has. */
function namesOf(options: readonly OptionRow[]): readonly string[] {
  return [...new Set(options.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias])))];
}

const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);

/** Up to five options or arguments; mostly options with these names. */
function wordsWith(names: readonly string[]): fc.Arbitrary<string[]> {
  const option = fc.tuple(
    fc.constantFrom("-", "--"),
    fc.oneof({ weight: 15, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: value }),
  );
  const word = fc.oneof(
    option.map(([dashes, name]) => [dashes + name]),
    fc.tuple(option, value).map(([[dashes, name], text]) => [`${dashes}${name}=${text}`]),
    fc.tuple(option, value).map(([[dashes, name], text]) => [dashes + name, text]),
    value.map((text) => [text]),
  );
  return fc.array(word, { maxLength: 5 }).map((list) => list.flat());
}

const words = wordsWith(namesOf([...GLOBAL_OPTIONS, ...[...COMMANDS.values()].flatMap(({ options }) => options)]));
const line = fc
  .tuple(words, fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...COMMANDS.keys()) }, { weight: 1, arbitrary: value }), words)
  .map(([before, command, after]) => (before.length > 2 ? [command, ...after] : [...before, command, ...after]));

const isText = (item: unknown): boolean => typeof item === "string";
const isInteger = (item: unknown): boolean => Number.isSafeInteger(item);
const TYPES: Readonly<Record<OptionType, (item: FlagValue) => boolean>> = {
  boolean: (item) => typeof item === "boolean",
  string: isText,
  integer: isInteger,
  strings: (item) => Array.isArray(item) && item.every(isText),
  integers: (item) => Array.isArray(item) && item.every(isInteger),
};

const ACTIONS: readonly Invocation["action"][] = ["run", "help", "version", "unknown", "usage", "arguments", "choice"];

function checkFlags(flags: Readonly<Record<string, unknown>>, options: readonly OptionRow[]): void {
  for (const [name, found] of Object.entries(flags)) {
    const row = options.find((each) => each.name === name);
    assert.ok(row !== undefined, `--${name} is in the table`);
    assert.ok(TYPES[row.type](found as FlagValue), `--${name}: ${String(found)} is no ${row.type}`);
    if (row.choices === undefined) continue;
    for (const each of [found].flat())
      assert.ok(row.choices.includes(String(each)), `--${name}: ${String(each)} is one of the choices`);
  }
}

t.test("any words are a command that is sound, or an error that says what is wrong", async (t) => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(line, (args) => {
      const read = readArguments(args, COMMANDS);
      seen.set(read.action, (seen.get(read.action) ?? 0) + 1);
      assert.ok(ACTIONS.includes(read.action));
      if (["usage", "arguments", "choice"].includes(read.action)) assert.ok(read.problem !== "", "a problem has words");
      if (read.action === "unknown") assert.ok(args.includes(read.topic), "what is unknown was given");
      if (read.action !== "run") return;
      const { command } = read;
      assert.ok(command !== undefined && COMMANDS.get(command.name) === command);
      checkFlags(read.flags, command.options);
      checkFlags(read.globals, GLOBAL_OPTIONS);
      assert.ok(
        read.positionals.length >= command.min && read.positionals.length <= (command.max ?? Infinity),
        "as many arguments as the command takes",
      );
      // No word is made up: each argument was one of the line.
      for (const positional of read.positionals) assert.ok(args.includes(positional));
    }),
    { numRuns: RUNS },
  );
  const share = { run: 0.02, usage: 0.02, arguments: 0.02, choice: 0.001 };
  for (const [action, least] of Object.entries(share))
    t.ok((seen.get(action) ?? 0) > RUNS * least, `${action}: ${seen.get(action)} of ${RUNS}`);
});

/** The function of each command that reads its flags. */
const MAKE: Readonly<Record<string, (read: Invocation) => unknown>> = {
  create: ({ flags }) => createOptions("id", flags, "/d"),
  run: ({ flags }) => createOptions("id", flags, "/d"),
  exec: ({ flags, positionals }) => execOptions(flags, positionals as unknown as Positionals, "/d"),
  update: ({ flags }) => updateLimits(flags),
  checkpoint: ({ flags }) => checkpointOptions("id", flags, "/d"),
  restore: ({ flags }) => restoreOptions("id", flags, "/d"),
};

/** Every number below `made`, with its place. */
function numbers(made: unknown, at = ""): [string, number | bigint][] {
  if (typeof made === "number" || typeof made === "bigint") return [[at, made]];
  if (typeof made !== "object" || made === null) return [];
  return Object.entries(made).flatMap(([name, inner]) => numbers(inner, `${at}/${name}`));
}

t.test("what a command makes of its flags is in its range, or a usage error", async (t) => {
  let made = 0;
  let refused = 0;
  const call = fc
    .constantFrom(...Object.keys(MAKE))
    .chain((name) => fc.tuple(fc.constant(name), wordsWith(namesOf(COMMANDS.get(name)?.options ?? []))));
  fc.assert(
    fc.property(call, ([name, args]) => {
      const read = readArguments([name, "id", ...args], COMMANDS);
      if (read.action !== "run" || read.command?.name !== name) return;
      let result: unknown;
      try {
        result = MAKE[name]?.(read);
      } catch (error) {
        assert.ok(error instanceof RuntimeError, String(error instanceof Error ? error.stack : error));
        assert.ok(["USAGE", "HOST_UNABLE"].includes(error.code), `${error.code}: ${error.message}`);
        assert.ok(error.message !== "");
        refused += 1;
        return;
      }
      made += 1;
      for (const [at, number] of numbers(result)) {
        assert.ok(typeof number === "bigint" || Number.isSafeInteger(number), `${at}: ${number}`);
        assert.ok(number >= -(2n ** 63n) && number < 2n ** 64n, `${at}: ${number}`);
        if (/\/(uid|gid|additionalGids)/.test(at)) assert.ok(number >= 0 && number < 0xffffffff, `${at}: ${number}`);
      }
    }),
    { numRuns: RUNS },
  );
  t.ok(made > RUNS / 20, `${made} were made`);
  t.ok(refused > RUNS / 200, `${refused} were refused`);
});
