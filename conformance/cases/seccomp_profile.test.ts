// SPDX-License-Identifier: Apache-2.0
/** linux.seccomp: profiles as engines send them, other architectures, what wins, and flags of the listener. */
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { machine } from "node:os";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import type { Config, Seccomp } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor, type Result } from "../harness/runtime.ts";
import { engineProfile, noProfile, withAgent } from "../harness/seccomp.ts";

const OTHER_MACHINE = machine() === "x86_64" ? false : "the numbers of system calls are those of x86_64";
/** Numbers of x86_64, and of i386. */
const [GETPID, MOUNT, UNSHARE, PERSONALITY, CLONE, GETUID] = [39, 165, 272, 135, 56, 102];
const GETPID_I386 = 20;
/** A kernel that has 32-bit calls may have been booted without. */
const IA32 =
  OTHER_MACHINE === false && spawnSync(helper("helpers/calls.c"), [`i386:${GETPID_I386}`]).status !== 0
    ? "this host makes no 32-bit system calls"
    : false;
const [EPERM, EINTR, ENOSYS, ENETDOWN] = [1, 4, 38, 100];
const LINUX32 = 8;

/** `run` of the helper that makes system calls. */
function run(box: Box, words: readonly string[], seccomp: Seccomp, edit: Edit = () => undefined): Result {
  const program = helper("helpers/calls.c");
  return box.run((config) => {
    config.process.args = ["/calls", ...words];
    config.process.noNewPrivileges = true;
    config.process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }];
    config.mounts.push({ destination: "/calls", type: "bind", source: program, options: ["bind"] });
    config.linux.seccomp = seccomp;
    edit(config);
  });
}

/** As {@link run}: the errno of each call; throws where the program did not get through. */
function calls(box: Box, words: readonly string[], seccomp: Seccomp, edit?: Edit): number[] {
  const done = run(box, words, seccomp, edit);
  if (done.status !== 0) throw new Error(`status ${done.status}: ${done.output}`);
  return done.stdout
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[1]));
}

function allowBut(...syscalls: NonNullable<Seccomp["syscalls"]>): Seccomp {
  return { defaultAction: "SCMP_ACT_ALLOW", syscalls };
}

for (const noNewPrivileges of [true, false]) {
  scenario(
    `a profile of an engine's size, with noNewPrivileges ${noNewPrivileges}`,
    (t, box) => {
      const words = [
        String(GETPID),
        String(UNSHARE),
        String(MOUNT),
        "9999",
        `${PERSONALITY}:0x${LINUX32.toString(16)}`,
        `${PERSONALITY}:0x1234`,
        `${CLONE}:0x10000000`,
      ];
      for (const errno of [undefined, ENETDOWN]) {
        const got = calls(box, words, engineProfile(errno), (config) => void (config.process.noNewPrivileges = noNewPrivileges));
        const usual = errno ?? EPERM;
        // A call that is newer than the profile does not exist, whatever the default says.
        t.same(got, [0, usual, usual, ENOSYS, 0, usual, usual], `defaultErrnoRet ${errno}`);
      }
      const shell = box.sh("mkdir /dev/shm/d && ls / | wc -l && echo $(echo piped | cat)", (config) => {
        config.process.noNewPrivileges = noNewPrivileges;
        config.linux.seccomp = engineProfile();
      });
      t.match(shell, /piped/);
    },
    { skip: noProfile || OTHER_MACHINE, proves: ["linux.seccomp.defaultAction", "linux.seccomp.defaultErrnoRet"] },
  );
}

scenario(
  "every action as the default one",
  (t, box) => {
    const own = [
      "execve",
      "read",
      "write",
      "close",
      "openat",
      "fcntl",
      "getuid",
      "rt_sigaction",
      "prctl",
      "mmap",
      "brk",
      "arch_prctl",
      "set_tid_address",
      "set_robust_list",
      "rseq",
      "prlimit64",
      "readlinkat",
      "readlink",
      "getrandom",
      "mprotect",
      "newfstatat",
      "exit_group",
      "fstat",
      "capset",
      "capget",
      "chdir",
      "getcwd",
      "setgroups",
      "setgid",
      "setuid",
      "futex",
      "epoll_pwait",
      "epoll_ctl",
      "nanosleep",
      "rt_sigprocmask",
      "rt_sigreturn",
      "sigaltstack",
      "gettid",
      "tgkill",
      "munmap",
      "madvise",
      "sched_yield",
      "faccessat",
      "faccessat2",
      "fstatfs",
      "getdents64",
      "setresuid",
      "setresgid",
      "sched_getaffinity",
      "statx",
      "close_range",
      "getpid",
      "getppid",
      "lstat",
      "stat",
      "clone",
      "exit",
      "dup3",
      "pipe2",
      "fchown",
      "umask",
      "keyctl",
      "sendmsg",
      "recvmsg",
      "lseek",
      "ioctl",
    ];
    for (const [defaultAction, wanted] of [
      ["SCMP_ACT_KILL", 159],
      ["SCMP_ACT_KILL_THREAD", 159],
      ["SCMP_ACT_KILL_PROCESS", 159],
      ["SCMP_ACT_TRAP", 159],
      ["SCMP_ACT_ERRNO", `102 ${EPERM}`],
      ["SCMP_ACT_TRACE", `102 ${ENOSYS}`],
      ["SCMP_ACT_ALLOW", "102 0"],
      ["SCMP_ACT_LOG", "102 0"],
    ] as const) {
      const names = own.filter((name) => name !== "getuid");
      const done = run(box, [String(GETUID)], { defaultAction, syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] }, (config) => {
        // The runtime itself asks for the user's id where there is no HOME.
        config.process.env = ["PATH=/bin", "HOME=/"];
      });
      if (typeof wanted === "number") t.equal(done.status, wanted, `${defaultAction}: ${done.output}`);
      else t.match(done.stdout, wanted, `${defaultAction}: ${done.output}`);
    }
  },
  { skip: OTHER_MACHINE || notFor("runc", "its own program needs more system calls"), proves: ["linux.seccomp.defaultAction"] },
);

