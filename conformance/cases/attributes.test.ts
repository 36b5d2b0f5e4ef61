// SPDX-License-Identifier: Apache-2.0
/** What the kernel knows of a process besides its ids; looked at from inside and from outside. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { machine } from "node:os";
import { join } from "node:path";
import { scenario, type Box, type Bundle, type Container, type Edit } from "../harness/box.ts";
import { exec } from "../harness/exec.ts";
import { helper } from "../harness/helpers.ts";
import { cgroupMounts, cgroupValue, hasController, readText } from "../harness/host.ts";
import { IS_RUNT, notFor, runtOnly, type Result } from "../harness/runtime.ts";

const RUNC_1_1 = notFor("runc", "since 1.2");
const NEWER = runtOnly("came after the version of Debian 12");
const NO_NUMA = existsSync("/proc/self/numa_maps") ? false : "the kernel has no NUMA";
/** With group scheduling of real time, which cgroup v1 has, a cgroup without a share of its own runs nothing in real time. */
const NO_SHARES =
  hasController("cpu") && existsSync(join(cgroupMounts().get("cpu") ?? "", "cpu.rt_runtime_us"))
    ? false
    : "this kernel does not share out real time by cgroups";
const SELINUX = existsSync("/sys/fs/selinux/enforce");
const APPARMOR =
  existsSync("/sys/module/apparmor/parameters/enabled") && readText("/sys/module/apparmor/parameters/enabled").startsWith("Y");

function host(program: string, ...args: string[]): string {
  const done = spawnSync(program, args, { encoding: "utf8" });
  return done.stdout + done.stderr;
}

/** A process of the container that `exec` made: its pid on the host. */
function execPid(box: Box, container: Container): number {
  const pidFile = box.path("pid");
  const done = exec(box, container, ["sleep", "500"], ["--detach", "--pid-file", pidFile]);
  if (done.status !== 0) throw new Error(done.output);
  return Number(readText(pidFile));
}

/** Both kinds of processes that a container can have; the second for the first container of a box only, as it is slow. */
function pids(box: Box, edit: Edit): readonly (readonly [string, number])[] {
  const first = box.ids().length === 0;
  const container = box.running(edit);
  return [["init", container.pid], ...(first ? [["exec", execPid(box, container)] as const] : [])];
}

scenario(
  "scheduler: each policy that every host can have",
  (t, box) => {
    for (const [scheduler, shown] of [
      [{ policy: "SCHED_OTHER", nice: 7 }, /SCHED_OTHER/],
      [{ policy: "SCHED_BATCH", nice: -3 }, /SCHED_BATCH/],
      [{ policy: "SCHED_IDLE" }, /SCHED_IDLE/],
    ] as const) {
      for (const [who, pid] of pids(box, (config) => void (config.process.scheduler = scheduler))) {
        t.match(host("chrt", "-p", String(pid)), shown, `${scheduler.policy} of ${who}`);
        if (!("nice" in scheduler)) continue;
        t.equal(host("ps", "-o", "ni=", "-p", String(pid)).trim(), String(scheduler.nice), `nice of ${who}`);
      }
    }
  },
  { skip: NEWER, proves: ["process.scheduler.policy", "process.scheduler.nice"] },
);

/** Gives the cgroup above the box's containers 10 ms of each second, of which they can have theirs. */
function shareRealTime(box: Box): void {
  if (NO_SHARES !== false) return;
  const parent = join(cgroupMounts().get("cpu") ?? "", box.cgroup);
  mkdirSync(parent);
  writeFileSync(join(parent, "cpu.rt_runtime_us"), "10000");
}

