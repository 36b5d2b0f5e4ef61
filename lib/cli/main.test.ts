// SPDX-License-Identifier: Apache-2.0
// The built program, as its callers see it: its output on each stream, and its exit status.

import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import t, { type Test } from "tap";
import { COMMANDS } from "./commands/registry.ts";

const PROGRAM = new URL("../../../../dist/bin/runt", import.meta.url).pathname;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g;

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly cwd?: string;
  readonly uid?: number;
  readonly env?: Record<string, string>;
}

/** Runs runt; NOW replaces the times in its output. */
function runt(args: readonly string[], surroundings: Surroundings = {}, program = PROGRAM): Run {
  const done = spawnSync(program, args, { encoding: "utf8", env: { PATH: "/usr/bin:/bin" }, ...surroundings });
  if (done.error !== undefined) throw done.error;
  const { status, stdout, stderr } = done;
  return { status, stdout: stdout.replace(TIME, "NOW"), stderr: stderr.replace(TIME, "NOW") };
}

function failsWith(t: Test, args: readonly string[], message: string): void {
  const stderr = `time="NOW" level=error msg="${message}"\n`;
  t.strictSame(runt(args), { status: 1, stdout: "", stderr }, args.join(" "));
}

t.test("version", async (t) => {
  for (const flag of ["--version", "-v", "-version"]) {
    const { status, stdout, stderr } = runt([flag]);
    t.strictSame([status, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    t.match(lines[0], /^runt version \d+\.\d+\.\d+$/);
    t.ok(lines.includes("spec: 1.3.0"));
    t.match(lines.at(-2), /^quickjs: \d/);
    t.match(lines.at(-1), /^libseccomp: \d+\.\d+\.\d+$/);
    // dockerd takes the last line with this word in it for the one with the version.
    t.equal(lines.filter((line) => line.includes("version")).length, 1);
  }
});

t.test("help", async (t) => {
  for (const flags of [[], ["-h"], ["--help"], ["help"]]) {
    const { status, stdout, stderr } = runt(flags);
    t.strictSame([status, stderr], [0, ""]);
    t.ok(stdout.startsWith("NAME:\n   runt - "));
  }
  for (const { name } of COMMANDS.values()) {
    const { status, stdout, stderr } = runt([name, "--help"]);
    t.strictSame([status, stderr], [0, ""], name);
    t.ok(stdout.startsWith(`NAME:\n   runt ${name} - `), name);
  }
});

t.test("the help takes nothing from the current directory", async (t) => {
  const cwd = t.testdir({
    "package.json": '{"yargs": {"extends": "./evil.json"}, "type": "module"}',
    "evil.json": "{",
    locales: { "en.json": '{"Options:": "EVIL"}' },
  });
  t.equal(runt(["help"], { cwd, env: { LC_ALL: "evil" } }).stdout, runt(["help"]).stdout);
});

t.test("a wrong command line", async (t) => {
  t.strictSame(runt(["stat"]), {
    status: 3,
    stdout: "",
    stderr: `time="NOW" level=error msg="No help topic for 'stat'. Did you mean \\"start\\"?"\n`,
  });
  t.match(runt(["images"]).stderr, /No help topic for 'images'\. a runtime knows no images: engines do/);

  // The usage line, then the reason, and nothing after it.
  const told = (args: readonly string[], usage: string, reason: string): void => {
    const stderr = `usage: runt ${usage}\ntime="NOW" level=error msg="${reason}"\n`;
    t.strictSame(runt(args), { status: 1, stdout: "", stderr }, args.join(" "));
  };
  told(["create", "--bundle"], "create [options] <container-id>   (more: runt help create)", "flag needs an argument: --bundle");
  told(
    ["list", "--formt=json"],
    "list [options]   (more: runt help list)",
    String.raw`flag provided but not defined: -formt. Did you mean \"--format\"?`,
  );
  told(
    ["state"],
    "state [options] <container-id>   (more: runt help state)",
    String.raw`runt: \"state\" requires exactly 1 argument(s)`,
  );
  const program = "[global options] command [command options] [arguments...]   (more: runt help)";
  told(["--nosuch"], program, "flag provided but not defined: -nosuch");
});

t.test("errors", async (t) => {
  const root = t.testdir();
  const missing = `${root}/missing`;
  failsWith(t, ["--root", root, "state", "c1"], String.raw`container does not exist: there is no \"c1\" in ${root} (--root)`);
  failsWith(t, ["--root", root, "state", "a b"], "invalid container ID format");
  failsWith(t, ["--root", root, "state", ""], "container id cannot be empty");
  failsWith(t, ["--root", root, "kill", "c1", "FOO"], String.raw`unknown signal \"FOO\"`);
  failsWith(t, ["--root", "/", "list"], "Option --root argument should not be set to /");
  failsWith(t, ["--log-format", "xml", "list"], "invalid log-format: xml");
  failsWith(t, ["--root", root, "list", "-f", "yaml"], "invalid format option");
  failsWith(t, ["--root", missing, "list"], `open ${missing}: no such file or directory`);
  failsWith(t, ["--log", "/dev/null/x", "list"], "--log: open /dev/null/x: not a directory");
  const systemd = runt(["--systemd-cgroup", "run", "c1"]);
  t.match(systemd.stderr, "runt run failed: --systemd-cgroup: ");
  t.match(runt(["--root", root, "create", "-b", root, "c1"]).stderr, "runt create failed: ");
});

t.test("the log", async (t) => {
  const directory = t.testdir({ old: "before\n" });
  const text = `${directory}/text`;
  const missing = `container does not exist: there is no "c1" in ${directory} (--root)`;
  for (const _ of [1, 2]) {
    const { status, stderr } = runt(["--log", text, "--root", directory, "state", "c1"]);
    t.strictSame([status, stderr], [1, `${missing}\n`]);
  }
  const line = `time="NOW" level=error msg="${missing.replaceAll('"', '\\"')}"\n`;
  t.equal(readFileSync(text, "utf8").replace(TIME, "NOW"), line + line);
  t.equal(statSync(text).mode & 0o777, 0o644 & ~process.umask());

  const json = `${directory}/json`;
  runt(["--log", json, "--log-format=json", "--root", directory, "state", "c1"]);
  const entry = JSON.parse(readFileSync(json, "utf8")) as Record<string, string>;
  t.strictSame([entry["level"], entry["msg"]], ["error", missing]);
  t.match(entry["time"], TIME);

  // A usage error goes to the log too.
  const usage = `${directory}/usage`;
  runt(["--log", usage, "--log-format", "json", "state", "--nosuch"]);
  t.equal((JSON.parse(readFileSync(usage, "utf8")) as Record<string, string>)["msg"], "flag provided but not defined: -nosuch");

  runt(["--log", `${directory}/old`, "--root", directory, "state", "c1"]);
  t.match(readFileSync(`${directory}/old`, "utf8"), /^before\ntime=/);
  t.match(runt(["--criu", "/x", "--root", directory, "list"]).stderr, 'level=warning msg="--criu is ignored"');
});

t.test("output", async (t) => {
  const root = t.testdir();
  const header = "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n";
  t.strictSame(runt(["--root", root, "list"]), { status: 0, stdout: header, stderr: "" });
  t.equal(runt(["--root", root, "list", "-f", "json"]).stdout, "null\n");
  t.equal(runt(["--root", root, "list", "-q"]).stdout, "");

  const shell = (script: string) => spawnSync("/bin/bash", ["-c", script, "bash", PROGRAM, root], { encoding: "utf8" });
  t.equal(shell('"$1" --root "$2" list >/dev/full').status, 1);
  t.match(shell('"$1" --root "$2" list >/dev/full').stderr, "write standard output: no space left on device");
  const gone = shell('exec 3> >(exec true); wait $!; "$1" --root "$2" list >&3');
  t.strictSame([gone.status, gone.stderr], [0, ""], "a reader that has gone");
});

t.test("more of something than a call of the engine takes arguments", async (t) => {
  const many = Array.from({ length: 70_000 }, () => "a");
  const told = runt(["--root", t.testdir(), "exec", "none", "echo", ...many]);
  t.strictSame([told.status, told.stdout], [255, ""]);
  t.match(told.stderr, /^time="NOW" level=error msg="exec failed: container does not exist: there is no \\"none\\" in .*"\n$/);
  const wrong = many.map(() => 5);
  const bundle = t.testdir({
    "config.json": JSON.stringify({ ociVersion: "1.3.0", process: { args: wrong, cwd: "/", capabilities: {} } }),
  });
  const checked = spawnSync("/bin/sh", ["-c", '"$0" check -b "$1" | tail -n 1', PROGRAM, bundle], { encoding: "utf8" });
  t.strictSame(
    [checked.stdout.replace(/^.*: \//, "/"), checked.stderr],
    ["/process/args/69999: found 5, must be a string\n", ""],
  );
});

t.test("spec", async (t) => {
  const bundle = t.testdir();
  t.strictSame(runt(["spec"], { cwd: bundle }), { status: 0, stdout: "", stderr: "" });
  failsWith(t, ["spec", "-b", bundle], "File config.json exists. Remove it first");
  failsWith(t, ["spec", "-b", `${bundle}/no`], `chdir ${bundle}/no: no such file or directory`);
});

t.test("spec writes what runc writes", { skip: existsSync("/usr/sbin/runc") ? false : "no runc" }, async (t) => {
  const names = { runt: "ours", runc: "theirs", rootless: "rootless-ours", runcRootless: "rootless-theirs" };
  const directory = t.testdir(Object.fromEntries(Object.values(names).map((name) => [name, {}])));
  for (const [ours, theirs, flags] of [
    [names.runt, names.runc, []],
    [names.rootless, names.runcRootless, ["--rootless"]],
  ] as const) {
    runt(["spec", ...flags, "-b", `${directory}/${ours}`]);
    spawnSync("/usr/sbin/runc", ["spec", ...flags, "-b", `${directory}/${theirs}`]);
    const text = readFileSync(`${directory}/${theirs}/config.json`, "utf8")
      .replace(/"ociVersion": "[^"]*"/, '"ociVersion": "1.3.0"')
      .replace('"hostname": "runc"', '"hostname": "runt"')
      // runc gave ambient capabilities until 1.2.
      .replace(/,\s*"ambient": \[[^\]]*\]/, "");
    t.equal(readFileSync(`${directory}/${ours}/config.json`, "utf8"), text, ours);
  }
});

t.test("the root below $XDG_RUNTIME_DIR", { skip: process.getuid?.() === 0 ? false : "needs root" }, async (t) => {
  const uid = 65534;
  const directory = `/tmp/runt-xdg-test.${process.pid}`;
  mkdirSync(directory, { mode: 0o700 });
  t.teardown(() => spawnSync("/bin/rm", ["-r", directory]));
  chownSync(directory, uid, uid);
  const env = { XDG_RUNTIME_DIR: directory };
  // The checkout may lie where only its owner may go.
  const copy = `/tmp/runt-xdg-test.${process.pid}.dist`;
  t.teardown(() => spawnSync("/bin/rm", ["-r", copy]));
  t.equal(spawnSync("/bin/cp", ["-r", dirname(dirname(PROGRAM)), copy]).status, 0);
  const program = `${copy}/bin/runt`;
  t.equal(runt(["list", "-q"], { uid, env, cwd: "/" }, program).status, 0);
  const made = statSync(`${directory}/runt`);
  t.equal(made.mode & 0o7777, 0o1700);
  t.equal(made.uid, uid);
  // The machine's root does not use it.
  chmodSync(`${directory}/runt`, 0o700);
  t.equal(runt(["list", "-q"], { env }).status, 0);
  t.equal(statSync(`${directory}/runt`).mode & 0o7777, 0o700);
  writeFileSync(`${directory}/file`, "");
  const wrong = { XDG_RUNTIME_DIR: `${directory}/file` };
  const failed = runt(["list"], { uid, env: wrong, cwd: "/" }, program);
  t.equal(failed.status, 1);
  t.match(failed.stderr, "not a directory (the path in $XDG_RUNTIME_DIR must be writable by the user)");
});
