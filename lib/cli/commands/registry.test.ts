// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import t from "tap";
import { silentLog } from "../../log.ts";
import { GLOBAL_OPTIONS } from "../global_options.ts";
import { runCommand, type Command } from "../command.ts";
import { COMMANDS } from "./registry.ts";

const context = {
  root: "/run/runt",
  rootFrom: "default" as const,
  log: silentLog,
  systemdCgroup: false,
  rootless: "auto" as const,
  commands: COMMANDS,
};

function command(name: string): Command {
  const found = COMMANDS.get(name);
  if (found === undefined) throw new Error(`no command ${name}`);
  return found;
}

t.test("no command has an option twice", async (t) => {
  for (const { name, options, min, max } of COMMANDS.values()) {
    const names = options.flatMap((option) => (option.alias === undefined ? [option.name] : [option.name, option.alias]));
    t.equal(new Set(names).size, names.length, name);
    t.notOk(names.includes("help") || names.includes("h"), name);
    t.ok(min <= max, name);
  }
  t.equal(new Set(GLOBAL_OPTIONS.map(({ name }) => name)).size, GLOBAL_OPTIONS.length);
});

t.test("an option of one name takes the same kind of value in each command", async (t) => {
  const kinds = new Map<string, string>();
  for (const { name, options } of COMMANDS.values()) {
    for (const { name: option, value, path } of options) {
      const kind = `${value} ${path}`;
      t.equal(kinds.get(option) ?? kind, kind, `${name} --${option}`);
      kinds.set(option, kind);
    }
  }
});

t.test("an option that makes another one count for nothing is there", async (t) => {
  for (const { name, options } of COMMANDS.values()) {
    for (const { ignoredWith } of options) {
      if (ignoredWith !== undefined)
        t.ok(
          options.some((option) => option.name === ignoredWith),
          `${name} --${ignoredWith}`,
        );
    }
  }
});

t.test("an empty id, and a bundle that is none", async (t) => {
  for (const name of ["create", "run", "start", "state", "delete", "kill"]) {
    t.throws(() => runCommand(command(name), context, {}, [""]), {
      code: "INVALID_ID",
      message: "container id cannot be empty",
    });
  }
  for (const name of ["create", "run"]) {
    await t.rejects(
      async () => runCommand(command(name), { ...context, systemdCgroup: true }, {}, ["c1"]),
      existsSync("/run/systemd/system")
        ? { code: "CONFIG_INVALID" }
        : { code: "HOST_UNABLE", message: /--systemd-cgroup: systemd not running/ },
    );
  }
});
