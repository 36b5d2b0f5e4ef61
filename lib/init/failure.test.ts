// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { FAILURE_SIZE, type Step } from "../plan/steps.ts";
import { Errno } from "../kernel/errno.ts";
import { RuntimeError } from "../errors.ts";
import { failureError } from "./failure.ts";
import { parseFailure, type Failure } from "./failure_record.ts";

function message(step: Step, failure: Partial<Failure>): string {
  const whole = { stage: 2, step: 0, errno: Errno.ENOENT, call: "execve", value: 0, subject: "", ...failure };
  return failureError(whole, [step], () => "").message;
}

const exec: Step = {
  op: "exec",
  origin: "/process/args",
  fields: { args: ["/bin/x"], env: [], preserve: 0, home: 0 },
};

t.test("what a program lacks that is there", (tt) => {
  tt.equal(
    message(exec, { call: "interpreter", subject: "/bin/sh\r" }),
    "process.args: exec /bin/x: no such file or directory: not of the file itself, but of the interpreter of its first line, " +
      '"/bin/sh\\r": the script has lines that end in a carriage return, as on Windows',
  );
  tt.equal(
    message(exec, { call: "loader", subject: "/lib/ld.so", errno: Errno.EACCES }),
    'process.args: exec /bin/x: permission denied: not of the file itself, but of the dynamic loader, "/lib/ld.so": ' +
      "is it a program for another system or C library?",
  );
  tt.match(message(exec, { subject: "/bin/x" }), /exec \/bin\/x: no such file or directory/);
  tt.end();
});

t.test("an init of another release", (tt) => {
  const said = message(exec, { step: 9, errno: 74 /* EBADMSG */, call: "decode", subject: "plan version" });
  tt.equal(
    said,
    'init: decode "plan version": bad message (init is not of the same release: install both packages in one version)',
  );
  tt.end();
});

t.test("a file that is no program", (tt) => {
  const said = (value: number): string => message(exec, { errno: Errno.ENOEXEC, subject: "/bin/x", value });
  tt.equal(said(0), "process.args: exec /bin/x: exec format error");
  tt.equal(said(1), "process.args: exec /bin/x: exec format error: the file is empty");
  tt.match(said(2), 'exec format error: it is neither an ELF program nor a script with "#!"');
  tt.equal(said(0x10000 + 183), "process.args: exec /bin/x: exec format error: it is a program for aarch64");
  tt.match(said(0x10000 + 4711), "a program for another machine (ELF number 4711)");
  tt.end();
});

t.test("a program that may not be executed", (tt) => {
  const find: Step = { op: "findProgram", origin: "/process/args/0", fields: { name: "/bin/x", search: "/bin" } };
  const said = (call: string): string => message(find, { errno: Errno.EACCES, call, subject: "/bin/x" });
  tt.equal(said("lookup"), 'process.args[0]: exec: "/bin/x": stat /bin/x: permission denied');
  tt.equal(said("faccessat"), 'process.args[0]: exec: "/bin/x": permission denied');
  tt.equal(said("verify"), 'process.args[0]: exec: "/bin/x": permission denied: it is a directory');
  tt.end();
});

t.test("namespaces that the kernel does not make", (tt) => {
  const said = (call: string, errno: number): RuntimeError =>
    failureError({ stage: 1, step: 0, errno, call, value: 0, subject: "namespaces" }, [], () => "");
  for (const call of ["clone", "unshare"]) {
    const error = said(call, Errno.EPERM);
    tt.match(error.message, `linux.namespaces: ${call}: operation not permitted (CAP_SYS_ADMIN is missing, or a seccomp filter`);
    tt.match(error.facts, { syscall: call, pointer: "/linux/namespaces" });
  }
  tt.match(said("clone", Errno.ENOSPC).message, "/proc/sys/user/max_*_namespaces");
  tt.match(said("clone", Errno.EAGAIN).message, "RLIMIT_NPROC");
  tt.end();
});

t.test("an id in a mount's options that the user namespace does not have", (tt) => {
  const step: Step = {
    op: "mount",
    origin: "/mounts/2",
    fields: {
      source: "devpts",
      target: "/dev/pts",
      fstype: "devpts",
      flags: 0,
      sb: 0,
      set: 0,
      clear: 0,
      implied: 0,
      recSet: 0,
      recClear: 0,
      propagation: [],
      data: "gid=5",
      tree: 0,
    },
  };
  tt.match(
    message(step, { call: "fsconfig", errno: Errno.EINVAL, subject: "gid=5" }),
    "fsconfig: invalid argument (gid=5: is it in linux.gidMappings?)",
  );
  tt.match(message(step, { call: "fsconfig", errno: Errno.EINVAL, subject: "gid=x" }), "invalid argument (gid=x)");
  tt.end();
});

