// SPDX-License-Identifier: Apache-2.0
/**
 * Each system call of the runtime and of init may fail. Then there is an error, or the same container as ever; never a hang, a
 * silent death, or anything left.
 *
 * `RUNT_FAULTS=all` lets every call of `run` fail that there is, one after the other; without it those are tried of which
 * much can be told. They do so by `helpers/fault.c`.
 */
import { existsSync, readFileSync } from "node:fs";
import type { Test } from "tap";
import { scenario, type Box } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { runtOnly, type Result } from "../harness/runtime.ts";

const skip =
  process.arch === "x64" ? runtOnly("where it makes which call is its own affair") : "helpers/fault.c is written for x86_64";
const ALL = process.env["RUNT_FAULTS"] === "all";

const EPERM = 1;
const EINTR = 4;
const EIO = 5;
const EAGAIN = 11;
const ENOMEM = 12;
const EMFILE = 24;
const ENOSPC = 28;
const ENOBUFS = 105;

/** Numbers of x86_64's <asm/unistd.h>, and with what each is apt to fail. */
const CALLS = {
  read: [0, EIO],
  write: [1, ENOSPC],
  close: [3, EIO],
  poll: [7, ENOMEM],
  mmap: [9, ENOMEM],
  sendmsg: [46, ENOBUFS],
  recvmsg: [47, EMFILE],
  socketpair: [53, EMFILE],
  execve: [59, ENOMEM],
  wait4: [61, EINTR],
  fcntl: [72, ENOMEM],
  flock: [73, ENOMEM],
  setgroups: [116, ENOMEM],
  setresuid: [117, EAGAIN],
  capset: [126, EPERM],
  pivot_root: [155, ENOMEM],
  prctl: [157, EPERM],
  openat: [257, EMFILE],
  mkdirat: [258, ENOSPC],
  mknodat: [259, ENOSPC],
  renameat: [264, ENOSPC],
  memfd_create: [319, EMFILE],
  execveat: [322, ENOMEM],
  seccomp: [317, ENOMEM],
  move_mount: [429, ENOMEM],
  pidfd_open: [434, EMFILE],
  clone3: [435, EAGAIN],
  mount_setattr: [442, ENOMEM],
} as const;
type Call = keyof typeof CALLS;

/**
 * brk, rt_sigaction, rt_sigprocmask, rt_sigreturn, exit, exit_group, arch_prctl; mprotect, with which libc ends the program by a
 * message of its own; newfstatat, mostly of what is open.
 */
const CANNOT_FAIL = [12, 13, 14, 15, 60, 231, 158, 10, 262];

/** The processes in the order in which they come. */
const RUNTIME = 0;
const JOIN = 1;
const INIT = 2;

interface Fault {
  readonly who: number;
  readonly call: number;
  readonly nth: number;
  readonly errno: number;
}

const NONE: Fault = { who: RUNTIME, call: -1, nth: 0, errno: 0 };

/** A call of the runtime with one fault. `calls` are "WHO CALL NTH"; `failed` is false where it never came to the fault. */
function faulty(box: Box, { who, call, nth, errno }: Fault, args: string[]): { done: Result; failed: boolean; calls: string[] } {
  const list = box.path("calls");
  const wrap = [helper("helpers/fault.c"), ...[who, call, nth, errno].map(String), list];
  const done = box.call(args, { wrap, timeout: 15_000 });
  const calls = existsSync(list) ? readFileSync(list, "utf8").trimEnd().split("\n") : [];
  return { done, failed: calls.includes("failed"), calls: calls.filter((line) => line !== "failed") };
}

const SCRIPT =
  "grep -E '^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)' /proc/self/status; cut -d' ' -f4,5,6 /proc/self/mountinfo; hostname; cat /proc/self/oom_score_adj";

