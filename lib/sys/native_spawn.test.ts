// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { native, type Exited, type SpawnOptions, type Spawned } from "./native.ts";

const AT_FDCWD = -100;
const ENOENT = -2;
const EBADF = -9;
const ECHILD = -10;
const EACCES = -13;
const EINVAL = -22;
const ESRCH = -3;
const POLLIN = 1;
const SIGKILL = 9;
const SIGTERM = 15;
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x20000;
const CLONE_NEWUTS = 0x04000000;
const CLONE_NEWPID = 0x20000000;
const CLONE_NEWUSER = 0x10000000;
const CGROUP2_MAGIC = 0x63677270;
const SHELL = "/bin/sh";

const root = mkdtempSync(join(tmpdir(), "runt-spawn-"));
t.teardown(() => rmSync(root, { recursive: true }));

function started(result: Spawned | number): Spawned {
  if (typeof result === "number") throw new Error(`spawn: errno ${-result}`);
  return result;
}

function ended(result: Exited | null | number): Exited {
  if (result === null || typeof result === "number") throw new Error(`waitpid: ${result}`);
  return result;
}

/** Runs a shell command with its stdout and `options`; returns its output and how it ended. */
function shell(command: string, options: Partial<SpawnOptions> = {}): { text: string; exited: Exited } {
  const output = native.memfd("output");
  const child = started(native.spawn({ program: SHELL, args: ["sh", "-c", command], env: [], fds: [0, output, 2], ...options }));
  const exited = ended(native.waitpid(child.pid, false));
  native.close(child.pidfd);
  const text = native.readFile(AT_FDCWD, `/proc/self/fd/${output}`, 1 << 20);
  native.close(output);
  return { text: String(text), exited };
}

t.test("arguments, environment, working directory and status", async (t) => {
  const { text, exited } = shell('echo "$0|$1|$A|$(pwd)"; exit 7', {
    args: ["sh", "-c", 'echo "$0|$1|$A|$(pwd)"; exit 7', "zero", "one"],
    env: ["A=value", "PATH=/usr/bin:/bin"],
    cwd: root,
  });
  t.equal(text, `zero|one|value|${root}\n`);
  t.match(exited, { status: 7, signaled: false });
});

t.test("at once: the program runs as it would otherwise, and a failure is told afterwards, once", async (t) => {
  const { text, exited } = shell("echo there; exit 3", { atOnce: true });
  t.equal(text, "there\n");
  t.match(exited, { status: 3, signaled: false });
  t.equal(native.spawnError(exited.pid), 0);

  for (const [program, errno] of [
    [join(root, "nothing"), -ENOENT],
    [root, -EACCES],
  ] as const) {
    const child = started(native.spawn({ program, args: ["x"], env: [], fds: [0, 1, 2], atOnce: true }));
    t.match(ended(native.waitpid(child.pid, false)), { status: 127, signaled: false });
    native.close(child.pidfd);
    t.equal(native.spawnError(child.pid), errno);
    t.equal(native.spawnError(child.pid), 0, "once");
  }
});

t.test("at once: many at a time do not share their memory", async (t) => {
  const output = native.memfd("output");
  const children: Spawned[] = [];
  for (let index = 0; index < 50; index++) {
    const words = ["sh", "-c", 'echo "$0" >> /proc/self/fd/1', String(index)];
    children.push(started(native.spawn({ program: SHELL, args: words, env: [], fds: [0, output, 2], atOnce: true })));
  }
  for (const { pid, pidfd } of children) {
    t.match(ended(native.waitpid(pid, false)), { status: 0 });
    native.close(pidfd);
  }
  const text = String(native.readFile(AT_FDCWD, `/proc/self/fd/${output}`, 1 << 20));
  native.close(output);
  const numbers = text.trim().split("\n").map(Number);
  t.strictSame(
    numbers.sort((one, other) => one - other),
    children.map((_, index) => index),
  );
});

t.test("the program fails to start: -errno, and no child is left", async (t) => {
  const spawn = (options: Partial<SpawnOptions>): Spawned | number =>
    native.spawn({ program: SHELL, args: ["sh"], env: [], fds: [0, 1, 2], ...options });
  writeFileSync(join(root, "not-executable"), "");
  t.equal(spawn({ program: join(root, "none") }), ENOENT);
  t.equal(spawn({ program: join(root, "not-executable") }), EACCES);
  t.equal(spawn({ cwd: join(root, "none") }), ENOENT);
  t.equal(spawn({ fds: [0, 1, 987] }), EBADF);
  t.equal(spawn({ program: 987 }), EBADF);
  t.equal(spawn({ cgroupFd: 987 }), EBADF);
  t.equal(spawn({ cloneFlags: CLONE_NEWNS | CLONE_FS }), EINVAL, "flags that contradict each other");
  t.equal(spawn({ program: "/bin/sh\0x" }), EINVAL);
  t.equal(spawn({ cwd: "/\0" }), EINVAL);
  t.equal(spawn({ args: ["a\0b"] }), EINVAL);
  t.equal(native.waitpid(-1, true), ECHILD);
});

