// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Container } from "../harness/box.ts";
import { addNamespaces, removeNamespaces } from "../harness/config.ts";
import { exec, execSh, processFile } from "../harness/exec.ts";
import {
  cgroupDirOf,
  cgroupDirsUnder,
  cgroupPathOf,
  hasController,
  isAlive,
  namespaceOf,
  PURE_V2,
  readText,
  statusField,
  tryKill,
  waitFor,
} from "../harness/host.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

const NO_FREEZER = hasController("freezer") || PURE_V2 ? false : "no freezer of cgroup v1";

scenario("stdin, stdout, stderr and the exit status are the process's", (t, box) => {
  const container = box.running();
  const done = exec(box, container, ["sh", "-c", "cat; echo err >&2; exit 7"], [], { input: "typed\n" });
  t.equal(done.status, 7);
  t.equal(done.stdout, "typed\n");
  t.equal(done.stderr, "err\n");
  t.equal(exec(box, container, ["true"]).status, 0);
  t.equal(exec(box, container, ["sh", "-c", "kill -9 $$"]).status, 137, "128 and the signal");
});

scenario("the container's namespaces, cgroups, root and hostname", async (t, box) => {
  const container = box.running((config) => {
    addNamespaces(config, "cgroup");
    config.hostname = "inside";
  });
  t.equal(execSh(box, container, "hostname"), "inside\n");
  t.match(execSh(box, container, "ps -o pid,args"), /^ +1 sleep 1000$/m);
  const running = box.begin(["exec", container.id, "sleep", "500"]);
  const pid = findChild(container, "sleep\n");
  for (const name of ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user"]) {
    t.equal(namespaceOf(pid, name), namespaceOf(container.pid, name), name);
  }
  for (const controller of ["pids", "memory", "devices", "name=systemd", ""]) {
    t.equal(cgroupPathOf(pid, controller), cgroupPathOf(container.pid, controller), `cgroup ${controller}`);
  }
  tryKill(pid);
  t.equal((await running.ended).status, 137);
});

/** The process of the container, not its first, of that name. */
function findChild(container: Container, comm: string): number {
  let found = 0;
  const folder = cgroupDirOf(container.pid, "pids");
  const seen = waitFor(() => {
    for (const line of readText(join(folder, "cgroup.procs")).split("\n")) {
      const pid = Number(line);
      if (pid > 0 && pid !== container.pid && readText(`/proc/${pid}/comm`) === comm) found = pid;
    }
    return found !== 0;
  });
  if (!seen) throw new Error(`no process ${comm} in the container`);
  return found;
}

scenario("what config.json says of the process holds, but for its args and terminal", (t, box) => {
  const container = box.running((config) => {
    config.process.cwd = "/home/user";
    config.process.env = ["PATH=/bin", "KEY=config"];
    config.process.user = { uid: 1000, gid: 1000, additionalGids: [5] };
    config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 60, hard: 60 }];
    config.process.oomScoreAdj = 321;
  });
  const text = execSh(
    box,
    container,
    "pwd; echo $KEY; id -u; id -g; id -G; ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj",
  );
  t.equal(text, "/home/user\nconfig\n1000\n1000\n1000 5\n60\n60\n321\n");
  t.match(execSh(box, container, "cat /proc/self/status"), /^NoNewPrivs:\t1$/m);
});

scenario(
  "the umask of config.json",
  (t, box) => {
    const container = box.running((config) => {
      config.process.user.umask = 0o027;
    });
    t.equal(execSh(box, container, "umask"), "0027\n");
    const file = processFile(box, { args: ["sh", "-c", "umask"] });
    t.equal(box.call(["exec", "--process", file, container.id]).stdout, "0027\n");
  },
  { skip: notFor("runc", "1.1.5 ignores it in exec") },
);

scenario(
  "--cwd, --env, --user, --additional-gids",
  (t, box) => {
    const container = box.running((config) => {
      config.process.env = ["PATH=/bin", "KEY=config"];
    });
    const flags = [
      "--cwd",
      "/tmp",
      "--env",
      "KEY=flag",
      "-e",
      "OTHER=a,b",
      "--user",
      "1000:1001",
      "-g",
      "5",
      "--additional-gids",
      "7",
    ];
    t.equal(
      execSh(box, container, "pwd; echo $KEY $OTHER; id -u; id -g; id -G; echo $HOME", flags),
      "/tmp\nflag a,b\n1000\n1001\n1001 5 7\n/home/user\n",
    );
    t.equal(execSh(box, container, "id -u; id -g", ["--user", "1000"]), "1000\n0\n");
    for (const user of ["x", "1000:", "1000x", "-5", ":5", "1000:5:6", "4294967295"]) {
      const done = exec(box, container, ["true"], [`--user=${user}`]);
      t.equal(done.status, 255, user);
      t.match(done.stderr, /exec failed: .*bad (uid|gid)/, user);
    }
  },
  { skip: notFor("runc", "1.1.5 splits --env at commas and takes some wrong users") },
);

