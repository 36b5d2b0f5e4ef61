// SPDX-License-Identifier: Apache-2.0
// npm run test:upgrade: containers that one release has made, in the hands of another; this one and the one before it, in both
// directions. The one before is built once, into ~/.cache/runt-before (RUNT_BEFORE_CACHE), or is the program that RUNT_BEFORE names.
// The last line is "N passed, N failed, N skipped".
import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { environment, prepare, ROOT } from "./prepare.mjs";

/** The release before; for the first one the commit of which everybody has a checkout. */
const BEFORE = "15740fd73b59f7acc06c380cb6e3662603ea6b0a";
const CACHE = process.env.RUNT_BEFORE_CACHE ?? join(homedir(), ".cache/runt-before");
const NOW = join(ROOT, "dist/bin/runt");
const BUSYBOX = "/bin/busybox";

const total = { passed: 0, failed: 0, skipped: 0 };

function note(kind, text) {
  total[kind] += 1;
  console.log(`${{ passed: "ok     ", failed: "FAILED ", skipped: "skip   " }[kind]}${text}`);
}

/** The program of the release before; undefined where it cannot be built. */
function before() {
  const told = process.env.RUNT_BEFORE ?? "";
  if (told !== "") return told;
  const kept = join(CACHE, BEFORE);
  if (!existsSync(join(kept, "bin/runt"))) buildBefore(kept);
  return existsSync(join(kept, "bin/runt")) ? join(kept, "bin/runt") : undefined;
}

function buildBefore(kept) {
  const tree = join(ROOT, "build/before");
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, "build"), { recursive: true });
  const unpacked = spawnSync("sh", ["-c", `git archive ${BEFORE} | tar -x -C "$1"`, "sh", tree], { cwd: ROOT, encoding: "utf8" });
  if (unpacked.status !== 0 || !existsSync(join(tree, "package.json")))
    return console.log(`test_upgrade: git has no commit ${BEFORE}: ${unpacked.stderr}`);
  for (const name of readdirSync(join(ROOT, "build"))) {
    if (/\.tar\.\w+$/.test(name)) cpSync(join(ROOT, "build", name), join(tree, "build", name));
  }
  spawnSync("cp", ["-al", join(ROOT, "node_modules"), join(tree, "node_modules")]);
  console.log(`test_upgrade: building ${BEFORE}`);
  // The command line alone: neither library nor tests.
  const built = spawnSync(process.execPath, ["scripts/build.mjs", "schemas", "init", "program"], {
    cwd: tree,
    env: environment(),
    encoding: "utf8",
  });
  if (built.status !== 0) return console.log(`${built.stdout}${built.stderr}`);
  mkdirSync(CACHE, { recursive: true });
  const aside = `${kept}.new-${process.pid}`;
  cpSync(join(tree, "dist"), aside, { recursive: true });
  renameSync(aside, kept);
  rmSync(tree, { recursive: true });
  return undefined;
}

function bundle(folder, program, name) {
  const dir = join(folder, name);
  mkdirSync(join(dir, "rootfs/bin"), { recursive: true });
  cpSync(BUSYBOX, join(dir, "rootfs/bin/busybox"));
  for (const applet of ["sh", "sleep"]) symlinkSync("busybox", join(dir, "rootfs/bin", applet));
  const made = spawnSync(program, ["spec", "--bundle", dir], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`spec: ${made.stderr}`);
  const config = JSON.parse(readFileSync(join(dir, "config.json"), "utf8"));
  config.process.terminal = false;
  config.process.args = ["sleep", "1000"];
  config.linux.cgroupsPath = `/runt-upgrade-${process.pid}/${name}`;
  config.annotations = { "org.example.of": "an upgrade" };
  const write = (edit) => {
    edit(config);
    writeFileSync(join(dir, "config.json"), JSON.stringify(config));
  };
  write(() => undefined);
  return { dir, write };
}

/** All that a container sees of its releases: `maker` makes, `user` does the rest. */
class Pair {
  constructor(title, maker, user) {
    Object.assign(this, { title, maker, user });
    this.folder = mkdtempSync(join(tmpdir(), "runt-upgrade-"));
    this.root = join(this.folder, "state");
    this.count = 0;
    this.ids = [];
  }

  call(program, args) {
    const options = { encoding: "utf8", timeout: 60_000, stdio: ["ignore", "pipe", "pipe"] };
    // What creates containers must not wait for who holds its output.
    const out = args[0] === "create" || args.includes("--detach") ? { ...options, stdio: "ignore" } : options;
    const done = spawnSync(program, ["--root", this.root, ...args], out);
    return { status: done.status, stdout: done.stdout ?? "", stderr: done.stderr ?? "" };
  }

  /** A bundle of the maker's for the next container. */
  prepare(edit) {
    this.count += 1;
    const id = `c${this.count}`;
    const { dir, write } = bundle(this.folder, this.maker, id);
    write(edit);
    return { id, dir };
  }

  /** A container that runs, whose streams are pipes: CRIU saves no /dev/null of the host's, which the first release left there. */
  async runOnPipes(edit) {
    const { id, dir } = this.prepare(edit);
    // Pipes of a shell's: those of Node.js are sockets.
    const words = ["-c", 'cat | "$0" "$@" 2>&1 | cat >/dev/null', this.maker, "--root", this.root];
    const child = spawn("sh", [...words, "run", "--detach", "--bundle", dir, id], { stdio: ["pipe", "ignore", "ignore"] });
    await this.until(id, "running");
    this.ids.push(id);
    return { id, child };
  }

