// SPDX-License-Identifier: Apache-2.0
/** linux.seccomp, looked at from inside the container. */
import { machine } from "node:os";
import type { Test } from "tap";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import type { Config, Seccomp } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor, runtOnly } from "../harness/runtime.ts";
import { withAgent } from "../harness/seccomp.ts";

const MKDIR = ["mkdir", "mkdirat"];

/** A profile that lets everything through but what `rule` says of mkdir. */
function about(rule: Partial<NonNullable<Seccomp["syscalls"]>[number]> & { action: string }, noNewPrivileges = true): Edit {
  return (config) => {
    config.process.noNewPrivileges = noNewPrivileges;
    config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: MKDIR, ...rule }] };
  };
}

/** Runs a shell script that may fail, with core files off. */
function attempt(box: Box, script: string, edit: Edit): ReturnType<Box["run"]> {
  return box.run((config) => {
    config.process.args = ["sh", "-c", script];
    config.process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }];
    edit(config);
  });
}

for (const noNewPrivileges of [true, false]) {
  scenario(
    `ERRNO, with noNewPrivileges ${noNewPrivileges}`,
    (t, box) => {
      const edit = about({ action: "SCMP_ACT_ERRNO" }, noNewPrivileges);
      const done = attempt(box, "grep ^Seccomp: /proc/self/status; mkdir /dev/shm/d; echo end", edit);
      t.match(done.output, /Seccomp:\t2/);
      t.match(done.output, /mkdir: .*Operation not permitted/);
      t.match(done.output, /end/);
    },
    { proves: ["linux.seccomp.syscalls[].names", "linux.seccomp.syscalls[].action"] },
  );
}

scenario(
  "errnoRet, and the user's ids do not matter",
  (t, box) => {
    const done = attempt(box, "mkdir /dev/shm/d", (config) => {
      about({ action: "SCMP_ACT_ERRNO", errnoRet: 100 }, false)(config);
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.capabilities = {};
    });
    t.match(done.output, /Network is down/);
  },
  { proves: ["linux.seccomp.syscalls[].errnoRet"] },
);

scenario(
  "KILL, KILL_THREAD, KILL_PROCESS and TRAP end the process with SIGSYS",
  (t, box) => {
    for (const action of ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"]) {
      const done = attempt(box, "mkdir /dev/shm/d; echo status $?", about({ action }));
      t.match(done.stdout, /status 159/, action);
    }
  },
  { proves: ["linux.seccomp.syscalls[].action"] },
);

scenario(
  "TRACE without a tracer is ENOSYS, LOG and ALLOW let through",
  (t, box) => {
    t.match(attempt(box, "mkdir /dev/shm/d", about({ action: "SCMP_ACT_TRACE" })).output, /Function not implemented/);
    for (const action of ["SCMP_ACT_LOG", "SCMP_ACT_ALLOW"]) {
      t.match(attempt(box, "mkdir /dev/shm/d && echo made", about({ action })).output, /made/, action);
    }
  },
  { proves: ["linux.seccomp.syscalls[].action"] },
);

scenario(
  "operators compare an argument",
  (t, box) => {
    // The second argument of mkdir is the mode; busybox passes what -m says to a later chmod, so 0777 always comes.
    const cases: readonly (readonly [op: string, value: number, valueTwo: number, refused: boolean])[] = [
      ["SCMP_CMP_EQ", 0o777, 0, true],
      ["SCMP_CMP_EQ", 0o776, 0, false],
      ["SCMP_CMP_NE", 0o777, 0, false],
      ["SCMP_CMP_NE", 0o776, 0, true],
      ["SCMP_CMP_LT", 0o777, 0, false],
      ["SCMP_CMP_LT", 0o1000, 0, true],
      ["SCMP_CMP_LE", 0o777, 0, true],
      ["SCMP_CMP_GE", 0o777, 0, true],
      ["SCMP_CMP_GT", 0o777, 0, false],
      ["SCMP_CMP_MASKED_EQ", 0o700, 0o700, true],
      ["SCMP_CMP_MASKED_EQ", 0o700, 0o100, false],
    ];
    for (const [op, value, valueTwo, refused] of cases) {
      const edit: Edit = about({ names: ["mkdir"], action: "SCMP_ACT_ERRNO", args: [{ index: 1, value, valueTwo, op }] });
      const done = attempt(box, "mkdir /dev/shm/d && echo made", edit);
      t.equal(done.stdout.includes("made"), !refused, `${op} ${value} ${valueTwo}`);
    }
  },
  { proves: ["linux.seccomp.syscalls[].args"] },
);

scenario("a startContainer hook has the filter, too", (t, box) => {
  const done = attempt(box, "true", (config) => {
    about({ action: "SCMP_ACT_ERRNO" })(config);
    config.hooks = { startContainer: [{ path: "/bin/mkdir", args: ["mkdir", "/dev/shm/d"] }] };
  });
  t.not(done.status, 0);
});