t.test("options of a wrong type throw", async (t) => {
  const spawn = native.spawn as (options: unknown) => unknown;
  const good = { program: "/bin/true", args: [], env: [], fds: [] };
  t.throws(() => spawn(undefined), { message: "argument 1 must be an object" });
  t.throws(() => spawn({ ...good, program: null }), { message: "options.program must be a string" });
  t.throws(() => spawn({ ...good, args: ["a", 5] }), { message: "options.args must be an array of strings" });
  t.throws(() => spawn({ ...good, env: undefined }), { message: "options.env must be an array of strings" });
  t.throws(() => spawn({ ...good, fds: ["0"] }), { message: "options.fds must be an array of integers" });
  t.throws(() => spawn({ ...good, setsid: 1 }), { message: "options.setsid must be a boolean" });
  const getter = {
    get program(): string {
      throw new RangeError("from the getter");
    },
  };
  t.throws(() => spawn(getter), { name: "RangeError", message: "from the getter" });
});

t.test("descriptors go into place, and nothing else is inherited", async (t) => {
  const open = (name: string): number => {
    writeFileSync(join(root, name), name);
    return native.open(AT_FDCWD, join(root, name), 0, 0);
  };
  const [a, b, low] = [open("a"), open("b"), open("leak")];
  const F_DUPFD = 0;
  const leak = native.fcntl(low, F_DUPFD, 100);
  // The targets 3, 4, 5 are among the sources: a cycle, and one descriptor twice.
  const saved = [3, 4, 5].map((fd) => native.dup(fd));
  const command = "cat <&3; cat <&4; cat <&5; for f in /proc/$$/fd/*; do echo ${f##*/}; done";
  const output = native.memfd("output");
  const child = started(
    native.spawn({ program: SHELL, args: ["sh", "-c", command], env: ["PATH=/bin:/usr/bin"], fds: [0, output, 2, b, a, b] }),
  );
  t.match(ended(native.waitpid(child.pid, false)), { status: 0 });
  const text = native.readFile(AT_FDCWD, `/proc/self/fd/${output}`, 4096);
  t.match(text, /^bab?0\n1\n2\n3\n4\n5\n(\d+\n)?$/);
  t.notMatch(text, new RegExp(`^${leak}$`, "m"));
  for (const fd of [leak, low, a, b, output, child.pidfd, ...saved]) native.close(fd);
});

t.test("descriptors that swap their numbers", async (t) => {
  // The child's stdin is our 1 and its stdout our 0: in a child of ours these are two files.
  const read = join(root, "swap-in");
  writeFileSync(read, "swapped");
  const source = native.open(AT_FDCWD, read, 0, 0);
  const sink = native.open(AT_FDCWD, join(root, "swap-out"), 0o101, 0o600);
  const script = `
    const m = { exports: {} };
    process.dlopen(m, process.argv[1]);
    const n = m.exports;
    const s = n.spawn({ program: "/bin/cat", args: ["cat"], env: [], fds: [1, 0, 2] });
    n.waitpid(s.pid, false);`;
  const addon = new URL("../../libexec/runt/runt.node", import.meta.url).pathname;
  const child = started(
    native.spawn({
      program: process.execPath,
      args: ["node", "-e", script, addon],
      env: [],
      fds: [sink, source, 2],
    }),
  );
  t.match(ended(native.waitpid(child.pid, false)), { status: 0 });
  t.equal(native.readFile(AT_FDCWD, join(root, "swap-out"), 100), "swapped");
  for (const fd of [source, sink, child.pidfd]) native.close(fd);
});

t.test("signals: none blocked, ignored or caught", async (t) => {
  process.on("SIGUSR2", () => undefined);
  const { text } = shell("exec cat /proc/self/status", { env: ["PATH=/bin:/usr/bin"] });
  process.removeAllListeners("SIGUSR2");
  t.same(
    text.match(/(?<=^Sig(Blk|Ign|Cgt):\t)[0-9a-f]{16}$/gm),
    Array.from({ length: 3 }, () => "0".repeat(16)),
  );
});

t.test("setsid", async (t) => {
  const session = (text: string): boolean => {
    const [pid, , , , , sid] = text.split(" ");
    return pid === sid;
  };
  t.equal(session(shell("read -r line < /proc/$$/stat; echo $line", { setsid: true }).text), true);
  t.equal(session(shell("read -r line < /proc/$$/stat; echo $line").text), false);
});

t.test("a program by descriptor", async (t) => {
  const sealed = native.sealedCopy("shell", SHELL);
  t.ok(sealed > 2);
  const { text } = shell("echo $0", { program: sealed });
  t.equal(text, "sh\n");
  native.close(sealed);
});

