// SPDX-License-Identifier: Apache-2.0
import t, { type Test } from "tap";
import { type Invocation, readArguments } from "./argv.ts";
import { COMMANDS } from "./commands/registry.ts";

type Expected = Partial<Omit<Invocation, "command">> & { readonly command?: string };

function read(line: string | readonly string[]): Expected {
  const args = typeof line === "string" ? line.split(" ").filter((word) => word !== "") : line;
  const { command, ...rest } = readArguments(args, COMMANDS);
  return { ...rest, ...(command === undefined ? {} : { command: command.name }) };
}

function match(t: Test, line: string | readonly string[], expected: Expected): void {
  const found = read(line);
  const name = typeof line === "string" ? line : line.join(" ");
  for (const [key, value] of Object.entries(expected)) {
    t.strictSame(found[key as keyof Expected], value, `runt ${name}: ${key}`);
  }
}

t.test("every way to give an option", async (t) => {
  for (const bundle of ["-bundle /b", "--bundle /b", "--bundle=/b", "-bundle=/b", "-b /b", "-b=/b", "--b /b", "--b=/b"]) {
    match(t, `create ${bundle} c1`, { action: "run", flags: { bundle: "/b" }, positionals: ["c1"] });
    match(t, `create c1 ${bundle}`, { action: "run", flags: { bundle: "/b" }, positionals: ["c1"] });
  }
  match(t, "create --bundle= c1", { action: "run", flags: { bundle: "" }, positionals: ["c1"] });
  match(t, ["create", "--bundle", "", "c1"], { flags: { bundle: "" }, positionals: ["c1"] });
  match(t, "create --bundle --no-pivot c1", { flags: { bundle: "--no-pivot" }, positionals: ["c1"] });
  match(t, "create --bundle=a=b,c c1", { flags: { bundle: "a=b,c" }, positionals: ["c1"] });
  match(t, "create -b one -b two c1", { flags: { bundle: "two" } });
});

t.test("booleans", async (t) => {
  for (const yes of ["", "=", "=1", "=t", "=T", "=true", "=TRUE", "=True"]) {
    match(t, `run --keep${yes} c1`, { action: "run", flags: { keep: true }, positionals: ["c1"] });
  }
  for (const no of ["0", "f", "F", "false", "FALSE", "False"]) {
    match(t, `run -keep=${no} c1`, { action: "run", flags: { keep: false } });
  }
  match(t, "run --keep false", { flags: { keep: true }, positionals: ["false"] });
  match(t, "run --keep=yes c1", {
    action: "usage",
    command: "run",
    problem: 'invalid value "yes" for flag -keep: parse error',
  });
  match(t, "run -d --no-subreaper --keep c1", {
    flags: { detach: true, "no-subreaper": true, keep: true },
  });
  match(t, "run -no-subreaper c1", { flags: { "no-subreaper": true } });
  // runc does not take several short options in one word.
  match(t, "delete -fh c1", { action: "usage", problem: "flag provided but not defined: -fh" });
});

t.test("integers", async (t) => {
  // Integers, as Go's ParseInt with base 0 reads them.
  const integers: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["3", 3],
    ["+3", 3],
    ["-1", -1],
    ["0x10", 16],
    ["0b11", 3],
    ["0o17", 15],
    ["017", 15],
  ];
  for (const [text, value] of integers) {
    match(t, ["create", "--preserve-fds", text, "c1"], { action: "run", flags: { "preserve-fds": value } });
  }
  for (const text of ["x", "", "1.5", "1e3", " 1", "1 ", "0x", "08", "Infinity", "--1"]) {
    match(t, ["create", "--preserve-fds", text, "c1"], {
      action: "usage",
      problem: `invalid value ${JSON.stringify(text)} for flag -preserve-fds: invalid syntax`,
    });
  }
  match(t, "create --preserve-fds 99999999999999999999 c1", {
    problem: 'invalid value "99999999999999999999" for flag -preserve-fds: value out of range',
  });
});