scenario("--cap adds a capability to the bounding, effective and permitted set, not to the inheritable one", (t, box) => {
  const container = box.running();
  const text = execSh(box, container, "grep Cap /proc/self/status", ["--cap", "CAP_SYS_ADMIN", "--cap", "CAP_CHOWN"]);
  t.equal(
    text,
    "CapInh:\t0000000000000000\nCapPrm:\t0000000020200421\nCapEff:\t0000000020200421\nCapBnd:\t0000000020200421\nCapAmb:\t0000000000000000\n",
  );
  t.match(execSh(box, container, "grep CapBnd /proc/self/status"), "0000000020000420");
  const unknown = exec(box, container, ["true"], ["--cap", "CAP_BOGUS"]);
  t.equal(unknown.status, 0, unknown.stderr);
  t.match(unknown.stderr, /level=warning msg=.*CAP_BOGUS/);
});

scenario("--no-new-privs", (t, box) => {
  const container = box.running((config) => {
    config.process.noNewPrivileges = false;
  });
  t.match(execSh(box, container, "grep NoNewPrivs /proc/self/status"), "0");
  t.match(execSh(box, container, "grep NoNewPrivs /proc/self/status", ["--no-new-privs"]), "1");
});

scenario("options end at the container's id", (t, box) => {
  const container = box.running();
  t.equal(exec(box, container, ["echo", "--tty", "-x", "--", "-d"]).stdout, "--tty -x -- -d\n");
  t.equal(box.call(["exec", "--", container.id, "echo", "a"]).stdout, "a\n");
});

scenario("--process: a file with the whole process", (t, box) => {
  const container = box.running((config) => {
    config.process.env = ["PATH=/bin", "KEY=config"];
  });
  const file = processFile(box, {
    args: ["sh", "-c", "pwd; echo [$KEY] $OWN; id -u; grep -E 'CapBnd|NoNewPrivs' /proc/self/status"],
    cwd: "/tmp",
    env: ["PATH=/bin", "OWN=file"],
    user: { uid: 1000, gid: 1000 },
  });
  const done = box.call(["exec", "--process", file, container.id]);
  t.equal(done.stderr, "");
  t.equal(
    done.stdout,
    "/tmp\n[] file\n1000\nCapBnd:\t0000000020000420\nNoNewPrivs:\t0\n",
    "what it leaves open is the container's, but for noNewPrivileges",
  );
  const none = processFile(box, {
    args: ["sh", "-c", "grep CapBnd /proc/self/status; ulimit -Sn"],
    capabilities: {},
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 20, hard: 20 }],
  });
  t.equal(box.call(["exec", "-p", none, container.id]).stdout, "CapBnd:\t0000000000000000\n20\n");
});

scenario("--detach and --pid-file", (t, box) => {
  const container = box.running();
  const pidFile = box.path("pid");
  const done = exec(box, container, ["sleep", "600"], ["--detach", "--pid-file", pidFile]);
  t.equal(done.status, 0, done.output);
  const text = readFileSync(pidFile, "utf8");
  t.match(text, /^\d+$/, "without a newline");
  const pid = Number(text);
  t.ok(
    waitFor(() => readText(`/proc/${pid}/comm`) === "sleep\n"),
    "runc may return a little before it",
  );
  t.equal(namespaceOf(pid, "pid"), namespaceOf(container.pid, "pid"));
  tryKill(pid);
  t.ok(waitFor(() => !isAlive(pid)));
});

scenario("--preserve-fds", (t, box) => {
  const container = box.running();
  const file = box.file("from outside\n");
  const wrap = ["bash", "-c", `exec 3<${file} 4<${file}; exec "$@"`, "bash"];
  const done = exec(box, container, ["sh", "-c", "cat <&3; ls /proc/self/fd | tr '\\n' ' '"], ["--preserve-fds", "1"], { wrap });
  t.match(done.stdout, /^from outside\n0 1 2 3 (4 )?$/, done.stderr);
  const missing = exec(box, container, ["true"], ["--preserve-fds", "5"]);
  t.equal(missing.status, 255);
  t.match(missing.stderr, "unable to stat preserved-fd");
});

