// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { RUNTIME } from "../harness/runtime.ts";
import { Ctr, CTR_PACKAGES, RUNTIME_FLAGS } from "./ctr.ts";
import { engine } from "./engine.ts";
import { whyNoCheckpoint } from "./playground.ts";
import { SHIM, SHIM_ROOT } from "./shim.ts";

const MANY = 50;

engine("containerd with ctr", CTR_PACKAGES, (pg) => new Ctr(pg), {
  "run --rm: the output, the exit code, nothing left"(t, c) {
    const done = c.start(["--rm"], "short", "echo", "hello");
    t.equal(done.stdout, "hello\n");
    t.equal(done.status, 0);
    t.equal(c.start(["--rm"], "seven", "sh", "-c", "exit 7").status, 7);
    t.equal(c.must("container", "ls", "-q"), "");
  },
  "run of a program that is not there names it"(t, c) {
    const done = c.start(["--rm"], "missing", "no-such-program");
    t.not(done.status, 0);
    t.match(done.output, /no-such-program.*executable file not found in \$PATH/);
  },
  "a --runc-binary that is not there is named"(t, c) {
    if (SHIM) return t.plan(0, "the shim is the runtime");
    const done = c.ctr("run", "--rm", "--runc-binary", "/no/such/runtime", "localhost/box:latest", "none", "true");
    t.not(done.status, 0);
    t.match(done.output, "/no/such/runtime");
  },
  "run -d, task ls, task ps"(t, c) {
    c.background("long", "sleep", "1000");
    t.equal(c.status("long"), "RUNNING");
    t.match(c.must("task", "ps", "long"), new RegExp(`^${c.pid("long")}\\b`, "m"));
  },
  "task exec: output, exit code, directory, user, stdin"(t, c) {
    const exec = (id: string, ...words: string[]): string => c.must("task", "exec", "--exec-id", id, ...words);
    t.equal(exec("e1", "long", "echo", "inside"), "inside");
    t.equal(c.ctr("task", "exec", "--exec-id", "e2", "long", "sh", "-c", "exit 9").status, 9);
    t.equal(exec("e3", "--cwd", "/tmp", "long", "pwd"), "/tmp");
    t.equal(exec("e4", "--user", "1000:1000", "long", "id", "-u"), "1000");
    t.equal(c.call(["task", "exec", "--exec-id", "e5", "long", "cat"], { input: "through" }).stdout, "through");
  },
  "task exec of a program that is not there"(t, c) {
    const done = c.ctr("task", "exec", "--exec-id", "e6", "long", "no-such-program");
    t.not(done.status, 0);
    t.match(done.output, /executable file not found in \$PATH/);
    t.equal(c.must("task", "exec", "--exec-id", "e6", "long", "echo", "the id is free again"), "the id is free again");
  },
  "task exec -t has a terminal"(t, c) {
    const words = `${c.words} task exec -t --exec-id e7 long sh -c 'tty; until stty size 2>/dev/null | grep .; do sleep 0.1; done; exit 5'`;
    const done = c.pg.run(["script", "-qec", `stty rows 24 cols 80; ${words}`, "/dev/null"]);
    t.match(done.stdout, "/dev/pts/");
    t.match(done.stdout, "24 80");
    t.equal(done.status, 5);
  },
  "run -t has a terminal"(t, c) {
    const words = `${c.words} run --rm -t ${RUNTIME_FLAGS.join(" ")} localhost/box:latest tty sh -c 'tty; exit 6'`;
    const done = c.pg.run(["script", "-qec", words, "/dev/null"]);
    t.match(done.stdout, /\/dev\/(pts\/0|console)/);
    t.equal(done.status, 6);
  },
  "task pause and resume"(t, c) {
    c.must("task", "pause", "long");
    t.equal(c.status("long"), "PAUSED");
    t.equal(c.pg.run(["cat", "/sys/fs/cgroup/freezer/default/long/freezer.state"]).stdout, "FROZEN\n");
    t.not(c.ctr("task", "exec", "--exec-id", "e8", "long", "true").status, 0, "exec is refused");
    c.must("task", "resume", "long");
    t.equal(c.status("long"), "RUNNING");
    t.equal(c.must("task", "exec", "--exec-id", "e9", "long", "echo", "back"), "back");
  },
  "task metrics come from the container's cgroup"(t, c) {
    const metrics = c.must("task", "metrics", "long");
    t.match(metrics, /memory\.usage_in_bytes +[1-9]/);
    t.match(metrics, /pids\.current +1\b/);
  },
  "limits: --memory-limit and --cpus"(t, c) {
    const limits = ["--memory-limit", String(64 << 20), "--cpus", "0.5"];
    const script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us";
    const mount = ["--mount", "type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro:nosuid"];
    t.equal(c.start(["--rm", ...limits, ...mount], "limited", "sh", "-c", script).stdout, `${64 << 20}\n50000\n`);
  },
  "--read-only, --mount, --env, --cwd"(t, c) {
    const flags = ["--rm", "--read-only", "--env", "A=b", "--cwd", "/tmp"];
    flags.push("--mount", "type=tmpfs,src=tmpfs,dst=/var,options=mode=1777");
    c.pg.streams.programWrites("touch: /tmp/x: Read-only file system");
    const done = c.start(flags, "options", "sh", "-c", "echo $A $PWD; touch /tmp/x; touch /var/x && echo written");
    t.equal(done.stdout, "b /tmp\nwritten\n");
    t.match(done.stderr, "Read-only file system");
  },
  "--privileged, --cap-add, --seccomp"(t, c) {
    const status = (field: string, ...flags: string[]): string =>
      c.start(["--rm", ...flags], "status", "sed", "-n", `s/^${field}:\t//p`, "/proc/self/status").stdout.trim();
    t.equal(status("Seccomp", "--seccomp"), "2");
    t.equal(status("Seccomp"), "0");
    t.equal((BigInt(`0x${status("CapEff")}`) >> 25n) & 1n, 0n);
    t.equal((BigInt(`0x${status("CapEff", "--cap-add", "CAP_SYS_TIME")}`) >> 25n) & 1n, 1n);
  },
  "--net-host and --with-ns"(t, c) {
    const outside = c.pg.run(["readlink", "/proc/self/ns/net"]).stdout;
    t.equal(c.start(["--rm", "--net-host"], "net", "readlink", "/proc/self/ns/net").stdout, outside);
    const path = `/proc/${c.pid("long")}/ns/uts`;
    t.equal(
      c.start(["--rm", "--with-ns", `uts:${path}`], "joined", "readlink", "/proc/self/ns/uts").stdout,
      c.pg.run(["readlink", path]).stdout,
    );
  },
  "task kill with a signal; the exit code; task delete"(t, c) {
    c.must("task", "kill", "-s", "SIGKILL", "long");
    t.ok(waitFor(() => c.status("long") === "STOPPED", 5000));
    t.match(c.ctr("task", "delete", "long").output, "exit code 137");
    c.must("container", "rm", "long");
  },
  "kill --all ends every process"(t, c) {
    c.background("family", "sh", "-c", "trap '' TERM; sleep 1001 & sleep 1002");
    t.ok(waitFor(() => c.pg.run(["ps", "-eo", "args"]).stdout.includes("sleep 1001"), 5000));
    c.must("task", "kill", "-a", "-s", "SIGKILL", "family");
    t.ok(waitFor(() => c.status("family") === "STOPPED", 5000));
    t.notMatch(c.pg.run(["ps", "-eo", "args"]).stdout, /sleep 100[12]/);
    c.remove("family");
  },
  "task checkpoint --exit ends the container and writes its image"(t, c) {
    const why = whyNoCheckpoint(c.pg);
    if (why !== undefined) return t.plan(0, why);
    c.background("frozen", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.1; done");
    const path = join(c.pg.dir, "checkpoint");
    const done = c.ctr("task", "checkpoint", "--exit", "--image-path", path, "frozen");
    t.equal(done.status, 0, done.output);
    t.ok(waitFor(() => c.status("frozen") === "STOPPED", 5000));
    t.match(c.pg.run(["ls", path]).stdout, "inventory.img");
    c.remove("frozen");
  },
  "run --config-file: a bundle's config.json as it is"(t, c) {
    const config = join(c.pg.dir, "config.json");
    const spec = {
      ociVersion: "1.0.2",
      process: { user: { uid: 0, gid: 0 }, args: ["cat", "/proc/sys/kernel/hostname"], env: ["PATH=/bin"], cwd: "/" },
      root: { path: c.pg.rootfs },
      hostname: "by-hand",
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
      linux: { namespaces: ["pid", "uts", "mount", "ipc"].map((type) => ({ type })) },
    };
    writeFileSync(config, JSON.stringify(spec));
    const done = c.ctr("run", "--rm", ...RUNTIME_FLAGS, "--config", config, "hand");
    t.equal(done.stdout, "by-hand\n", done.stderr);
  },
  "the state of the runtime lies in the root that options name"(t, c) {
    const root = join(c.pg.dir, "state");
    // ctr has the flag for containerd's own shim alone; others get a file of settings.
    const settings = join(c.pg.dir, "settings.toml");
    writeFileSync(settings, `Root = "${root}"\n`);
    const flags = SHIM ? ["--runtime-config-path", settings] : ["--runc-root", root];
    const done = c.start(["-d", ...flags], "elsewhere", "sleep", "1000");
    t.equal(done.status, 0, done.stderr);
    t.match(c.pg.run([RUNTIME, "--root", `${root}/default`, "list", "-q"]).stdout, /^elsewhere$/m);
    c.remove("elsewhere");
    t.equal(c.pg.run([RUNTIME, "--root", `${root}/default`, "list", "-q"]).stdout, "");
  },
  "a restart of containerd leaves the containers running"(t, c) {
    c.background("stays", "sleep", "1000");
    const pid = c.pid("stays");
    c.pg.run(["kill", "-9", c.pg.run(["pidof", "containerd"]).stdout.trim()]);
    t.ok(
      waitFor(() => c.pg.run(["pidof", "containerd"]).stdout === "", 5000),
      "it is gone",
    );
    t.equal(c.pg.run(["cat", `/proc/${pid}/comm`]).stdout, "sleep\n");
    c.startDaemon();
    t.equal(c.pid("stays"), pid);
    t.equal(c.must("task", "exec", "--exec-id", "after", "stays", "echo", "still here"), "still here");
    c.remove("stays");
  },
  [`${MANY} containers at once, then removed: nothing left`](t, c) {
    const each = (words: string): string => `for i in $(seq ${MANY}); do { ${words}; } & done; wait`;
    const all = { timeout: 55_000 };
    const started = c.pg.run(["sh", "-c", each(`${c.runWords} many$i sleep 1000 || echo failed $i`)], all);
    t.equal(started.output, "");
    t.equal(c.must("task", "ls").match(/RUNNING/g)?.length, MANY);
    const remove = `${c.words} task rm -f many$i >/dev/null; ${c.words} container rm many$i || echo failed $i`;
    t.notMatch(c.pg.run(["sh", "-c", each(remove)], all).stdout, "failed");
    t.equal(c.must("task", "ls", "-q"), "");
    t.equal(c.must("container", "ls", "-q"), "");
    const looks = {
      cgroups: "find /sys/fs/cgroup -path '*/default/*' -type d",
      mounts: "grep many /proc/mounts",
      processes: "pgrep -f '[c]ontainerd-shim|[s]leep 1000'",
      states: `find /run/containerd -name 'many*'; ls -A ${SHIM ? SHIM_ROOT : "/run/containerd/runc"}/default | grep -v '^@' | grep .`,
    };
    for (const [what, look] of Object.entries(looks))
      t.ok(
        waitFor(() => c.pg.run(["sh", "-c", look]).stdout === "", 5000),
        `no ${what}`,
      );
  },
});