scenario("exec has the filter", (t, box) => {
  const container = box.running(about({ action: "SCMP_ACT_ERRNO", errnoRet: 100 }));
  const done = box.call(["exec", container.id, "mkdir", "/dev/shm/d"]);
  t.match(done.output, /Network is down/);
});

scenario(
  "a profile that lists what a program needs, and no more",
  (t, box) => {
    const own = ["execve", "read", "write", "close", "openat", "fcntl", "getuid", "rt_sigaction", "prctl", "mmap"];
    // What a static program needs to start and end.
    const libc = [
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
    ];
    const names = [...own, ...libc];
    const program = helper("helpers/nothing.c");
    const done = box.run((config) => {
      config.mounts.push({ destination: "/nothing", type: "bind", source: program, options: ["bind"] });
      config.process.args = ["/nothing"];
      config.process.noNewPrivileges = true;
      config.process.env = ["PATH=/", "HOME=/"];
      config.linux.seccomp = { defaultAction: "SCMP_ACT_KILL_PROCESS", syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] };
    });
    t.equal(done.status, 0, done.output);
  },
  {
    skip: runtOnly("its own program needs more system calls"),
    proves: ["linux.seccomp.defaultAction", "linux.seccomp.syscalls[].names"],
  },
);

scenario("names that nobody knows are ignored", (t, box) => {
  const done = attempt(box, "mkdir /dev/shm/d", about({ names: ["no_such_call", ...MKDIR], action: "SCMP_ACT_ERRNO" }));
  t.match(done.output, /Operation not permitted/);
});

scenario("wrong profiles are refused, and nothing is left", (t, box) => {
  const bad: readonly (readonly [Seccomp, RegExp])[] = [
    [{ defaultAction: "SCMP_ACT_NOTIFY" }, /SCMP_ACT_NOTIFY cannot be used as default action/],
    [
      { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x", syscalls: [{ names: ["write"], action: "SCMP_ACT_NOTIFY" }] },
      /SCMP_ACT_NOTIFY cannot be used for the write syscall/,
    ],
    [
      { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/agent", syscalls: [{ names: MKDIR, action: "SCMP_ACT_NOTIFY" }] },
      /failed to connect with seccomp agent|no such file/,
    ],
    [{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: MKDIR, action: "SCMP_ACT_NOTIFY" }] }, /listenerPath/],
  ];
  for (const [seccomp, message] of bad) {
    const done = attempt(box, "true", (config) => void (config.linux.seccomp = seccomp));
    t.not(done.status, 0);
    t.match(done.output, message);
    t.same(box.leftovers(), []);
  }
});

scenario(
  "the filter is loaded with each flag, and without any",
  (t, box) => {
    const names = ["LOG", "SPEC_ALLOW", "TSYNC"].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
    for (const flags of [[], ...names.map((name) => [name]), names]) {
      const done = attempt(box, "mkdir /dev/shm/d", (config) => {
        about({ action: "SCMP_ACT_ERRNO", errnoRet: 100 })(config);
        config.linux.seccomp = { ...config.linux.seccomp, defaultAction: "SCMP_ACT_ALLOW", flags };
      });
      t.match(done.output, /Network is down/, flags.join());
    }
  },
  { skip: runtOnly("1.1.5 of Debian refuses flags") },
);

function notify(config: Config, socket: string, names: string[], noNewPrivileges: boolean): void {
  config.process.noNewPrivileges = noNewPrivileges;
  config.linux.seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    listenerPath: socket,
    listenerMetadata: "some text",
    syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }],
  };
}

function checkState(t: Test, lines: readonly string[], status: string): void {
  const state = JSON.parse(lines[0] ?? "{}") as Record<string, unknown> & { state: Record<string, unknown> };
  t.match(state, { fds: ["seccompFd"], metadata: "some text", state: { status } });
  t.ok(typeof state["pid"] === "number" && state["pid"] > 0);
  t.equal(lines[1], "1 0", "one descriptor, and one message in the connection");
}

for (const noNewPrivileges of [true, false]) {
  scenario(
    `NOTIFY: an agent answers, with noNewPrivileges ${noNewPrivileges}`,
    async (t, box) => {
      await withAgent(box, (socket, states) => {
        const done = attempt(box, "mkdir /dev/shm/d; cat /proc/self/status", (config) => {
          notify(config, socket, MKDIR, noNewPrivileges);
        });
        t.match(done.output, /Network is down/);
        waitFor(() => states().length === 2);
        checkState(t, states(), "creating");
      });
    },
    { proves: ["linux.seccomp.listenerPath", "linux.seccomp.listenerMetadata", "linux.seccomp.syscalls[].action"] },
  );
}