t.test("a cgroup that takes no process", (tt) => {
  const step: Step = { op: "cgroup", origin: "/linux/cgroupsPath", fields: {} };
  tt.equal(
    message(step, { call: "write", errno: Errno.ENOSPC }),
    "linux.cgroupsPath: join the cgroup: write: no space left on device (cpuset.cpus or cpuset.mems of the cgroup is empty)",
  );
  tt.end();
});

t.test("a scheduler that is not permitted", (tt) => {
  const told = (policy: number): string => {
    const fields = { policy, flags: 0n, nice: 0n, priority: 0, runtime: 0n, deadline: 0n, period: 0n };
    return message({ op: "scheduler", origin: "/process/scheduler", fields }, { call: "sched_setattr", errno: Errno.EPERM });
  };
  for (const realTime of [1, 2])
    tt.match(told(realTime), /\(the cgroup has no real-time share, which linux\.resources\.cpu\.realtimeRuntime/);
  tt.match(told(6), /\(process scheduler can't be used together with AllowedCPUs, which linux\.resources\.cpu\.cpus sets/);
  tt.end();
});

t.test("a device that is bound because it cannot be made", (tt) => {
  const told = (bind: number, call: string, errno: number): string => {
    const fields = { path: "/dev/x", mode: 0, major: 1, minor: 3, uid: 0, gid: 0, bind, node: 0 };
    return message({ op: "device", origin: "/linux/devices/0", fields }, { call, errno, subject: "/dev/x" });
  };
  const start = "linux.devices[0]: device: ";
  tt.equal(
    told(1, "open", Errno.ENOENT),
    `${start}open "/dev/x": no such file or directory (in a user namespace the host's device of that name is bound)`,
  );
  tt.equal(
    told(0, "open", Errno.ENOENT),
    `${start}open "/dev/x": no such file or directory (where mknod is not permitted the host's device of that name is bound)`,
  );
  tt.equal(
    told(1, "verify", Errno.ENODEV),
    `${start}verify "/dev/x": no such device (in a user namespace the host's device of that name is bound, and that is another one)`,
  );
  tt.end();
});

t.test("CPUs that are not there", (tt) => {
  const step: Step = {
    op: "cpuAffinity",
    origin: "/process/execCPUAffinity/final",
    fields: { mask: new Uint8Array(1), attempt: 0 },
  };
  tt.equal(
    message(step, { call: "sched_setaffinity", subject: "CPUs", errno: Errno.EINVAL }),
    "process.execCPUAffinity.final: sched_setaffinity: invalid argument " +
      "(the host has none of these CPUs, or the container's cgroup allows none of them)",
  );
  tt.end();
});

t.test("an id that the user namespace does not have", (tt) => {
  const none = 0n;
  const step: Step = {
    op: "credentials",
    origin: "/process/user",
    fields: {
      uid: 7,
      gid: 0,
      groups: [],
      keepGroups: 0,
      bounding: none,
      effective: none,
      permitted: none,
      inheritable: none,
      ambient: none,
      forFilter: 0,
    },
  };
  tt.match(message(step, { call: "setresuid", errno: Errno.EINVAL }), "cannot set uid to unmapped user in user namespace (7 is");
  tt.end();
});

t.test("whatever a failure record holds, it is an error of init's with words", (tt) => {
  const hook: Step = {
    op: "hook",
    origin: "/hooks/x/0",
    fields: { path: "/h", args: [], env: [], timeoutMs: 5, stateHead: "", stateTail: "", slot: 0, home: 0 },
  };
  const small = fc.oneof(fc.nat(80), fc.integer({ min: 0, max: 0xffffffff }));
  let short = 0;
  fc.assert(
    fc.property(
      fc.array(small, { minLength: 6, maxLength: 6 }),
      fc.uint8Array({ minLength: 200, maxLength: 320, size: "max" }),
      (words, subject) => {
        const bytes = new Uint8Array(24 + subject.length);
        const view = new DataView(bytes.buffer);
        words.forEach((word, index) => view.setUint32(index * 4, word, true));
        bytes.set(subject, 24);
        if (parseFailure(bytes) === undefined) {
          short += 1;
          assert.ok(bytes.length < FAILURE_SIZE);
        }
        const whole = new Uint8Array(FAILURE_SIZE);
        whole.set(bytes.subarray(0, FAILURE_SIZE));
        const failure = parseFailure(whole);
        assert.ok(failure !== undefined);
        const error = failureError(failure, [exec, hook], () => "said");
        assert.ok(error instanceof RuntimeError && error.message !== "");
        assert.ok(["STEP_FAILED", "HOOK_FAILED"].includes(error.code), error.code);
      },
    ),
    { numRuns: 2000 },
  );
  tt.ok(short > 100 && short < 2000, `${short} records were cut short`);
  tt.end();
});