  /** A container of the maker, in a bundle of its own. */
  create(edit = () => undefined, verb = "create") {
    const { id, dir } = this.prepare(edit);
    const done = this.call(this.maker, [...(verb === "run" ? ["run", "--detach"] : ["create"]), "--bundle", dir, id]);
    if (done.status !== 0) throw new Error(`${verb}: ${done.status}`);
    this.ids.push(id);
    return id;
  }

  expect(what, isGood, detail = "") {
    note(isGood ? "passed" : "failed", `${this.title}: ${what}${isGood ? "" : `: ${detail}`}`);
  }

  works(what, args, pattern = /(?:)/) {
    const done = this.call(this.user, args);
    this.expect(what, done.status === 0 && pattern.test(done.stdout), `${done.status} ${done.stdout}${done.stderr}`);
  }

  status(id) {
    return JSON.parse(this.call(this.user, ["state", id]).stdout || "{}").status;
  }

  async until(id, status) {
    for (let tries = 0; tries < 200 && this.status(id) !== status; tries++) await sleep(50);
    this.expect(`${id} becomes ${status}`, this.status(id) === status, this.status(id));
  }

  close() {
    for (const id of this.ids) for (const program of [this.user, this.maker]) this.call(program, ["delete", "--force", id]);
    rmSync(this.folder, { recursive: true });
  }
}

/** The cgroup above those of the containers stays where the runtime has made it. */
function removeCgroups() {
  const above = "/sys/fs/cgroup";
  for (const folder of [above, ...readdirSync(above).map((name) => join(above, name))]) {
    try {
      rmdirSync(join(folder, `runt-upgrade-${process.pid}`));
    } catch (error) {
      if (!["ENOENT", "ENOTDIR"].includes(error.code)) note("failed", `a cgroup is left: ${error.message}`);
    }
  }
}

async function lives(pair) {
  const created = pair.create();
  pair.works("a created container is listed", ["list"], /c1 .*created/);
  pair.works("its state is told", ["state", created], /"org\.example\.of": "an upgrade"/);
  pair.works("it is started", ["start", created]);
  await pair.until(created, "running");
  pair.works("it is entered", ["exec", created, "/bin/busybox", "echo", "inside"], /^inside$/m);
  pair.works("its processes are shown", ["ps", created], /sleep 1000/);
  pair.works("it is updated", ["update", "--pids-limit", "33", created]);
  pair.works("its statistics are shown", ["events", "--stats", created], /"pids":\{"current":1,[^}]*"limit":33/);
  pair.works("it is paused", ["pause", created]);
  await pair.until(created, "paused");
  pair.works("and resumed", ["resume", created]);
  pair.works("it is killed", ["kill", created, "KILL"]);
  await pair.until(created, "stopped");
  pair.works("it is deleted", ["delete", created]);
  pair.expect("nothing is left of it", !existsSync(join(pair.root, created)));
}

/** What fails after `start` is told by the init of the maker, and read by the other. */
async function fails(pair) {
  const hook = { path: "/bin/busybox", args: ["busybox", "false"] };
  const id = pair.create((config) => void (config.hooks = { startContainer: [hook] }));
  const done = pair.call(pair.user, ["start", id]);
  pair.expect(
    "a startContainer hook that fails: start names it",
    done.status === 1 && /startContainer/.test(done.stderr),
    done.stderr,
  );
  pair.call(pair.user, ["delete", "--force", id]);
}

/** A runt that waits in the foreground, or a container with hooks to come. */
async function foreground(pair) {
  const hook = join(pair.folder, "poststop");
  const { dir, write } = bundle(pair.folder, pair.maker, "front");
  write((config) => void (config.hooks = { poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo ran > ${hook}`] }] }));
  const child = spawn(pair.maker, ["--root", pair.root, "run", "--bundle", dir, "front"], { stdio: "ignore" });
  const ended = new Promise((settle) => child.on("exit", (code) => settle(code)));
  pair.ids.push("front");
  await pair.until("front", "running");
  pair.works("a foreground run is killed", ["kill", "front", "KILL"]);
  pair.expect("it ends with the program's status", (await ended) === 137);
  pair.expect("its hooks have run", existsSync(hook));

  const id = pair.create(
    (config) => void (config.hooks = { poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo ran > ${hook}2`] }] }),
    "run",
  );
  pair.works("a running container is deleted by force", ["delete", "--force", id]);
  pair.expect("and its poststop hook runs", existsSync(`${hook}2`));
}

async function checkpoints(pair) {
  if (spawnSync("criu", ["check"]).status !== 0) return note("skipped", `${pair.title}: checkpoint: CRIU does not work here`);
  const { id, child } = await pair.runOnPipes((config) => void (config.root.readonly = false));
  const images = join(pair.folder, "images");
  const [saved, restored] = [
    ["checkpoint", "--image-path", images, id],
    ["restore", "--detach", "--image-path", images, "--bundle", join(pair.folder, id), id],
  ];
  pair.works("it is checkpointed", saved);
  pair.works("and restored", restored);
  await pair.until(id, "running");
  return child.stdin.destroy();
}

async function main() {
  prepare({ packages: ["busybox-static"] });
  const former = before();
  if (former === undefined) return note("failed", "the release before cannot be built");
  if (!existsSync(NOW)) return note("failed", "dist/bin/runt is not there: npm run build");
  for (const [title, maker, user] of [
    ["upgrade", former, NOW],
    ["roll-back", NOW, former],
  ]) {
    for (const part of [lives, fails, foreground, checkpoints]) {
      const pair = new Pair(title, maker, user);
      try {
        await part(pair);
      } catch (error) {
        note("failed", `${title}: ${error.message}`);
      } finally {
        pair.close();
      }
    }
  }
  removeCgroups();
  return undefined;
}

if (process.getuid?.() !== 0) note("skipped", "upgrade and roll-back: it needs root");
else await main();
if (total.failed > 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