scenario("in a container that was created, and not started", (t, box) => {
  const container = box.create(() => undefined);
  t.equal(execSh(box, container, "echo in; hostname"), "in\nrunc\n".replace("runc", readHostname(container)));
  t.equal(container.state().status, "created");
});

function readHostname({ bundle }: Container): string {
  return (JSON.parse(readFileSync(join(bundle.dir, "config.json"), "utf8")) as { hostname: string }).hostname;
}

scenario(
  "a change of the bundle's config.json after create changes nothing",
  (t, box) => {
    const container = box.running((config) => {
      config.process.env = ["PATH=/bin", "KEY=before"];
    });
    container.bundle.write("{}");
    t.equal(execSh(box, container, "echo $KEY"), "before\n");
  },
  { skip: notFor("runc", "reads the bundle again") },
);

scenario("in a user namespace", (t, box) => {
  const container = box.running((config) => {
    addNamespaces(config, "user");
    const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
    config.process.oomScoreAdj = 200;
  });
  const text = execSh(box, container, "id -u; cat /proc/self/uid_map /proc/self/oom_score_adj", ["--user", "1000:1000"]);
  t.match(text, /^1000\n +0 +100000 +65536\n200\n$/);
  const done = exec(box, container, ["sleep", "600"], ["-d", "--pid-file", `${box.dir}/pid`]);
  t.equal(done.status, 0, done.stderr);
  const pid = Number(readFileSync(`${box.dir}/pid`, "utf8"));
  t.equal(namespaceOf(pid, "user"), namespaceOf(container.pid, "user"));
  t.match(statusField(pid, "Uid"), /^100000\b/);
  tryKill(pid);
});

scenario("in the namespaces that the container has joined, or shares with the host", (t, box) => {
  const first = box.running();
  const container = box.running((config) => {
    removeNamespaces(config, "pid", "network", "ipc", "uts");
    config.linux.namespaces.push({ type: "pid", path: `/proc/${first.pid}/ns/pid` });
    delete config.hostname;
    delete config.linux.sysctl;
  });
  const link = (name: string): string => execSh(box, container, `readlink /proc/self/ns/${name}`).trim();
  t.equal(link("pid"), namespaceOf(first.pid, "pid"));
  t.equal(link("net"), namespaceOf("self", "net"));
  t.equal(link("mnt"), namespaceOf(container.pid, "mnt"));
});

scenario(
  "in a time namespace",
  (t, box) => {
    const container = box.running((config) => {
      addNamespaces(config, "time");
      config.linux.timeOffsets = { boottime: { secs: 1_000_000 } };
    });
    t.ok(Number(execSh(box, container, "cut -d. -f1 /proc/uptime")) > 1_000_000);
  },
  { skip: notFor("runc", "1.1 knows no time namespaces") },
);

scenario(
  "without a mount namespace the root is the container's all the same",
  (t, box) => {
    const container = box.running((config) => {
      removeNamespaces(config, "mount");
      config.mounts = [];
      config.root.readonly = false;
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    });
    t.equal(execSh(box, container, "ls /home"), "user\n");
  },
  { skip: notFor("runc", "leaves the process in the host's root") },
);

scenario("the session keyring is the container's", (t, box) => {
  const container = box.running((config) => {
    config.linux.maskedPaths = [];
  });
  const keys = execSh(box, container, "cat /proc/keys");
  t.equal(keys.split("\n").filter((line) => line.includes(`_ses.${container.id}`)).length, 1, keys);
});