/** Something of everything. */
function rich(config: Config): void {
  config.process.args = ["sh", "-c", SCRIPT];
  config.process.user = { uid: 1000, gid: 1000, additionalGids: [5, 7] };
  config.process.noNewPrivileges = true;
  config.process.oomScoreAdj = 100;
  config.hostname = "faulty";
  config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
  config.linux.seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["acct"], action: "SCMP_ACT_ERRNO" }],
  };
  config.hooks = { createRuntime: [{ path: "/bin/true" }], poststop: [{ path: "/bin/true" }] };
}

/** What is wrong with the end of a `run`, or nothing. */
function problemsOf(box: Box, done: Result, expected: string): string[] {
  const problems = box.leftovers();
  // What is left is told of once.
  for (const id of box.ids()) box.call(["delete", "--force", id]);
  if (done.status === 0 && done.stdout !== expected) problems.push(`another container: ${done.stdout}`);
  if (done.status === 137) problems.push("a hang");
  if (done.status !== 0 && !done.stderr.includes("runt run failed: ")) problems.push(`status ${done.status} without a word`);
  return problems;
}

/** A bundle, and what a `run` of it prints. */
function bundleOf(t: Test, box: Box): { dir: string; expected: string; calls: string[] } {
  const { dir } = box.bundle(rich);
  faulty(box, NONE, ["run", "--bundle", dir, box.id()]); // fills the cache of filters
  const { done, calls } = faulty(box, NONE, ["run", "--bundle", dir, box.id()]);
  t.equal(done.status, 0, done.output);
  t.match(done.stdout, /faulty/);
  return { dir, expected: done.stdout, calls };
}

/** How often a call is let fail, from the first one on. */
const MOST = ALL ? 1000 : 5;

const TRIED: readonly (readonly [who: number, calls: readonly Call[], most?: number])[] = [
  [RUNTIME, ["openat", "fcntl"], 1000],
  [RUNTIME, ["socketpair", "memfd_create", "clone3", "mkdirat", "sendmsg", "recvmsg", "renameat", "pidfd_open"]],
  [JOIN, ["execveat", "clone3", "sendmsg", "prctl"]],
  [INIT, ["mmap", "sendmsg", "recvmsg", "openat", "move_mount", "mount_setattr", "mknodat", "pivot_root"]],
  [INIT, ["setgroups", "setresuid", "capset", "seccomp", "execve"]],
];

for (const [who, calls, most = MOST] of TRIED) {
  const name = `${["runtime", "JOIN", "INIT"][who] ?? ""}: each ${calls.join(", ")} that fails is an error or changes nothing`;
  scenario(
    name,
    (t, box) => {
      const { dir, expected } = bundleOf(t, box);
      for (const each of calls) {
        const [call, errno] = CALLS[each];
        let count = 0;
        for (let nth = 1; nth <= most; nth += 1) {
          const { done, failed } = faulty(box, { who, call, nth, errno }, ["run", "--bundle", dir, box.id()]);
          if (!failed) break;
          count = nth;
          t.same(problemsOf(box, done, expected), [], `${each} ${nth}: ${done.stderr}`);
        }
        t.ok(count > 0, `${each} is called ${count} times`);
      }
    },
    { skip, timeout: 180_000 },
  );
}

scenario(
  "the kernel refuses to execute init: the error names it, though the runtime has gone on meanwhile",
  (t, box) => {
    const { dir } = bundleOf(t, box);
    const [call, errno] = CALLS.execveat;
    const container = box.running();
    for (const [command, ...args] of [
      ["run", "--bundle", dir, box.id()],
      ["create", "--bundle", dir, box.id()],
      ["exec", container.id, "true"],
    ] as const) {
      const { done, failed } = faulty(box, { who: JOIN, call, nth: 1, errno }, [command, ...args]);
      t.ok(failed, command);
      t.match(done.stderr, /start init: cannot allocate memory/, command);
      t.equal(done.status, command === "exec" ? 255 : 1, done.output);
    }
    t.equal(container.remove("--force").status, 0);
  },
  { skip, timeout: 60_000 },
);