t.test("global options", async (t) => {
  // Global options, before the command and behind it.
  const shim = "--root /r --debug --log /b/log.json --log-format json --systemd-cgroup --rootless=false";
  const globals = {
    root: "/r",
    debug: true,
    log: "/b/log.json",
    "log-format": "json",
    "systemd-cgroup": true,
    rootless: "false",
  } as const;
  match(t, `${shim} create --bundle /b --pid-file /b/init.pid --no-pivot c1`, {
    action: "run",
    command: "create",
    globals,
    flags: { bundle: "/b", "pid-file": "/b/init.pid", "no-pivot": true },
    positionals: ["c1"],
  });
  match(t, `state c1 ${shim}`, { action: "run", globals, positionals: ["c1"] });
  match(t, "--root /a state --root /b c1", { globals: { root: "/b" } });
  match(t, "--log-format=json --log f start c1", { globals: { "log-format": "json", log: "f" } });
  match(t, "--criu /usr/sbin/criu start c1", { action: "run", globals: { criu: "/usr/sbin/criu" } });
  // A command's own option hides the global one of the same name.
  match(t, "--rootless true spec --rootless", { globals: { rootless: "true" }, flags: { rootless: true } });
});

t.test("the end of the options", async (t) => {
  // `--` ends the options.
  match(t, "delete -- --force", { action: "run", flags: {}, positionals: ["--force"] });
  match(t, "delete -f -- c1", { flags: { force: true }, positionals: ["c1"] });
  match(t, "-- state c1", { action: "run", command: "state", positionals: ["c1"] });
  // Neither "-" nor "-1" is an option.
  match(t, "state -", { action: "run", positionals: ["-"] });
  match(t, "delete -1", { action: "run", positionals: ["-1"] });
  match(t, ["state", ""], { action: "run", positionals: [""] });
});

t.test("kill", async (t) => {
  // kill reads no options after the id.
  match(t, "kill c1", { action: "run", flags: {}, positionals: ["c1"] });
  match(t, "kill --all c1 9", { flags: { all: true }, positionals: ["c1", "9"] });
  match(t, "kill -a c1 KILL", { flags: { all: true }, positionals: ["c1", "KILL"] });
  match(t, "kill c1 -9", { action: "run", positionals: ["c1", "-9"] });
  match(t, "kill c1 --all 9", { action: "arguments", positionals: ["c1", "--all", "9"] });
  match(t, "kill c1 --all", { action: "run", flags: {}, positionals: ["c1", "--all"] });
});

t.test("wrong options", async (t) => {
  match(t, "create --bundle", { action: "usage", command: "create", problem: "flag needs an argument: --bundle" });
  match(t, "create c1 -b", { action: "usage", problem: "flag needs an argument: -b" });
  match(t, "--root", { action: "usage", problem: "flag needs an argument: --root" });
  match(t, "--nosuch state c1", { action: "usage", problem: "flag provided but not defined: -nosuch" });
  match(t, "--log f kill --foo c1", {
    action: "usage",
    command: "kill",
    globals: { log: "f" },
    problem: "flag provided but not defined: -foo",
  });
  match(t, "state --version c1", { action: "usage", problem: "flag provided but not defined: -version" });
  match(t, "state --=x c1", { action: "usage", problem: "flag provided but not defined: -" });
  match(t, "state ---root x c1", { action: "usage", problem: "flag provided but not defined: --root" });
});

t.test("numbers of arguments", async (t) => {
  for (const name of ["create", "run", "start", "state", "delete"]) {
    const problem = `runt: "${name}" requires exactly 1 argument(s)`;
    match(t, name, { action: "arguments", command: name, problem });
    match(t, `${name} a b`, { action: "arguments", command: name, problem });
  }
  for (const name of ["list", "spec", "check", "plan"]) {
    match(t, name, { action: "run", command: name });
    match(t, `${name} x`, { action: "arguments", problem: `runt: "${name}" requires exactly 0 argument(s)` });
  }
  match(t, "kill", { action: "arguments", problem: 'runt: "kill" requires a minimum of 1 argument(s)' });
  match(t, "kill a 9 b", { action: "arguments", problem: 'runt: "kill" requires a maximum of 2 argument(s)' });
});

