// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { waitFor } from "../harness/host.ts";
import { engine } from "./engine.ts";
import { Podman, PODMAN_PACKAGES } from "./podman.ts";

/** Starts a container that waits. */
function waiting(p: Podman, name: string, ...flags: string[]): void {
  p.must("run", "-d", "--name", name, "--network", "none", ...flags, "box", "sleep", "1000");
}

engine("podman containers", PODMAN_PACKAGES, (pg) => new Podman(pg), {
  "run -d, logs, wait, ps, rm"(t, p) {
    const id = p.must("run", "-d", "--name", "short", "--network", "none", "box", "sh", "-c", "echo out; echo err >&2; exit 4");
    t.match(id, /^[0-9a-f]{64}$/);
    t.equal(p.must("wait", "short"), "4");
    p.pg.streams.programWrites("err");
    const logs = p.podman("logs", "short");
    t.equal(logs.stdout, "out\n");
    t.equal(logs.stderr, "err\n");
    t.match(p.must("ps", "-a", "--format", "{{.Names}} {{.Status}}"), /short Exited \(4\)/);
    p.must("rm", "short");
    t.equal(p.must("ps", "-aq"), "");
  },
  "create, start --attach, restart"(t, p) {
    p.must("create", "--name", "made", "--network", "none", "box", "sh", "-c", "echo run; hostname >>/count; wc -l </count");
    t.equal(p.inspect("made", "{{.State.Status}}"), "created");
    t.equal(p.must("start", "--attach", "made"), "run\n1");
    t.equal(p.must("start", "--attach", "made"), "run\n2");
    waiting(p, "again");
    const before = p.pid("again");
    p.must("restart", "-t", "0", "again");
    t.not(p.pid("again"), before);
    t.equal(p.inspect("again", "{{.State.Status}}"), "running");
    p.must("rm", "-f", "-t", "0", "made", "again");
  },
  "init: starts a container that start then only lets go"(t, p) {
    p.must("create", "--name", "prepared", "--network", "none", "box", "echo", "now");
    p.must("init", "prepared");
    t.equal(p.inspect("prepared", "{{.State.Status}}"), "initialized");
    t.equal(p.must("start", "--attach", "prepared"), "now");
    p.must("rm", "prepared");
  },
  "exec: output, exit codes, user, environment, directory, stdin"(t, p) {
    waiting(p, "busy", "--env", "FROM=run");
    t.equal(p.must("exec", "busy", "sh", "-c", "echo $FROM"), "run");
    t.equal(p.podman("exec", "busy", "sh", "-c", "exit 9").status, 9);
    t.equal(
      p.must("exec", "-u", "1000:5", "-e", "A=1", "-w", "/tmp", "busy", "sh", "-c", "echo $(id -u):$(id -g) $A $PWD"),
      "1000:5 1 /tmp",
    );
    t.equal(p.run(["podman", "exec", "-i", "busy", "wc", "-c"], { input: "12345" }).stdout.trim(), "5");
    const missing = p.podman("exec", "busy", "no-such-program");
    t.equal(missing.status, 127);
    t.match(missing.stderr, /not found/);
    const directory = p.podman("exec", "busy", "/etc");
    t.equal(directory.status, 126);
    t.match(directory.stderr, /permission denied/i);
  },
  "exec shares the container's namespaces, cgroup, capabilities and seccomp filter"(t, p) {
    const look =
      "cd /proc/self/ns; readlink ipc mnt net pid uts; cat /proc/self/cgroup; grep -E '^(Cap|Seccomp:|NoNew)' /proc/self/status";
    const first = p.must(
      "run",
      "-d",
      "--name",
      "same",
      "--network",
      "none",
      "box",
      "sh",
      "-c",
      `${look.replace("readlink ipc mnt net pid uts", "for n in ipc mnt net pid uts; do readlink $n; done")}; sleep 1000`,
    );
    t.ok(first);
    const loop = look.replace("readlink ipc mnt net pid uts", "for n in ipc mnt net pid uts; do readlink $n; done");
    t.equal(p.must("exec", "same", "sh", "-c", loop), p.must("logs", "same"));
  },
  "exec -it under a terminal"(t, p) {
    const done = p.onTerminal("tty; stty size; exit 6\n", "exec", "-it", "busy", "sh");
    t.match(done.output, /\/dev\/pts\/\d/);
    t.match(done.output, /24 80/);
    t.equal(done.status, 6);
  },
  "exec -d leaves its process running"(t, p) {
    p.must("exec", "-d", "busy", "sleep", "777");
    t.ok(waitFor(() => p.must("top", "busy", "args").includes("sleep 777")));
  },
  "exec --privileged"(t, p) {
    const done = p.must("exec", "--privileged", "busy", "grep", "CapEff", "/proc/self/status");
    t.not(done, p.must("exec", "busy", "grep", "CapEff", "/proc/self/status"));
  },
  "top with the host's ps, stats"(t, p) {
    t.match(p.must("top", "busy", "pid", "args"), /1 +sleep 1000/);
    t.match(p.must("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "busy"), /^busy [12]$/);
    t.match(p.must("stats", "--no-stream", "--format", "{{.MemUsage}}", "busy"), /[1-9][\d.]*(kB|MB) \//);
  },
  "pause and unpause, with the freezer's state"(t, p) {
    const freezer = `/sys/fs/cgroup/freezer/${p.inspect("busy", "{{.State.CgroupPath}}")}/freezer.state`;
    const state = (): string => p.pg.run(["cat", freezer]).stdout.trim();
    p.must("pause", "busy");
    t.equal(state(), "FROZEN");
    t.equal(p.inspect("busy", "{{.State.Status}}"), "paused");
    t.not(p.podman("exec", "busy", "true").status, 0, "no exec into a paused container");
    p.must("unpause", "busy");
    t.equal(state(), "THAWED");
    t.equal(p.must("exec", "busy", "echo", "again"), "again");
  },
  "update changes the limits of a running container"(t, p) {
    const path = p.inspect("busy", "{{.State.CgroupPath}}");
    p.must("update", "--memory", "48m", "--cpus", "0.25", "busy");
    const read = (file: string): string => p.pg.run(["cat", `/sys/fs/cgroup/${file.replace("/", `${path}/`)}`]).stdout.trim();
    t.equal(read("memory/memory.limit_in_bytes"), String(48 << 20));
    t.equal(read("cpu/cpu.cfs_quota_us"), "25000");
    t.equal(p.must("exec", "busy", "echo", "alive"), "alive");
  },
  "kill with a signal, which a handler gets"(t, p) {
    p.must(
      "run",
      "-d",
      "--name",
      "handler",
      "--network",
      "none",
      "box",
      "sh",
      "-c",
      "trap 'echo got; exit 3' USR1; echo set; while :; do sleep 0.05; done",
    );
    t.ok(waitFor(() => p.must("logs", "handler").includes("set")));
    p.must("kill", "-s", "USR1", "handler");
    t.equal(p.must("wait", "handler"), "3");
    t.match(p.must("logs", "handler"), "got");
  },
  "stop asks first and kills then"(t, p) {
    p.must(
      "run",
      "-d",
      "--name",
      "polite",
      "--network",
      "none",
      "box",
      "sh",
      "-c",
      "trap 'exit 0' TERM; echo set; while :; do sleep 0.05; done",
    );
    t.ok(waitFor(() => p.must("logs", "polite").includes("set")));
    p.must("stop", "-t", "5", "polite");
    t.equal(p.inspect("polite", "{{.State.ExitCode}}"), "0");
    waiting(p, "deaf");
    p.must("stop", "-t", "0", "deaf");
    t.equal(p.inspect("deaf", "{{.State.ExitCode}}"), "137");
  },
  "a health check: starting, healthy, unhealthy"(t, p) {
    waiting(p, "patient", "--health-cmd", "test -e /healthy", "--health-interval", "disable", "--health-retries", "1");
    t.equal(p.podman("healthcheck", "run", "patient").status, 1);
    p.must("exec", "patient", "touch", "/healthy");
    t.equal(p.podman("healthcheck", "run", "patient").status, 0);
    t.equal(p.inspect("patient", "{{.State.Health.Status}}"), "healthy");
  },
  "cp into and out of a running container, diff, commit"(t, p) {
    p.must("cp", p.pg.archive, "busy:/tmp/box.tar");
    t.equal(p.must("exec", "busy", "sh", "-c", "tar -tf /tmp/box.tar | grep -c bin/busybox"), "1");
    p.must("cp", "busy:/etc/passwd", `${p.pg.dir}/copied`);
    t.ok(existsSync(`${p.pg.dir}/copied`));
    t.match(p.must("diff", "busy"), "A /tmp/box.tar");
    p.must("commit", "-q", "busy", "localhost/copy");
    t.equal(p.once("copy", "ls", "/tmp/box.tar").stdout, "/tmp/box.tar\n");
  },
  "attach gets the output of a running container"(t, p) {
    p.must("run", "-d", "--name", "talker", "--network", "none", "box", "sh", "-c", "sleep 1; echo spoken; exit 2");
    const done = p.podman("attach", "talker");
    t.match(done.stdout, /^spoken$/m);
    t.equal(p.must("wait", "talker"), "2");
  },
  "--restart on-failure starts it again"(t, p) {
    p.must(
      "run",
      "-d",
      "--name",
      "stubborn",
      "--network",
      "none",
      "--restart",
      "on-failure:2",
      "box",
      "sh",
      "-c",
      "echo try; exit 1",
    );
    t.ok(waitFor(() => p.must("logs", "stubborn").split("\n").length === 3));
    t.ok(waitFor(() => p.inspect("stubborn", "{{.RestartCount}}") === "2"));
  },
  "twelve containers at a time"(t, p) {
    const script = "for i in $(seq 12); do podman run --rm --network none box echo $i & done; wait";
    const numbers = p.run(["sh", "-c", script]).stdout.trim().split("\n").map(Number);
    t.same(
      numbers.sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    );
  },
  "rm --all --force leaves no container, mount or cgroup"(t, p) {
    p.must("rm", "-af", "-t", "0");
    t.equal(p.must("ps", "-aq"), "");
    const left = "find /sys/fs/cgroup -path '*libpod-*' | grep -v conmon; grep storage/overlay/ /proc/self/mountinfo; true";
    t.ok(waitFor(() => p.pg.run(["sh", "-c", left]).stdout === ""));
  },
});
