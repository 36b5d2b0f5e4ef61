// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { scenario, type Box, type Container } from "../harness/box.ts";
import { exec, execSh, processFile } from "../harness/exec.ts";
import { helper } from "../harness/helpers.ts";
import { cgroupDirOf, readText, waitFor } from "../harness/host.ts";
import { IS_RUNT, needs, notFor, runtOnly } from "../harness/runtime.ts";

/** Nothing but the container's first process is in its cgroup. */
function isAlone(container: Container): boolean {
  return waitFor(() => readText(join(cgroupDirOf(container.pid, "pids"), "cgroup.procs")) === `${container.pid}\n`, 3000);
}

scenario("a program that is missing, or cannot be executed", (t, box) => {
  const container = box.running((config) => {
    config.process.env = ["PATH=/bin"];
  });
  const cases: readonly [string, RegExp][] = [
    ["nope", /exec failed: unable to start container process: .*exec: \\?"nope\\?": executable file not found in \$PATH/],
    [
      "/bin/nope",
      /exec failed: unable to start container process: .*exec: \\?"\/bin\/nope\\?": stat \/bin\/nope: no such file or directory/,
    ],
    ["/etc/passwd", /permission denied/],
    ["/etc", /permission denied|is a directory/],
  ];
  const pidFile = box.path("pid");
  for (const [program, words] of cases) {
    for (const flags of [[], ["--detach"]]) {
      const done = exec(box, container, [program], ["--pid-file", pidFile, ...flags]);
      t.equal(done.status, 255, program);
      t.match(done.stderr, words, program);
      t.equal(readText(pidFile), "", "there is no pid file");
    }
  }
  t.ok(isAlone(container));
});

scenario("a directory that is missing", (t, box) => {
  const container = box.running();
  const done = exec(box, container, ["true"], ["--cwd", "/none"]);
  t.equal(done.status, 255);
  t.match(done.stderr, /chdir to cwd \(\\?"\/none\\?"\) set in config.json failed: no such file or directory/);
  t.equal(exec(box, container, ["true"], ["--cwd", "relative"]).status, 255);
  t.ok(isAlone(container));
});

scenario("no command", (t, box) => {
  const container = box.running();
  const done = exec(box, container, []);
  t.equal(done.status, 255);
  t.match(done.stderr, /exec failed: (exec|process) args cannot be empty/);
});

scenario(
  "a process file that is wrong: every problem at once, with its line and pointer",
  (t, box) => {
    const container = box.running();
    const file = processFile(
      box,
      '{\n  "args": [],\n  "cwd": "tmp",\n  "env": ["x"],\n  "user": {"uid": -1},\n  "rlimits": [{"type": "RLIMIT_BOGUS", "soft": 1, "hard": 1}],\n  "execCPUAffinity": {"initial": "3-1"}\n}',
    );
    const done = box.call(["exec", "--process", file, container.id]);
    t.equal(done.status, 255);
    for (const words of [
      /:2:\d+: \/args: /,
      /:3:\d+: \/cwd: /,
      /:4:\d+: \/env\/0: /,
      /:5:\d+: \/user\/uid: /,
      /:6:\d+: \/rlimits\/0\/type: /,
      /:7:\d+: \/execCPUAffinity\/initial: /,
    ]) {
      t.match(done.stderr, words);
    }
    for (const text of ["", "[]", "null", "3", '{"args": ["true"]', '{"args": ["true"], "cwd": "/"} x']) {
      const other = box.call(["exec", "--process", processFile(box, text), container.id]);
      t.equal(other.status, 255, text);
      t.match(other.stderr, /exec failed: .*process\.json/, text);
    }
    t.equal(box.call(["exec", "--process", "/no/such/file", container.id]).status, 255);
    t.ok(isAlone(container));
  },
  { skip: runtOnly("tells the first problem, without its place") },
);

scenario("an id that the user namespace does not map", (t, box) => {
  const container = box.running((config) => {
    config.linux.namespaces.push({ type: "user" });
    const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
  });
  const done = exec(box, container, ["true"], ["--user", "5000"]);
  t.equal(done.status, 255);
  t.match(done.stderr, /cannot set uid to unmapped user in user namespace/);
  t.ok(isAlone(container));
});

scenario("a pid file that cannot be written", (t, box) => {
  const container = box.running();
  const done = exec(box, container, ["sleep", "100"], ["--pid-file", "/no/such/folder/pid", "--detach"]);
  t.equal(done.status, 255);
  t.match(done.stderr, /\/no\/such\/folder/);
  t.ok(isAlone(container), "the process is gone");
});

scenario(
  "a runtime that is killed while its exec waits leaves no process in the container",
  async (t, box) => {
    const container = box.running();
    const state = join(cgroupDirOf(container.pid, "freezer"), "freezer.state");
    writeFileSync(state, "FROZEN");
    const running = box.begin(["exec", "--ignore-paused", container.id, "sleep", "700"]);
    t.ok(
      waitFor(() => readText(join(cgroupDirOf(container.pid, "freezer"), "tasks")).split("\n").length > 2),
      "it has come to the cgroup",
    );
    running.child.kill("SIGKILL");
    await running.ended;
    writeFileSync(state, "THAWED");
    t.ok(isAlone(container));
  },
  { skip: notFor("runc", "its exec goes on") },
);