t.test("help and version", async (t) => {
  match(t, "", { action: "help" });
  for (const line of ["-h", "--help", "-help", "help", "h", "help help", "help --help", "--root /r", "--help --version"]) {
    match(t, line, { action: "help" });
    t.equal(readArguments(line.split(" "), COMMANDS).command, undefined, line);
  }
  for (const line of [
    "create -h",
    "create --help",
    "create --help c1",
    "--help create",
    "help create",
    "h create",
    "create --nosuch=1",
  ]) {
    t.equal(readArguments(line.split(" "), COMMANDS).command?.name, "create", line);
  }
  match(t, "create --help --nosuch", { action: "help", command: "create" });
  match(t, "--help --nosuch", { action: "help" });
  match(t, "--version", { action: "version" });
  match(t, "-v", { action: "version" });
  match(t, "--root /r -version list", { action: "version" });
  match(t, "--version=false list", { action: "run", command: "list" });
});

t.test("no such command", async (t) => {
  match(t, "nosuch", { action: "unknown", topic: "nosuch" });
  match(t, "nosuch -h", { action: "unknown", topic: "nosuch" });
  match(t, "help nosuch", { action: "unknown", topic: "nosuch" });
  match(t, "constructor", { action: "unknown", topic: "constructor" });
  match(t, "__proto__ c1", { action: "unknown", topic: "__proto__" });
  match(t, "nosuch --flag", { action: "usage", problem: "flag provided but not defined: -flag" });
  // A container may be called like a command.
  match(t, "list help", { action: "help", command: "list" });
  match(t, "features h", { action: "help", command: "features" });
  match(t, "help start -h", { action: "help", command: "start" });
  match(t, "state help", { action: "run", command: "state", positionals: ["help"] });
  match(t, "start state", { action: "run", command: "start", positionals: ["state"] });
});

t.test("choices", async (t) => {
  match(t, "list --format json", { action: "run", flags: { format: "json" } });
  match(t, "list -f yaml -f json", { action: "run", flags: { format: "json" } });
  const wrong = (line: string, topic: string, problem: string): void => match(t, line, { action: "choice", topic, problem });
  wrong("list --format yaml", "format", "invalid format option");
  wrong("list --format=", "format", "invalid format option");
  wrong("wait --format yaml c1", "format", "invalid format option: yaml: it is text or json");
  wrong("--log-format xml list", "log-format", "invalid log-format: xml");
  wrong("list --cgroup-manager none", "cgroup-manager", "invalid --cgroup-manager: none: it is cgroupfs, systemd or disabled");
  wrong("--rootless maybe list", "rootless", "invalid --rootless: maybe: it is true, false or auto");
  wrong("checkpoint --empty-ns network --empty-ns user c1", "empty-ns", '--empty-ns: namespace "user" is not supported');
  // The format is ignored there, as with runc.
  match(t, "list --quiet --format yaml", { action: "run", flags: { quiet: true } });
  // Other spellings of a choice.
  match(t, "--log-format= list", { action: "run", globals: { "log-format": "text" } });
  for (const [text, choice] of [
    ["", "auto"],
    ["Auto", "auto"],
    ["T", "true"],
    ["0", "false"],
  ] as const) {
    match(t, ["--rootless", text, "list"], { action: "run", globals: { rootless: choice } });
  }
  match(t, ["restore", "--manage-cgroups-mode", "", "c1"], { action: "run", flags: { "manage-cgroups-mode": "soft" } });
  // More is wrong.
  match(t, "list --format yaml x", { action: "arguments" });
  match(t, "list --format yaml --nosuch", { action: "usage" });
  match(t, "list --format yaml --help", { action: "help" });
});