scenario(
  "NOTIFY: of calls that the runtime itself makes",
  async (t, box) => {
    await withAgent(box, (socket, states) => {
      const names = ["execve", "openat", "open", "read", "close", "fcntl", "sendmsg", "recvmsg"];
      const done = attempt(box, "echo lives", (config) => notify(config, socket, names, true));
      t.match(done.stdout, /lives/);
      waitFor(() => states().length === 2);
      checkState(t, states(), "creating");
    });
  },
  { skip: runtOnly("1.1.5 is not sure to get through this") },
);

scenario("NOTIFY: exec", async (t, box) => {
  await withAgent(box, (socket, states) => {
    const container = box.running((config) => notify(config, socket, MKDIR, true));
    const done = box.call(["exec", container.id, "mkdir", "/dev/shm/d"]);
    t.match(done.output, /Network is down/);
    waitFor(() => states().length === 4);
    checkState(t, states().slice(2), "running");
  });
});

scenario(
  "the annotation run.oci.seccomp.receiver names the agent where listenerPath is absent",
  async (t, box) => {
    await withAgent(box, (socket, states) => {
      const done = attempt(box, "mkdir /dev/shm/d", (config) => {
        notify(config, socket, MKDIR, true);
        delete config.linux.seccomp?.listenerPath;
        delete config.linux.seccomp?.listenerMetadata;
        config.annotations = { "run.oci.seccomp.receiver": socket };
      });
      t.match(done.output, /Network is down/);
      t.ok(waitFor(() => states().length === 2));
    });
  },
  { skip: notFor("runc", "an annotation of crun") },
);

scenario(
  "the annotation run.oci.seccomp_fail_unknown_syscall refuses names that nobody knows",
  (t, box) => {
    const done = attempt(box, "true", (config) => {
      about({ names: ["no_such_call", ...MKDIR], action: "SCMP_ACT_ERRNO" })(config);
      config.annotations = { "run.oci.seccomp_fail_unknown_syscall": "1" };
    });
    t.not(done.status, 0);
    t.match(done.output, /no_such_call/);
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "an annotation of crun") },
);

/** Instructions of classic BPF, in base64. */
function program(...instructions: readonly (readonly [code: number, jt: number, jf: number, k: number])[]): string {
  const bytes = Buffer.alloc(8 * instructions.length);
  instructions.forEach(([code, jt, jf, k], index) => {
    bytes.writeUInt16LE(code, 8 * index);
    bytes.writeUInt8(jt, 8 * index + 2);
    bytes.writeUInt8(jf, 8 * index + 3);
    bytes.writeUInt32LE(k, 8 * index + 4);
  });
  return bytes.toString("base64");
}

scenario(
  "the annotation run.oci.seccomp_bpf_data is the filter",
  (t, box) => {
    // mkdir is number 83 of x86_64; 100 is ENETDOWN.
    const filter = program([0x20, 0, 0, 0], [0x15, 0, 1, 83], [0x06, 0, 0, 0x50000 + 100], [0x06, 0, 0, 0x7fff0000]);
    const edit: Edit = (config) => {
      config.process.noNewPrivileges = true;
      config.linux.seccomp = { defaultAction: "SCMP_ACT_ERRNO" };
      config.annotations = { "run.oci.seccomp_bpf_data": filter };
    };
    t.match(attempt(box, "mkdir /dev/shm/d; grep ^Seccomp: /proc/self/status", edit).output, /Seccomp:\t2\n.*Network is down/);
    const container = box.running(edit);
    t.match(box.call(["exec", container.id, "mkdir", "/dev/shm/d"]).output, /Network is down/);
    for (const wrong of ["%%%%", "AAAA", program([0x99, 0, 0, 0])]) {
      const done = box.tryCreate(
        box.bundle((config) => {
          edit(config);
          config.annotations = { "run.oci.seccomp_bpf_data": wrong };
        }),
      );
      t.not(done.status, 0, wrong);
      t.match(done.output, /seccomp/);
    }
  },
  { skip: notFor("runc", "an annotation of crun") || (machine() === "x86_64" ? false : "the program is for x86_64") },
);

scenario(
  "a filter that refuses everything, even to exit, is an error and no hang",
  (t, box) => {
    const actions = ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"];
    for (const defaultAction of actions) {
      for (const noNewPrivileges of [true, false]) {
        const done = attempt(box, "true", (config) => {
          config.process.noNewPrivileges = noNewPrivileges;
          config.linux.seccomp = { defaultAction };
        });
        const name = `${defaultAction}, noNewPrivileges ${noNewPrivileges}`;
        t.not(done.status, 0, name);
        t.ok(done.status < 124, `${name}: ended by itself, with status ${done.status}`);
        if (IS_RUNT) t.match(done.stderr, /before it could execute the program: does linux.seccomp refuse/, name);
      }
    }
    t.same(box.leftovers(), []);
  },
  { skip: notFor("crun", "1.8 dies of a fault, and so does its caller") },
);
