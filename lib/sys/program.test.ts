// SPDX-License-Identifier: Apache-2.0
// The program dist/bin/runt as a process: the input that it takes from its caller, and the variables and files that it reads.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { nativeDirectory } from "./native.ts";

const PROGRAM = join(realpathSync(nativeDirectory()), "../../bin/runt");
const INIT = join(realpathSync(nativeDirectory()), "init");

const root = mkdtempSync(join(tmpdir(), "runt-program-"));
t.teardown(() => rmSync(root, { recursive: true }));

/** Variables that no program that runs as root may obey. */
const HOSTILE = {
  NODE_OPTIONS: `--require ${join(root, "evil.js")}`,
  NODE_EXTRA_CA_CERTS: join(root, "evil.pem"),
  NODE_PATH: root,
  BUN_OPTIONS: "--version",
  LD_PRELOAD: join(root, "evil.so"),
  LD_LIBRARY_PATH: root,
  LD_AUDIT: join(root, "evil.so"),
  RUNT_COMPILED: "0",
  RUNT_INHERITED_FDS: "99",
  _LIBCONTAINER_INITPIPE: "3",
  GOTRACEBACK: "crash",
};

t.test("a parent that ignores SIGCHLD does not keep it from hearing of its children", async (t) => {
  const script = 'trap "" CHLD; exec "$0" --root "$1" run --bundle "$2" child';
  const bundle = join(root, "bundle");
  mkdirSync(join(bundle, "rootfs/bin"), { recursive: true });
  spawnSync("cp", ["/bin/busybox", join(bundle, "rootfs/bin/busybox")]);
  const config = {
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["/bin/busybox", "sh", "-c", "exit 23"], user: { uid: 0, gid: 0 } },
    linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  const done = spawnSync("/bin/bash", ["-c", script, PROGRAM, join(root, "state"), bundle], { encoding: "utf8" });
  t.equal(done.status, 23, done.stderr);
});

t.test("closed standard streams: nothing else gets their numbers", async (t) => {
  const script = `exec "$0" --root "$1" --log "$2" state none <&- >&- 2>&-`;
  const log = join(root, "log");
  const done = spawnSync("/bin/bash", ["-c", script, PROGRAM, join(root, "state"), log], { encoding: "utf8" });
  t.equal(done.status, 1);
  t.match(String(spawnSync("cat", [log]).stdout), /container does not exist/);
});

t.test("it is found through a symbolic link, and works where it is copied to, alone", async (t) => {
  const link = join(root, "link");
  symlinkSync(PROGRAM, link);
  t.match(spawnSync(link, ["--version"], { encoding: "utf8" }).stdout, /^runt version /);
  const copy = join(root, "copy/bin/runt");
  mkdirSync(join(root, "copy/bin"), { recursive: true });
  spawnSync("cp", [PROGRAM, copy]);
  const run = () =>
    spawnSync(copy, ["--root", join(root, "state"), "run", "--bundle", join(root, "bundle"), "beside"], { encoding: "utf8" });
  const alone = run();
  t.equal(alone.status, 23, alone.stderr);
  const inside = readFileSync(copy).includes(readFileSync(INIT));
  t.ok(inside, "what it carries is the init that the library has as a file");
});

t.test("in a hostile directory and environment", async (t) => {
  const evil = 'require("fs").writeFileSync("ran", ""); console.log("EVIL");';
  const files = {
    ".env": "EVIL=1\n",
    "bunfig.toml": 'preload = ["./evil.js"]\n',
    "package.json": '{"name":"evil","main":"evil.js","scripts":{"preinstall":"touch ran"}}',
    "tsconfig.json": '{"compilerOptions":{"paths":{"*":["./evil.js"]}}}',
    "evil.js": evil,
    "runt.js": evil,
    "runt.node": "EVIL",
  };
  const cwd = join(root, "hostile");
  mkdirSync(cwd);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  // The dynamic linker of the tracing program must not obey them.
  const linker = { LD_PRELOAD: undefined, LD_AUDIT: undefined };
  const traced = spawnSync("strace", ["-V"]).status === 0;
  const env = { ...HOSTILE, ...(traced ? linker : {}), HOME: cwd, XDG_CONFIG_HOME: cwd, PATH: process.env["PATH"] };
  const cases = [
    ["--version"],
    ["help"],
    ["list"],
    ["state", "none"],
    ["run", "--bundle", "none", "x"],
    ["-e", "1"],
    ["evil.js"],
  ];
  for (const args of cases) {
    const command = traced ? ["strace", "-f", "-qq", "-e", "trace=file,execve", "-o", "trace", PROGRAM] : [PROGRAM];
    const [program = "", ...rest] = [...command, "--root", join(root, "state"), ...args];
    const ran = spawnSync(program, rest, { cwd, env, encoding: "utf8" });
    t.notMatch(ran.stdout + ran.stderr, /EVIL/, args.join(" "));
    if (args[0] === "--version") t.match(ran.stdout, /^runt version /);
    if (!traced) continue;
    const opened = String(spawnSync("cat", [join(cwd, "trace")]).stdout);
    t.match(opened, /execve\(.*bin\/runt"/, "the trace is one");
    const names = /"[^"]*(\.env|bunfig|package\.json|tsconfig|evil|node_modules|\.js|\.so|\.pem)[^"]*"/;
    const lines = opened.split("\n").filter((line) => !line.includes("execve(") && !/"(.*\/none|x)\/config\.json"/.test(line));
    t.same(
      lines.filter((line) => names.test(line)),
      [],
      `no file of theirs is looked for: ${args.join(" ")}`,
    );
  }
});
