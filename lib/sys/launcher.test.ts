import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { nativeDirectory } from "./native.ts";

const DIST = join(realpathSync(nativeDirectory), "../..");
const LAUNCHER = join(DIST, "bin/runt");

const root = mkdtempSync(join(tmpdir(), "runt-launcher-"));
t.teardown(() => rmSync(root, { recursive: true }));

/** What no program that runs as root may obey. */
const HOSTILE = {
  BUN_BE_BUN: "1",
  BUN_OPTIONS: "--version",
  BUN_INSPECT: "ws://127.0.0.1:1/x",
  BUN_INSPECT_PRELOAD: join(root, "evil.js"),
  BUN_INSPECT_CONNECT_TO: "127.0.0.1:1",
  BUN_JSC_useJIT: "1",
  BUN_JSC_dumpOptions: "3",
  BUN_TMPDIR: root,
  BUN_CONFIG_VERBOSE_FETCH: "curl",
  BUN_BYTECODE_ORDER_OUT: join(root, "order"),
  NODE_OPTIONS: `--require ${join(root, "evil.js")}`,
  NODE_EXTRA_CA_CERTS: join(root, "evil.pem"),
  NODE_PATH: root,
  LD_PRELOAD: join(root, "evil.so"),
  LD_LIBRARY_PATH: root,
  LD_AUDIT: join(root, "evil.so"),
  GLIBC_TUNABLES: "glibc.malloc.check=3",
  RUNT_COMPILED: "0",
  RUNT_SOFT_NOFILE: "3",
  RUNT_INHERITED_FDS: "99",
  _LIBCONTAINER_INITPIPE: "3",
  GOTRACEBACK: "crash",
};

/** A copy of the launcher before a program that shows what it was started with. */
function install(name: string, program: string): string {
  const launcher = join(root, name, "bin/runt");
  mkdirSync(join(root, name, "libexec/runt"), { recursive: true });
  mkdirSync(join(root, name, "bin"));
  cpSync(LAUNCHER, launcher);
  cpSync(realpathSync(program), join(root, name, "libexec/runt/runt"));
  return launcher;
}

t.test("only what runt reads itself is in the environment", async (t) => {
  const launcher = install("env", "/usr/bin/env");
  const passed = {
    PATH: "/usr/bin:/bin", HOME: "/home/x", USER: "x", TERM: "vt100", XDG_RUNTIME_DIR: "/run/user/7",
    NOTIFY_SOCKET: "@n", LISTEN_FDS: "2", LISTEN_PID: "1", LISTEN_FDNAMES: "a:b",
    DBUS_SESSION_BUS_ADDRESS: "unix:path=/x",
  };
  const { stdout } = spawnSync("/bin/sh", ["-c", 'ulimit -Sn 64; exec "$0"', launcher], {
    encoding: "utf8", env: { ...HOSTILE, LD_PRELOAD: "", LD_AUDIT: "", ...passed },
  });
  const found = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split(/=(.*)/s)));
  t.match(found, passed);
  t.equal(found["RUNT_SOFT_NOFILE"], "64", "the limit is the one that was found");
  const others = Object.keys(found).filter((name) => !Object.hasOwn(passed, name));
  t.same(others.sort(), ["BUN_JSC_useJIT", "RUNT_INHERITED_FDS", "RUNT_SOFT_NOFILE"]);
  t.equal(found["BUN_JSC_useJIT"], "0");
  t.match(found["RUNT_INHERITED_FDS"], /^[0-9]$/, "descriptors are counted, not believed");
});

t.test("arguments, argv[0] and pid are kept; SIGCHLD is heard", async (t) => {
  const launcher = install("cat", "/bin/cat");
  const run = (script: string): string =>
    spawnSync("/bin/bash", ["-c", script, launcher], { encoding: "utf8" }).stdout;
  t.equal(run('exec -a named "$0" -- /proc/self/cmdline'), "named\0--\0/proc/self/cmdline\0");
  const status = run('trap "" CHLD; echo "Was: $$"; exec "$0" /proc/self/status');
  t.equal(/^Was: (\d+)$/m.exec(status)?.[1], /^Pid:\t(\d+)$/m.exec(status)?.[1]);
  t.match(status, /^SigIgn:\t0+$/m);
});