t.test("namespaces", { skip: process.getuid?.() !== 0 && "not root" }, async (t) => {
  const { text } = shell("echo $$", { cloneFlags: CLONE_NEWPID | CLONE_NEWUTS });
  t.equal(text, "1\n");
  const user = shell("cat /proc/self/uid_map", { cloneFlags: CLONE_NEWUSER, env: ["PATH=/bin:/usr/bin"] });
  t.equal(user.text, "");
});

/** The mount point of the cgroup v2 hierarchy, if it is mounted. */
function cgroup2(): string | undefined {
  return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].find((path) => {
    const found = native.statfs(path);
    return typeof found !== "number" && found.type === CGROUP2_MAGIC;
  });
}

t.test("a child is born in its cgroup", async (t) => {
  const path = `${cgroup2()}/runt-spawn-test-${process.pid}`;
  if (native.mkdir(AT_FDCWD, path, 0o755) !== 0) {
    t.pass(`cannot make the cgroup ${path}`, { skip: true });
    return;
  }
  const cgroupFd = native.open(AT_FDCWD, path, 0, 0);
  const { text } = shell("exec cat /proc/self/cgroup", { cgroupFd, env: ["PATH=/bin:/usr/bin"] });
  t.match(text, new RegExp(`^0::.*/runt-spawn-test-${process.pid}$`, "m"));
  native.close(cgroupFd);
  t.equal(native.rmdir(AT_FDCWD, path), 0);
});

t.test("a child is waited for, signalled and polled by its pidfd", async (t) => {
  const child = started(native.spawn({ program: "/bin/sleep", args: ["sleep", "60"], env: [], fds: [0, 1, 2] }));
  t.equal(native.waitpid(child.pid, true), null);
  const pairs = new Int32Array([child.pidfd, POLLIN]);
  t.equal(native.poll(pairs, 0), 0);
  t.same([...pairs], [child.pidfd, 0]);
  t.equal(native.pidfdKill(child.pidfd, 0), 0);
  const other = native.pidfdOpen(child.pid);
  t.ok(other > 2);
  t.equal(native.pidfdKill(other, SIGTERM), 0);
  pairs[1] = POLLIN;
  t.equal(native.poll(pairs, 5000), 1);
  t.equal(pairs[1], POLLIN);
  t.same(native.waitpid(child.pid, false), { pid: child.pid, status: SIGTERM, signaled: true });
  t.equal(native.pidfdKill(child.pidfd, SIGKILL), ESRCH);
  t.equal(native.kill(child.pid, 0), ESRCH);
  t.equal(native.pidfdOpen(child.pid), ESRCH);
  t.equal(native.waitpid(child.pid, false), ECHILD);
  for (const fd of [other, child.pidfd]) native.close(fd);
});

t.test("kill by pid", async (t) => {
  const child = started(native.spawn({ program: "/bin/sleep", args: ["sleep", "60"], env: [], fds: [] }));
  t.equal(native.kill(child.pid, SIGKILL), 0);
  t.match(native.waitpid(-1, false), { pid: child.pid, status: SIGKILL, signaled: true });
  t.equal(native.kill(process.pid, 999), EINVAL);
  native.close(child.pidfd);
});

t.test("poll keeps its time, and refuses an odd array", async (t) => {
  const start = native.now();
  t.equal(native.poll(new Int32Array(0), 30), 0);
  const passed = native.now() - start;
  t.ok(passed >= 29 && passed < 1000, `${passed} ms`);
  t.throws(() => native.poll(new Int32Array(3), 0), { message: "argument 1 must be an Int32Array of pairs" });
  t.equal(native.poll(new Int32Array([987, POLLIN]), 0), 1, "a bad descriptor is told by POLLNVAL");
});

t.test("umask, prctl, prlimit, kernelRelease", async (t) => {
  const old = native.umask(0o27);
  t.equal(native.umask(old), 0o27);
  const PR_GET_DUMPABLE = 3;
  t.equal(native.prctl(PR_GET_DUMPABLE, 0), 1);
  t.equal(native.prctl(-5, 0), EINVAL);
  const child = started(native.spawn({ program: "/bin/sleep", args: ["sleep", "60"], env: [], fds: [] }));
  const RLIMIT_CORE = 4;
  t.equal(native.prlimit(child.pid, RLIMIT_CORE, 0n, 4096n), 0);
  t.match(native.readFile(AT_FDCWD, `/proc/${child.pid}/limits`, 1 << 16), /core file size +0 +4096/);
  t.equal(native.prlimit(child.pid, RLIMIT_CORE, 5n, 4n), EINVAL);
  t.throws(() => native.prlimit(child.pid, RLIMIT_CORE, -1n, 4n), { message: "argument 3 must be a bigint of 64 bits" });
  native.kill(child.pid, SIGKILL);
  native.waitpid(child.pid, false);
  native.close(child.pidfd);
  t.equal(native.kernelRelease(), String(native.readFile(AT_FDCWD, "/proc/sys/kernel/osrelease", 100)).trim());
});