scenario(
  "architectures: a 32-bit call is filtered where it is listed, and kills where it is not",
  (t, box) => {
    const words = [String(GETPID), `i386:${GETPID_I386}`];
    const profile = allowBut({ names: ["getpid"], action: "SCMP_ACT_ERRNO", errnoRet: ENETDOWN });
    const both = calls(box, words, { ...profile, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] });
    t.same(both, [ENETDOWN, ENETDOWN]);
    const foreign = calls(box, words, { ...profile, architectures: ["SCMP_ARCH_X86"] });
    t.same(foreign, [ENETDOWN, ENETDOWN], "the machine's own is always among them");
    for (const architectures of [["SCMP_ARCH_X86_64"], []]) {
      const one = run(box, words, { ...profile, architectures });
      t.equal(one.stdout, `${GETPID} ${ENETDOWN}\n`);
      t.equal(one.status, 159, "SIGSYS");
    }
  },
  { skip: OTHER_MACHINE || IA32, proves: ["linux.seccomp.architectures"] },
);

scenario(
  "what wins of rules for one system call",
  (t, box) => {
    const rule = (errnoRet: number, value?: number): NonNullable<Seccomp["syscalls"]>[number] => ({
      names: ["getpid"],
      action: "SCMP_ACT_ERRNO",
      errnoRet,
      ...(value === undefined ? {} : { args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] }),
    });
    const words = [`${GETPID}:1`, `${GETPID}:2`];
    t.same(calls(box, words, allowBut(rule(50, 1), rule(60, 2))), [50, 60], "each its own");
    t.same(calls(box, words, allowBut(rule(50), rule(50))), [50, 50], "twice the same");
    // A rule without conditions takes the place of those that have some, wherever it stands.
    t.same(calls(box, words, allowBut(rule(50, 1), rule(60))), [60, 60], "the general one after it");
    t.same(calls(box, words, allowBut(rule(60), rule(50, 1))), [60, 60], "and before it");
    t.same(calls(box, words, allowBut(rule(50), rule(60))), [50, 50], "the first of two general ones");
    const done = run(box, words, allowBut(rule(50, 1), rule(60, 1)));
    t.not(done.status, 0, "one condition, two answers");
    if (IS_RUNT) t.match(done.output, /linux\.seccomp\.syscalls\[1\].*contradicts an earlier rule/);
    t.same(box.leftovers(), []);
  },
  { skip: OTHER_MACHINE },
);

scenario(
  "flags: a signal does not take away a notification with WAIT_KILLABLE_RECV",
  async (t, box) => {
    await withAgent(
      box,
      (socket) => {
        const profile = (flags: string[]): Seccomp => ({
          ...allowBut({ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }),
          listenerPath: socket,
          flags,
        });
        const words = ["alarm:150", "mkdir:/dev/shm/d"];
        t.same(calls(box, words, profile(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])), [0, ENETDOWN]);
        t.same(calls(box, words, profile([])), [0, EINTR], "without it the signal comes first");
      },
      600,
    );
  },
  {
    skip: OTHER_MACHINE || notFor("runc", "1.1.5 of Debian refuses flags") || notFor("crun", "1.8 does not know it"),
    proves: ["linux.seccomp.flags"],
  },
);

scenario(
  "flags: WAIT_KILLABLE_RECV without a rule that notifies is an error",
  (t, box) => {
    const done = run(box, [], { ...allowBut(), flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] });
    t.not(done.status, 0);
    t.match(done.output, /WAIT_KILLABLE_RECV/);
    t.same(box.leftovers(), []);
  },
  { skip: notFor("crun", "1.8 does not know it") || notFor("runc", "1.1.5 of Debian refuses flags") },
);

scenario(
  "an agent answers a container of a user without privileges",
  async (t, box) => {
    const uid = 4321;
    await withAgent(box, (socket, states) => {
      chmodSync(socket, 0o777);
      const own = [{ containerID: 0, hostID: uid, size: 1 }];
      const bundle = box.bundle((config: Config) => {
        config.process.args = ["mkdir", "/dev/shm/d"];
        config.linux.namespaces = [
          ...config.linux.namespaces.filter(({ type }) => !["network", "cgroup"].includes(type)),
          { type: "user" },
        ];
        config.linux.uidMappings = own;
        config.linux.gidMappings = own;
        delete config.linux.resources;
        delete config.linux.cgroupsPath;
        config.mounts = config.mounts.filter(({ destination }) => !["/sys", "/sys/fs/cgroup"].includes(destination));
        for (const mount of config.mounts) mount.options = (mount.options ?? []).filter((option) => !option.startsWith("gid="));
        config.linux.seccomp = { ...allowBut({ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }), listenerPath: socket };
      });
      const root = box.folder("user");
      for (const path of [root, bundle.dir, bundle.rootfs]) chmodSync(path, 0o777);
      const user = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
      const done = box.call(["--root", root, "run", "--bundle", bundle.dir, box.id()], { wrap: user });
      t.match(done.output, /Network is down/);
      t.ok(waitFor(() => states().length === 2));
    });
  },
  { skip: notFor("runc", "1.1.5 makes no bundle of this kind for a user") },
);