t.test("it finds the executable through a symbolic link", async (t) => {
  const link = join(root, "link");
  symlinkSync(install("linked", "/bin/echo"), link);
  t.equal(spawnSync(link, ["found"], { encoding: "utf8" }).stdout, "found\n");
});

t.test("the executable is missing: one line that says so", async (t) => {
  const launcher = install("incomplete", "/bin/echo");
  rmSync(join(root, "incomplete/libexec/runt/runt"));
  const { status, stderr, stdout } = spawnSync(launcher, ["state", "x"], { encoding: "utf8" });
  t.equal(status, 1);
  t.equal(stdout, "");
  t.match(stderr, /^runt: cannot run \/.*\/libexec\/runt\/runt: no such file \(ENOENT\); .*\n$/);
});

const incomplete = !existsSync(join(DIST, "libexec/runt/runt")) && "the executable is not built";

t.test("the whole program in a hostile directory and environment", { skip: incomplete }, async (t) => {
  const evil = 'require("fs").writeFileSync("ran", ""); console.log("EVIL");';
  const files = {
    ".env": "EVIL=1\nBUN_OPTIONS=--version\n",
    "bunfig.toml": 'preload = ["./evil.js"]\n',
    ".bunfig.toml": 'preload = ["./evil.js"]\n',
    "package.json": '{"name":"evil","main":"evil.js","scripts":{"preinstall":"touch ran"}}',
    "tsconfig.json": '{"compilerOptions":{"paths":{"*":["./evil.js"]}}}',
    "evil.js": evil,
    "index.js": evil,
    "node_modules/yargs/index.js": evil,
    "node_modules/yargs/package.json": '{"main":"index.js"}',
    "node_modules/tty/index.js": evil,
  };
  const cwd = join(root, "hostile");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(cwd, name, ".."), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  // The dynamic linker of the tracing program must not obey them either.
  const linker = { LD_PRELOAD: undefined, LD_AUDIT: undefined };
  const env = { ...HOSTILE, ...linker, HOME: cwd, XDG_CONFIG_HOME: cwd, PATH: process.env["PATH"] };
  const cases = [
    ["--version"], ["help"], ["list"], ["state", "none"], ["run", "--bundle", "none", "x"], ["-e", "1"], ["evil.js"],
  ];
  const traced = spawnSync("strace", ["-V"]).status === 0;
  for (const args of cases) {
    const command = traced ? ["strace", "-f", "-qq", "-e", "trace=file,execve", "-o", "trace", LAUNCHER] : [LAUNCHER];
    const [program = "", ...rest] = [...command, "--root", join(root, "state"), ...args];
    const ran = spawnSync(program, rest, { cwd, env, encoding: "utf8" });
    t.notMatch(ran.stdout + ran.stderr, /EVIL|Bun is a fast|^\d+\.\d+\.\d+$/m, args.join(" "));
    t.notOk(existsSync(join(cwd, "ran")));
    if (args[0] === "--version") t.match(ran.stdout, /^runt version /);
    if (!traced) continue;
    const opened = String(spawnSync("cat", [join(cwd, "trace")]).stdout);
    t.match(opened, /execve\(.*libexec\/runt\/runt"/, "the trace is one");
    const names = /"[^"]*(\.env|bunfig|package\.json|tsconfig|evil|node_modules|index\.js|\.pem)[^"]*"/;
    const lines = opened.split("\n").filter((line) => !line.includes("execve("));
    t.same(lines.filter((line) => names.test(line)), [], `no file of theirs is looked for: ${args.join(" ")}`);
  }
});