scenario(
  "a limit of processes that is used up",
  (t, box) => {
    const container = box.running((config) => {
      config.linux.resources = { ...config.linux.resources, pids: { limit: 1 } };
    });
    const done = exec(box, container, ["true"]);
    t.equal(done.status, 255, "there is no place for one more process");
    t.match(done.stderr, /resource temporarily unavailable/i);
    t.ok(isAlone(container));
  },
  { skip: notFor("runc", "its threads need a larger limit") },
);

scenario(
  "--pidfd-socket gets a pidfd of the process, and which kind of process it is",
  async (t, box) => {
    const sent = async (kind: string, start: (flags: readonly string[]) => number): Promise<void> => {
      const socket = box.path(`${kind}.sock`);
      const receiver = spawn(helper("helpers/pidfd.c"), [socket], { stdio: ["ignore", "pipe", "inherit"] });
      box.atClose(() => receiver.kill("SIGKILL"));
      let said = "";
      receiver.stdout.on("data", (data: Buffer) => (said += data.toString()));
      const until = async (words: RegExp): Promise<boolean> => {
        for (let tries = 0; tries < 200 && !words.test(said); tries += 1) await new Promise((settle) => setTimeout(settle, 20));
        return words.test(said);
      };
      t.ok(await until(/ready/), said);
      const pid = start(kind === "annotated" ? [socket] : ["--pidfd-socket", socket]);
      t.ok(await until(/^pid \d+$/m), said);
      t.match(said, `\ntext ${kind === "annotated" ? "standard" : kind}\npid ${pid}\n`);
    };
    await sent("standard", (flags) => box.create(() => undefined, flags).pid);
    if (IS_RUNT) {
      // crun's, in the place of the option.
      await sent("annotated", ([socket = ""]) => {
        return box.create((config) => void (config.annotations = { "run.oci.pidfd_receiver": socket })).pid;
      });
      const nowhere = box.tryCreate(
        box.bundle((config) => void (config.annotations = { "run.oci.pidfd_receiver": "none.sock" })),
      );
      t.equal(nowhere.status, 1);
      t.match(nowhere.stderr, /annotation run\.oci\.pidfd_receiver: .*\/none\.sock: (no such file|it is not there)/);
    }
    const container = box.running();
    const pidFile = box.path("pid");
    await sent("setns", (flags) => {
      const done = exec(box, container, ["sleep", "0.5"], [...flags, "--detach", "--pid-file", pidFile]);
      t.equal(done.status, 0, done.output);
      return Number(readFileSync(pidFile, "utf8"));
    });
  },
  { skip: notFor("runc", "1.1.5 has no such option") },
);

scenario(
  "many at once",
  async (t, box) => {
    const container = box.running();
    const all = Array.from({ length: 12 }, (_, index) => box.begin(["exec", container.id, "sh", "-c", `exit ${index}`]));
    const statuses = await Promise.all(all.map(async ({ ended }) => (await ended).status));
    t.same(
      statuses,
      statuses.map((_, index) => index),
    );
    t.ok(isAlone(container));
  },
  { skip: needs("pidfd_open", "there are no pidfds") },
);

/** CPUs that this process may run on, as the kernel lists them. */
function allowed(text: string): string {
  return /^Cpus_allowed_list:\t(.*)$/m.exec(text)?.[1] ?? "";
}

scenario(
  "process.execCPUAffinity",
  (t, box) => {
    const affinity = (box: Box, list: { initial?: string; final?: string }): string => {
      const container = box.running((config) => {
        config.process.execCPUAffinity = list;
      });
      return allowed(execSh(box, container, "cat /proc/self/status"));
    };
    const own = allowed(readText("/proc/self/status"));
    t.equal(affinity(box, { final: "0" }), "0");
    const wide = allowed(execSh(box, box.running(), "cat /proc/self/status"));
    const [major = 0, minor = 0] = release().split(".").map(Number);
    const forgets = major < 6 || (major === 6 && minor < 2);
    t.equal(affinity(box, { initial: "0" }), forgets ? wide : "0", "kernels before 6.2 forget it at the cgroup");
    t.equal(affinity(box, { initial: "0", final: "0" }), "0");
    t.equal(affinity(box, { final: "0,2000" }), "0", "CPUs that are not there are left out");
    t.not(own, "");
    const container = box.running();
    const file = processFile(box, { args: ["sh", "-c", "cat /proc/self/status"], execCPUAffinity: { final: "0" } });
    t.equal(allowed(box.call(["exec", "--process", file, container.id]).stdout), "0");
    const refused = box.tryCreate(
      box.bundle((config) => {
        config.process.execCPUAffinity = { initial: "x" };
      }),
    );
    t.equal(refused.status, 1);
    t.match(refused.stderr, "/process/execCPUAffinity/initial");
    const none = exec(
      box,
      box.running((config) => {
        config.process.execCPUAffinity = { final: "60000" };
      }),
      ["true"],
    );
    t.equal(none.status, 255);
    t.match(none.stderr, "process.execCPUAffinity.final");
  },
  { skip: notFor("runc", "1.1 knows no CPU affinity"), proves: ["process.execCPUAffinity"] },
);

scenario(
  "the runtime's own CPU affinity is not the process's",
  (t, box) => {
    const container = box.running();
    const wide = allowed(execSh(box, container, "cat /proc/self/status"));
    const done = exec(box, container, ["cat", "/proc/self/status"], [], { wrap: ["taskset", "-c", "0"] });
    t.equal(allowed(done.stdout), wide);
  },
  { skip: notFor("runc", "1.1.5 hands it on") },
);