scenario(
  "scheduler: real time, with its priority and a flag",
  (t, box) => {
    shareRealTime(box);
    for (const [scheduler, shown] of [
      [{ policy: "SCHED_FIFO", priority: 5 }, /SCHED_FIFO\n.*priority: 5\n/],
      [
        { policy: "SCHED_RR", priority: 9, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
        /SCHED_RR\|SCHED_RESET_ON_FORK\n.*priority: 9\n/,
      ],
    ] as const) {
      const edit: Edit = (config) => {
        config.process.scheduler = scheduler;
        config.linux.resources = { ...config.linux.resources, cpu: { realtimeRuntime: 1000, realtimePeriod: 1_000_000 } };
      };
      for (const [who, pid] of pids(box, edit)) t.match(host("chrt", "-p", String(pid)), shown, who);
    }
  },
  {
    skip: NEWER,
    proves: ["process.scheduler.policy", "process.scheduler.priority", "process.scheduler.flags"],
  },
);

scenario(
  "cpu: realtimeRuntime and realtimePeriod let the container's processes run in real time",
  (t, box) => {
    shareRealTime(box);
    const container = box.running((config) => {
      config.linux.resources = { ...config.linux.resources, cpu: { realtimeRuntime: 2000, realtimePeriod: 500_000 } };
    });
    t.equal(cgroupValue(container.pid, "cpu", "cpu.rt_runtime_us"), "2000");
    t.equal(cgroupValue(container.pid, "cpu", "cpu.rt_period_us"), "500000");
    host("chrt", "--fifo", "--pid", "3", String(container.pid));
    t.match(host("chrt", "-p", String(container.pid)), /SCHED_FIFO\n.*priority: 3\n/);
  },
  { skip: NO_SHARES, proves: ["linux.resources.cpu.realtimeRuntime", "linux.resources.cpu.realtimePeriod"] },
);

scenario(
  "scheduler: SCHED_DEADLINE, with its times and flags",
  (t, box) => {
    const done = box.create((config) => {
      config.process.args = ["sleep", "500"];
      config.process.scheduler = {
        policy: "SCHED_DEADLINE",
        flags: ["SCHED_FLAG_RESET_ON_FORK"],
        runtime: 1_000_000,
        deadline: 20_000_000,
        period: 40_000_000,
      };
    });
    const shown = host("chrt", "-p", String(done.pid));
    t.match(shown, /SCHED_DEADLINE\|SCHED_RESET_ON_FORK/);
    t.match(shown, /parameters: 1000000\/20000000\/40000000/);
  },
  {
    skip: NEWER,
    proves: [
      "process.scheduler.policy",
      "process.scheduler.flags",
      "process.scheduler.runtime",
      "process.scheduler.deadline",
      "process.scheduler.period",
    ],
  },
);

scenario(
  "scheduler: flags of SCHED_DEADLINE, and those that keep what is there",
  (t, box) => {
    const deadline = { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 20_000_000, period: 40_000_000 };
    for (const [scheduler, flags] of [
      [{ ...deadline, flags: ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"] }, 0x06],
      [{ policy: "SCHED_BATCH", nice: 2, flags: ["SCHED_FLAG_KEEP_POLICY"] }, 0],
      [{ policy: "SCHED_OTHER", nice: 3, flags: ["SCHED_FLAG_KEEP_PARAMS"] }, 0],
    ] as const) {
      const made = box.create((config) => void (config.process.scheduler = { ...scheduler, flags: [...scheduler.flags] }));
      const [policy, flagsSeen, nice] = host(helper("helpers/sched.c"), String(made.pid)).split(" ").map(Number);
      t.equal(flagsSeen, flags, scheduler.flags.join());
      if (scheduler.policy === "SCHED_DEADLINE") t.equal(policy, 6);
      else {
        t.equal(policy, 0, "the policy is still SCHED_OTHER");
        t.equal(nice, scheduler.policy === "SCHED_BATCH" ? 2 : 0, scheduler.flags.join());
      }
    }
  },
  { skip: NEWER, proves: ["process.scheduler.flags"] },
);

scenario(
  "scheduler: what the kernel refuses names the property, and leaves nothing",
  (t, box) => {
    const done = box.tryCreate(
      box.bundle((config) => {
        // In the right order, but longer than sched_deadline_period_max_us, which no rule knows.
        config.process.scheduler = { policy: "SCHED_DEADLINE", runtime: 1e6, deadline: 1e13, period: 1e13 };
      }),
    );
    t.equal(done.status, 1);
    t.match(done.stderr, /process\.scheduler: .*invalid argument/);
    t.same(box.leftovers(), []);
  },
  { skip: NEWER },
);

scenario(
  "ioPriority: each class",
  (t, box) => {
    for (const [ioPriority, shown] of [
      [{ class: "IOPRIO_CLASS_RT", priority: 1 }, "realtime: prio 1"],
      [{ class: "IOPRIO_CLASS_BE", priority: 6 }, "best-effort: prio 6"],
      [{ class: "IOPRIO_CLASS_BE" }, "best-effort: prio 0"],
      [{ class: "IOPRIO_CLASS_IDLE" }, "idle"],
    ] as const) {
      for (const [who, pid] of pids(box, (config) => void (config.process.ioPriority = ioPriority))) {
        t.equal(host("ionice", "-p", String(pid)).trim(), shown, who);
      }
    }
  },
  { skip: NEWER, proves: ["process.ioPriority"] },
);

scenario(
  "personality: LINUX and LINUX32",
  (t, box) => {
    for (const [domain, bits] of [
      ["LINUX32", "00000008"],
      ["LINUX", "00000000"],
    ] as const) {
      for (const [who, pid] of pids(box, (config) => void (config.linux.personality = { domain }))) {
        t.equal(readText(`/proc/${pid}/personality`).trim(), bits, `${domain} of ${who}`);
      }
    }
    const uname = box.sh("uname -m", (config) => void (config.linux.personality = { domain: "LINUX32" }));
    if (machine() === "x86_64") t.equal(uname, "i686\n");
  },
  { skip: RUNC_1_1, proves: ["linux.personality.domain"] },
);

scenario(
  "personality: an unknown domain is an error, an unknown flag a warning",
  (t, box) => {
    const done = box.run((config) => void (config.linux.personality = { domain: "LINUX64" }));
    t.equal(done.status, 1);
    t.match(done.stderr, /personality.*domain/);
    const odd = box.run((config) => {
      config.linux.personality = { domain: "LINUX", flags: ["ODD"] };
      config.process.args = ["true"];
    });
    t.equal(odd.status, 0, odd.stderr);
    t.match(odd.stderr, /personality.*ODD/);
  },
  { skip: runtOnly("accepts or refuses both"), proves: ["linux.personality.flags"] },
);

scenario(
  "memoryPolicy: modes and flags",
  (t, box) => {
    for (const [memoryPolicy, shown] of [
      [{ mode: "MPOL_BIND", nodes: "0" }, "bind:0"],
      [{ mode: "MPOL_INTERLEAVE", nodes: "0" }, "interleave:0"],
      [{ mode: "MPOL_PREFERRED", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] }, "prefer=static:0"],
      [{ mode: "MPOL_PREFERRED_MANY", nodes: "0", flags: ["MPOL_F_RELATIVE_NODES"] }, "prefer (many)=relative:0"],
      [{ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NUMA_BALANCING"] }, "bind=balancing:0"],
      [{ mode: "MPOL_LOCAL" }, "local"],
      [{ mode: "MPOL_DEFAULT" }, "default"],
    ] as const) {
      const edit: Edit = (config) =>
        void (config.linux.memoryPolicy = { ...memoryPolicy, flags: [...("flags" in memoryPolicy ? memoryPolicy.flags : [])] });
      for (const [who, pid] of pids(box, edit)) {
        const policies = readText(`/proc/${pid}/numa_maps`);
        t.ok(policies.includes(` ${shown} `), `${shown} of ${who}: ${policies.split("\n")[0] ?? ""}`);
      }
    }
  },
  { skip: NEWER || NO_NUMA, proves: ["linux.memoryPolicy"] },
);

scenario(
  "memoryPolicy: a node that the host lacks names the property, and leaves nothing",
  (t, box) => {
    const done = box.tryCreate(box.bundle((config) => void (config.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "1023" })));
    t.equal(done.status, 1);
    t.match(done.stderr, /linux\.memoryPolicy: /);
    t.same(box.leftovers(), []);
  },
  { skip: NEWER },
);

scenario(
  "selinuxLabel and mountLabel are ignored where SELinux is off, and --debug says so",
  (t, box) => {
    const label = "system_u:object_r:container_file_t:s0:c1,c2";
    const bundle = box.bundle((config) => {
      config.process.args = ["grep", " /dev ", "/proc/mounts"];
      config.process.selinuxLabel = "system_u:system_r:container_t:s0:c1,c2";
      config.linux.mountLabel = label;
    });
    const done = box.call(["--debug", "run", "--bundle", bundle.dir, box.id()]);
    t.equal(done.status, 0, done.stderr);
    t.notMatch(done.stdout, /context/);
    t.match(done.stderr, /process\.selinuxLabel: ignored/);
    t.match(done.stderr, /linux\.mountLabel: ignored/);
  },
  { skip: SELINUX ? "SELinux is on" : notFor("runc", "refuses the label") || notFor("crun", "1.8 writes it all the same") },
);

const LABELS = {
  process: "system_u:system_r:container_t:s0:c1,c2",
  files: "system_u:object_r:container_file_t:s0:c1,c2",
  others: "system_u:object_r:container_file_t:s0:c3,c4",
};

/** A bundle whose root has the label of the container's files, as engines give it. */
function labelled(box: Box, edit: Edit): Bundle {
  const bundle = box.bundle((config) => {
    config.process.selinuxLabel = LABELS.process;
    config.linux.mountLabel = LABELS.files;
    edit(config);
  });
  host("chcon", "-R", LABELS.files, bundle.rootfs);
  return bundle;
}

scenario(
  "selinuxLabel and mountLabel are those of the process and of its mounts",
  (t, box) => {
    const script =
      "cat /proc/self/attr/current; echo; grep -E ' (/dev|/dev/shm) ' /proc/mounts; echo text > /dev/shm/file; cat /dev/shm/file";
    const bundle = labelled(box, (config) => void (config.process.args = ["sh", "-c", script]));
    const done = box.call(["run", "--bundle", bundle.dir, box.id()]);
    // The kernel ends it with a NUL.
    t.match(done.stdout, `${LABELS.process}\0`, done.stderr);
    t.equal(done.stdout.split(`context="${LABELS.files}"`).length, 3, "both mounts");
    t.match(done.stdout, /^text$/m);
  },
  { skip: SELINUX ? false : "SELinux is not in force on this host", proves: ["process.selinuxLabel", "linux.mountLabel"] },
);

scenario(
  "selinuxLabel: exec has it, or its own, and what has other categories is not readable",
  (t, box) => {
    const own = box.folder("own");
    const others = box.folder("others");
    for (const [folder, label] of [
      [own, LABELS.files],
      [others, LABELS.others],
    ] as const) {
      writeFileSync(join(folder, "file"), "text");
      host("chcon", "-R", label, folder);
    }
    const bundle = labelled(box, (config) => {
      config.process.args = ["sleep", "1000"];
      config.mounts.push({ destination: "/own", type: "bind", source: own, options: ["rbind"] });
      config.mounts.push({ destination: "/others", type: "bind", source: others, options: ["rbind"] });
    });
    const id = box.id();
    const made = box.call(["run", "--detach", "--bundle", bundle.dir, id]);
    t.equal(made.status, 0, made.stderr);
    t.match(box.call(["exec", id, "cat", "/proc/self/attr/current"]).stdout, LABELS.process);
    const label = (categories: string): string => LABELS.process.replace("c1,c2", categories);
    const execAs = (domain: string): Result =>
      box.call(["exec", "--process-label", domain, id, "cat", "/proc/self/attr/current"]);
    t.match(execAs(label("c1,c2,c5")).stdout, label("c1,c2,c5"));
    t.not(execAs(label("c3,c4")).status, 0, "the container's own program is not for these categories");
    t.equal(box.call(["exec", id, "cat", "/own/file"]).stdout, "text");
    const denied = box.call(["exec", id, "cat", "/others/file"]);
    t.equal(denied.status, 1);
    t.match(denied.stderr, /Permission denied/);
  },
  { skip: SELINUX ? false : "SELinux is not in force on this host" },
);

scenario(
  "selinuxLabel: one that the policy does not know is an error that names it, and nothing is left",
  (t, box) => {
    const done = box.tryCreate(labelled(box, (config) => void (config.process.selinuxLabel = "system_u:system_r:no_such_t:s0")));
    t.not(done.status, 0);
    if (IS_RUNT) t.match(done.output, /process\.selinuxLabel/);
    t.same(box.leftovers(), []);
  },
  { skip: SELINUX ? false : "SELinux is not in force on this host" },
);

scenario(
  "apparmorProfile is the profile of the process",
  (t, box) => {
    const out = box.sh("cat /proc/self/attr/current", (config) => void (config.process.apparmorProfile = "unconfined"));
    t.match(out, /^unconfined/);
    const done = box.run((config) => void (config.process.apparmorProfile = "no-such-profile"));
    t.not(done.status, 0);
    t.match(done.output, IS_RUNT ? /apparmor.*no-such-profile/is : /attr.*exec/);
  },
  { skip: APPARMOR ? false : "AppArmor is off on this host", proves: ["process.apparmorProfile"] },
);

scenario(
  "apparmorProfile is refused where AppArmor is off, for exec too, and nothing is left",
  (t, box) => {
    const done = box.tryCreate(box.bundle((config) => void (config.process.apparmorProfile = "docker-default")));
    t.equal(done.status, 1);
    t.match(done.stderr, /apparmor/i);
    t.same(box.leftovers(), []);
    const container = box.running();
    const denied = exec(box, container, ["true"], ["--apparmor", "docker-default"]);
    t.equal(denied.status, 255);
    t.match(denied.stderr, /apparmor/i);
  },
  { skip: APPARMOR ? "AppArmor is on" : notFor("crun", "ignores the profile") },
);

scenario(
  "session keyring: a new one with the container's name, or the caller's with --no-new-keyring",
  (t, box) => {
    const keys = (flags: readonly string[]): readonly [string, string] => {
      const container = box.create((config) => {
        config.linux.maskedPaths = [];
        config.process.args = ["cat", "/proc/keys"];
      }, flags);
      return [container.id, container.finish()];
    };
    const [id, own] = keys([]);
    const rings = own.split("\n").filter((line) => line.includes("keyring") && line.includes(`_ses.${id}`));
    t.equal(rings.length, 1, own);
    // All rights of who possesses it; its user may view, read and search it.
    t.match(rings[0] ?? "", / 3f1[0-9a-f]0000 /);
    const [other, inherited] = keys(["--no-new-keyring"]);
    t.notMatch(inherited, new RegExp(`_ses\\.${other}`));
  },
  { skip: existsSync("/proc/keys") ? false : "the kernel shows no keys" },
);