scenario(
  "each write of create that fails is an error",
  (t, box) => {
    const { dir } = bundleOf(t, box);
    const [call, errno] = CALLS.write;
    let count = 0;
    for (let nth = 1; ; nth += 1) {
      const id = box.id();
      const { done, failed } = faulty(box, { who: RUNTIME, call, nth, errno }, [
        "create",
        "--bundle",
        dir,
        "--pid-file",
        box.path(),
        id,
      ]);
      if (!failed) {
        t.equal(box.call(["delete", "--force", id]).status, 0);
        break;
      }
      count = nth;
      t.equal(done.status, 1, `${nth}: ${done.output}`);
      t.match(done.stderr, /runt create failed: .*no space left on device/);
      t.same(box.leftovers(), [], done.stderr);
    }
    t.ok(count > 5, `${count} writes`);
  },
  { skip, timeout: 180_000 },
);

scenario(
  "a call that a signal interrupts is made again, by each process",
  (t, box) => {
    const { dir, expected, calls } = bundleOf(t, box);
    const restarted: readonly Call[] = ["read", "poll", "sendmsg", "recvmsg", "wait4", "flock"];
    const numbers = restarted.map((each): number => CALLS[each][0]);
    let count = 0;
    for (const line of calls) {
      const [who = 0, call = 0, nth = 0] = line.split(" ").map(Number);
      if (who > INIT || nth > MOST || !numbers.includes(call)) continue;
      count += 1;
      const { done } = faulty(box, { who, call, nth, errno: EINTR }, ["run", "--bundle", dir, box.id()]);
      t.equal(done.status, 0, `${line}: ${done.stderr}`);
      t.equal(done.stdout, expected, line);
      t.same(box.leftovers(), [], line);
    }
    t.ok(count > 20, `${count} calls`);
  },
  { skip, timeout: 180_000 },
);

scenario(
  "a process that cannot be looked at is not taken for one that has ended",
  (t, box) => {
    for (const each of ["openat", "pidfd_open", "read"] as const) {
      const [call, errno] = CALLS[each];
      for (const command of [["state"], ["delete", "--force"], ["exec"], ["kill"]]) {
        const container = box.running();
        const args = [...command, container.id, ...(command[0] === "exec" ? ["true"] : command[0] === "kill" ? ["0"] : [])];
        for (let nth = 1; ; nth += 1) {
          const { done, failed } = faulty(box, { who: RUNTIME, call, nth, errno }, args);
          if (!failed) break;
          const what = `${args.join(" ")}: ${each} ${nth}: ${done.output}`;
          t.not(done.status, 137, `no hang: ${what}`);
          if (done.status !== 0) t.match(done.stderr, /level=error msg=/, what);
          if (command[0] === "state" && done.status === 0) t.match(done.stdout, /"status": "running"/, what);
          if (command[0] === "delete") {
            if (done.status === 0) break;
          } else {
            t.equal(container.state().status, "running", what);
            t.notMatch(done.output, /not running|stopped/, what);
          }
        }
        t.equal(container.remove("--force").status, 0);
        t.same(box.leftovers(), [], args.join(" "));
      }
    }
  },
  { skip, timeout: 180_000 },
);

scenario(
  "every call of run that there is",
  (t, box) => {
    const { dir, expected, calls } = bundleOf(t, box);
    const errnos = new Map<number, number>(Object.values(CALLS).map(([call, errno]) => [call, errno]));
    for (const line of new Set(calls)) {
      const [who = 0, call = 0, nth = 0] = line.split(" ").map(Number);
      // The write of a signal handler, into a pipe of its own, cannot fail either.
      if (who > INIT || CANNOT_FAIL.includes(call) || (who === RUNTIME && call === CALLS.write[0])) continue;
      const { done } = faulty(box, { who, call, nth, errno: errnos.get(call) ?? ENOMEM }, ["run", "--bundle", dir, box.id()]);
      t.same(problemsOf(box, done, expected), [], `${line}: ${done.stderr}`);
    }
  },
  { skip: ALL ? skip : "takes minutes: RUNT_FAULTS=all", timeout: 1_200_000 },
);