scenario(
  "--cgroup: below the container's",
  (t, box) => {
    const container = box.running();
    const made: string[] = [];
    const add = (controller: string, name: string): void => {
      const path = join(cgroupDirOf(container.pid, controller), name);
      mkdirSync(path);
      made.push(path);
    };
    add("pids", "sub");
    add("memory", "other");
    try {
      const text = execSh(box, container, "cat /proc/self/cgroup", ["--cgroup", "pids:sub", "--cgroup", "memory:other"]);
      t.match(text, /:pids:.*\/sub$/m);
      t.match(text, /:memory:.*\/other$/m);
      t.match(text, new RegExp(`:devices:${cgroupPathOf(container.pid, "devices") ?? "?"}$`, "m"));
      const refused: readonly [string[], RegExp][] = [
        [["--cgroup", "pids:../.."], /bad sub cgroup path/],
        [["--cgroup", "pids:sub", "--cgroup", "pids:x"], /controller pids specified multiple times/],
        [["--cgroup", "sub", "--cgroup", "pids:x"], /missing <controller>: prefix/],
        [["--cgroup", ":x"], /empty <controller> prefix/],
        [["--cgroup", "bogus:x"], /unknown controller bogus/],
        [["--cgroup", "pids:none"], /none/],
      ];
      for (const [flags, words] of refused) {
        const done = exec(box, container, ["true"], flags);
        t.equal(done.status, 255, flags.join(" "));
        if (IS_RUNT) t.match(done.stderr, words, flags.join(" "));
      }
    } finally {
      for (const path of made) waitFor(() => removed(path));
    }
  },
  { skip: PURE_V2 && "cgroup v2 has one hierarchy" },
);

scenario("--cgroup: one path for every hierarchy", (t, box) => {
  const container = box.running((config) => removeNamespaces(config, "cgroup"));
  const lines = (text: string): string[] =>
    text
      .split("\n")
      .filter((line) => line.includes(box.cgroup))
      .sort();
  const before = lines(readText(`/proc/${container.pid}/cgroup`));
  const made = cgroupDirsUnder(cgroupPathOf(container.pid, "pids") ?? "").map((path) => join(path, "sub"));
  for (const path of made) {
    mkdirSync(path);
    // A new cpuset has nothing, and takes no process then.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (existsSync(join(path, file))) writeFileSync(join(path, file), readText(join(path, "..", file)));
    }
  }
  try {
    const after = lines(execSh(box, container, "cat /proc/self/cgroup", ["--cgroup", "sub"]));
    t.same(
      after,
      before.map((line) => `${line}/sub`),
    );
    t.equal(before.length > (PURE_V2 ? 0 : 3), true);
  } finally {
    for (const path of made) waitFor(() => removed(path));
  }
});

function removed(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

scenario("a stopped or missing container", (t, box) => {
  const container = box.create((config) => {
    config.process.args = ["true"];
  });
  container.finish();
  const done = exec(box, container, ["true"]);
  t.equal(done.status, 255);
  t.match(done.stderr, "exec failed: cannot exec in a stopped container");
  const missing = box.call(["exec", `${box.marker}-none`, "true"]);
  t.equal(missing.status, 255);
  t.match(missing.stderr, "exec failed: container does not exist");
});

scenario(
  "a paused container, and --ignore-paused",
  async (t, box) => {
    const container = box.running();
    const [file, on, off] = PURE_V2 ? ["cgroup.freeze", "1", "0"] : ["freezer.state", "FROZEN", "THAWED"];
    const state = join(cgroupDirOf(container.pid, "freezer"), file);
    writeFileSync(state, on);
    const thaw = (): void => writeFileSync(state, off);
    box.atClose(() => container.state().status === "stopped" || thaw());
    t.ok(waitFor(() => container.state().status === "paused"));
    const done = exec(box, container, ["true"]);
    t.equal(done.status, 255);
    t.match(done.stderr, "cannot exec in a paused container (use --ignore-paused to override)");
    const running = box.begin(["exec", "--ignore-paused", container.id, "echo", "resumed"]);
    const first = await Promise.race([running.ended, new Promise((settle) => setTimeout(settle, 400, "waits"))]);
    t.equal(first, "waits", "until the container is resumed");
    thaw();
    const ended = await running.ended;
    t.equal(ended.status, 0, ended.stderr);
    t.equal(ended.stdout, "resumed\n");
  },
  { skip: NO_FREEZER },
);

scenario("in the foreground signals go to the process", async (t, box) => {
  const container = box.running();
  const running = box.begin([
    "exec",
    container.id,
    "sh",
    "-c",
    "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
  ]);
  t.ok(waitFor(() => readText(running.stdoutPath) === "ready\n"));
  running.child.kill("SIGTERM");
  const done = await running.ended;
  t.equal(done.status, 3, done.output);
  t.equal(done.stdout, "ready\ngot\n");
});

scenario("the end of the container is the end of the process", async (t, box) => {
  const container = box.running();
  const running = box.begin(["exec", container.id, "sh", "-c", "echo ready; sleep 100"]);
  t.ok(waitFor(() => readText(running.stdoutPath) === "ready\n"));
  container.kill("KILL");
  t.equal((await running.ended).status, 137);
});
