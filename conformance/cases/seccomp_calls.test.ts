// SPDX-License-Identifier: Apache-2.0
/**
 * What a runtime itself needs once a container's filter holds: no more than runc does, so that a profile which was written
 * for another runtime starts here, too. `docs/seccomp.md` has the lists, which `seccomp_calls/reduce.mjs` measures.
 */
import { readFileSync } from "node:fs";
import { scenario, type Edit } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { waitFor } from "../harness/host.ts";
import { notFor, runtOnly } from "../harness/runtime.ts";
import { withAgent } from "../harness/seccomp.ts";

/** Calls of `helpers/least.c`, which is mounted over /bin/true. */
const PROGRAM = ["symlink", "exit_group", "pause"];
const USERS: Readonly<Record<string, Edit>> = {
  root: () => undefined,
  "another user": (config) => void (config.process.user = { uid: 1000, gid: 1000, additionalGids: [5] }),
  "root of a user namespace": (config) => {
    config.linux.namespaces?.push({ type: "user" });
    config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  },
};

/** A container of `least` whose filter allows `names` besides its own calls, and kills for every other. */
function strict(names: readonly string[], noNewPrivileges: boolean, user: Edit, args = ["/bin/true"]): Edit {
  return (config) => {
    config.mounts = [
      { destination: "/proc", type: "proc", source: "proc" },
      // Root of a user namespace may make nothing in the /dev of the image.
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] },
      { destination: "/bin/true", type: "bind", source: program(), options: ["bind"] },
    ];
    config.process.args = args;
    config.process.noNewPrivileges = noNewPrivileges;
    config.process.env = ["PATH=/"];
    config.process.capabilities = {};
    allow(config, names);
    user(config);
  };
}

function allow(config: Config, names: readonly string[]): void {
  const syscalls = [{ names: [...names, ...PROGRAM], action: "SCMP_ACT_ALLOW" }];
  config.linux.seccomp = { defaultAction: "SCMP_ACT_KILL_PROCESS", syscalls };
}

const program = (): string => helper("helpers/least.c");

/** What init needs for the program of `run` and `exec`. CAP_SYS_ADMIN, which the filter takes, is given up after it. */
const least = (noNewPrivileges: boolean): string[] => (noNewPrivileges ? ["execve"] : ["execve", "capset"]);
/** And with a `start` to wait for. */
const WAITING = ["openat", "write", "close"];

const only = runtOnly("its own program needs more system calls");

for (const noNewPrivileges of [true, false]) {
  for (const user in USERS) {
    const edit = USERS[user] ?? (() => undefined);
    const name = `noNewPrivileges ${noNewPrivileges}, ${user}`;
    scenario(
      `run needs nothing but ${least(noNewPrivileges).join(", ")}: ${name}`,
      (t, box) => {
        const done = box.run(strict(least(noNewPrivileges), noNewPrivileges, edit));
        t.equal(done.status, 0, done.output);
      },
      { skip: only },
    );

    scenario(
      `create and start need ${WAITING.join(", ")}, too: ${name}`,
      (t, box) => {
        const container = box.create(
          strict([...least(noNewPrivileges), ...WAITING], noNewPrivileges, edit, ["/bin/true", "wait"]),
        );
        t.equal(container.made.status, 0, container.made.output);
        const started = box.call(["start", container.id]);
        t.equal(started.status, 0, started.output);
        t.equal(container.state().status, "running");
      },
      { skip: only },
    );

    scenario(
      `exec needs no more than run: ${name}`,
      (t, box) => {
        const container = box.running(
          strict([...least(noNewPrivileges), ...WAITING], noNewPrivileges, edit, ["/bin/true", "wait"]),
        );
        const ids = user === "another user" ? ["--user", "1000:1000"] : [];
        const done = box.call(["exec", ...ids, ...(noNewPrivileges ? ["--no-new-privs"] : []), container.id, "/bin/true"]);
        t.equal(done.status, 0, done.output);
      },
      { skip: only },
    );
  }
}

for (const noNewPrivileges of [true, false]) {
  scenario(
    `NOTIFY: init reads the answer, and needs no more, noNewPrivileges ${noNewPrivileges}`,
    async (t, box) => {
      await withAgent(box, (socket, states) => {
        const names = [...least(noNewPrivileges), "read", "write", "close"];
        const done = box.run((config) => {
          strict(names, noNewPrivileges, () => undefined)(config);
          const { seccomp } = config.linux;
          seccomp?.syscalls?.push({ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" });
          Object.assign(seccomp ?? {}, { listenerPath: socket });
        });
        t.equal(done.status, 0, done.output);
        t.ok(waitFor(() => states().length > 0));
      });
    },
    { skip: only },
  );
}

/** Each of them runc 1.1.5 and crun do without, or get along without when it is refused. */
const REFUSED: Readonly<Record<"true" | "false", readonly string[]>> = {
  true: ["prctl", "read", "rt_sigaction", "recvmsg", "statx", "setresuid", "faccessat", "ppoll", "capget", "fchdir", "getuid"],
  false: ["statx", "setresuid", "setresgid", "faccessat", "faccessat2", "ppoll", "fstatfs", "fchdir", "recvmsg", "sendmsg"],
};

for (const noNewPrivileges of [true, false]) {
  scenario(
    `a call that is refused to the container is not missed by the runtime, noNewPrivileges ${noNewPrivileges}`,
    (t, box) => {
      for (const name of REFUSED[`${noNewPrivileges}`]) {
        const done = box.run((config) => {
          config.process.args = ["true"];
          config.process.user = { uid: 1000, gid: 1000 };
          config.process.noNewPrivileges = noNewPrivileges;
          config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: [name], action: "SCMP_ACT_ERRNO" }] };
        });
        t.equal(done.status, 0, `${name}: ${done.output}`);
      }
    },
    { skip: notFor("crun", "1.8 needs some of them") },
  );
}

scenario(
  "what the filter kills for right before the program is an error that says so",
  (t, box) => {
    for (const noNewPrivileges of [true, false]) {
      const done = box.run(strict(["capset"], noNewPrivileges, () => undefined));
      t.equal(done.status, 1);
      t.match(done.stderr, /before it could execute the program: does linux.seccomp refuse/);
    }
  },
  { skip: only },
);

scenario("no capability is left that only the filter was loaded with", (t, box) => {
  for (const uid of [0, 1000]) {
    const text = box.sh("grep -E '^(Cap|Uid|Seccomp:)' /proc/self/status", (config) => {
      config.process.user = { uid, gid: uid };
      config.process.noNewPrivileges = false;
      config.process.capabilities = { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] };
      config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }] };
    });
    t.match(text, /CapBnd:\t0000000000000020/, text);
    for (const set of ["CapPrm", "CapEff"]) {
      t.match(text, new RegExp(`${set}:\\t00000000000000${uid === 0 ? "2" : "0"}0`), `${set} ${text}`);
    }
    t.match(text, /Seccomp:\t2/);
  }
});

scenario("a container that waits has its filter already, and nothing more than it is to have", (t, box) => {
  const container = box.create((config) => {
    config.process.noNewPrivileges = false;
    config.process.capabilities = { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] };
    config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }] };
  });
  const status = readFileSync(`/proc/${container.pid}/status`, "utf8");
  t.match(status, /Seccomp:\t2/);
  t.match(status, /CapEff:\t0000000000000020/);
});
