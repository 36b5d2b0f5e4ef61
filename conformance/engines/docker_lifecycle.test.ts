// SPDX-License-Identifier: Apache-2.0
import type { Test } from "tap";
import { waitFor } from "../harness/host.ts";
import { Docker, DOCKER_PACKAGES, NAME, NO_PRIVILEGES } from "./docker.ts";
import { engine } from "./engine.ts";
import { SHIM, SHIM_RUNTIME } from "./shim.ts";

engine("docker: the life of a container", DOCKER_PACKAGES, (pg) => new Docker(pg), {
  "docker info names the runtime"(t, d) {
    t.equal(d.must("info", "--format", "{{.DefaultRuntime}}"), NAME);
  },
  ...(SHIM && {
    "a runtime that daemon.json does not name: --runtime with containerd's name of the shim"(t: Test, d: Docker) {
      const done = d.once("--runtime", SHIM_RUNTIME, "box", "sh", "-c", "echo hello; exit 3");
      t.equal(done.stdout, "hello\n");
      t.equal(done.status, 3);
    },
  }),
  "run --rm prints what the container prints, and keeps nothing"(t, d) {
    const done = d.once("--name", "short", "box", "echo", "hello");
    t.equal(done.stdout, "hello\n");
    t.equal(done.stderr, "");
    t.equal(done.status, 0);
    t.not(d.docker("inspect", "short").status, 0);
  },
  "stdin of run -i reaches the program"(t, d) {
    const done = d.run(["/usr/bin/docker", "run", "--rm", "-i", "--network", "none", "box", "cat"], { input: "over\nand out\n" });
    t.equal(done.stdout, "over\nand out\n");
  },
  "the exit code of the program is that of run"(t, d) {
    t.equal(d.once("box", "sh", "-c", "exit 42").status, 42);
    t.equal(d.once("box", "sh", "-c", "sh -c 'kill -9 $$'; exit $?").status, 137);
  },
  "127 for a program that is not there, 126 for one that cannot be run"(t, d) {
    const missing = d.once("box", "no-such-program");
    t.equal(missing.status, 127);
    t.match(missing.stderr, /executable file not found in \$PATH/);
    const path = d.once("box", "/no/such/program");
    t.equal(path.status, 127);
    t.match(path.stderr, /no such file or directory/);
    const denied = d.once("box", "/etc/passwd");
    t.equal(denied.status, 126);
    t.match(denied.stderr, /permission denied/);
  },
  "run -d, ps, logs with both streams"(t, d) {
    d.pg.streams.programWrites("err");
    d.background("talker", "box", "sh", "-c", "echo out; echo err >&2; sleep 1000");
    t.equal(d.must("ps", "--filter", "name=talker", "--format", "{{.Names}}"), "talker");
    t.ok(
      waitFor(() => d.docker("logs", "talker").stderr === "err\n", 5000),
      "stderr",
    );
    t.equal(d.docker("logs", "talker").stdout, "out\n");
  },
  "exec: output, exit code, environment, user, directory, stdin"(t, d) {
    t.equal(d.must("exec", "talker", "echo", "inside"), "inside");
    t.equal(d.docker("exec", "talker", "sh", "-c", "exit 7").status, 7);
    t.equal(d.must("exec", "-e", "WHO=me", "-w", "/tmp", "talker", "sh", "-c", "echo $WHO $PWD"), "me /tmp");
    t.equal(d.must("exec", "-u", "1000:1000", "talker", "id", "-u"), "1000");
    t.equal(d.run(["/usr/bin/docker", "exec", "-i", "talker", "wc", "-c"], { input: "12345" }).stdout.trim(), "5");
  },
  "exec -d leaves the program running"(t, d) {
    d.must("exec", "-d", "talker", "sleep", "4321");
    t.match(d.must("exec", "talker", "ps"), "sleep 4321");
  },
  "exec of what is not there, and of what cannot be run"(t, d) {
    const missing = d.docker("exec", "talker", "no-such-program");
    t.match(String(missing.status), /^12[67]$/, "126 with docker 20.10, 127 with newer ones");
    t.match(missing.output, "executable file not found in $PATH");
    const denied = d.docker("exec", "talker", "/etc/passwd");
    t.equal(denied.status, 126);
    t.match(denied.output, "permission denied");
  },
  "exec --privileged has the capabilities that the container lacks"(t, d) {
    if (NO_PRIVILEGES !== false) return t.plan(0, NO_PRIVILEGES);
    const bits = (...flags: string[]): bigint =>
      BigInt(`0x${d.must("exec", ...flags, "talker", "sed", "-n", "s/CapEff:\t//p", "/proc/self/status")}`);
    const sysAdmin = 1n << 21n;
    t.equal(bits() & sysAdmin, 0n);
    t.equal(bits("--privileged") & sysAdmin, sysAdmin);
  },
  "run -it on a real terminal: its size, and what is typed"(t, d) {
    const script = "tty; until stty size 2>/dev/null | grep .; do sleep 0.1; done; echo ready; read line; echo got $line; exit 3";
    const done = d.onTerminal("typed\n", "run", "--rm", "-it", "--network", "none", "box", "sh", "-c", script);
    t.match(done.stdout, "/dev/pts/0");
    t.match(done.stdout, "24 80");
    t.match(done.stdout, "got typed");
    t.equal(done.status, 3);
  },
  "exec -it on a real terminal"(t, d) {
    const script = "tty; until stty size 2>/dev/null | grep .; do sleep 0.1; done; echo ready; read line; echo got $line; exit 4";
    const done = d.onTerminal("typed\n", "exec", "-it", "talker", "sh", "-c", script);
    t.match(done.stdout, "/dev/pts/");
    t.match(done.stdout, "24 80");
    t.match(done.stdout, "got typed");
    t.equal(done.status, 4);
  },
  "exec -t without -i has a terminal"(t, d) {
    t.match(d.must("exec", "-t", "talker", "tty"), /^\/dev\/pts\/\d/);
  },
  "top lists the processes"(t, d) {
    const table = d.must("top", "talker");
    t.match(table, /^UID +PID +PPID/);
    t.match(table, "sleep 1000");
    t.match(table, "sleep 4321");
    t.match(d.must("top", "talker", "-o", "pid,comm"), /^PID +COMMAND\n/);
  },
  "stats: memory and number of processes"(t, d) {
    const [memory = "", pids = ""] = d.must("stats", "--no-stream", "--format", "{{.MemUsage}}|{{.PIDs}}", "talker").split("|");
    t.match(memory, /^[1-9]/);
    t.ok(Number(pids) >= 2, `${pids} processes`);
  },
  "pause and unpause: the freezer says so, and exec is refused meanwhile"(t, d) {
    d.must("pause", "talker");
    t.equal(d.cgroup("talker", "freezer/freezer.state"), "FROZEN");
    t.equal(d.inspect("talker", "{{.State.Status}}"), "paused");
    t.match(d.docker("exec", "talker", "true").output, /is paused/);
    d.must("unpause", "talker");
    t.equal(d.cgroup("talker", "freezer/freezer.state"), "THAWED");
    t.equal(d.must("exec", "talker", "echo", "back"), "back");
  },
  "kill with a signal, and wait"(t, d) {
    d.background("handler", "box", "sh", "-c", "trap 'echo usr1' USR1; trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done");
    t.ok(waitFor(() => d.docker("logs", "handler").stdout === "up\n", 5000));
    d.must("kill", "-s", "USR1", "handler");
    t.ok(
      waitFor(() => d.docker("logs", "handler").stdout === "up\nusr1\n", 5000),
      "the handler ran",
    );
    d.must("kill", "-s", "TERM", "handler");
    t.equal(d.must("wait", "handler"), "5");
    d.remove("handler");
  },
  "stop: SIGTERM first, SIGKILL after the time"(t, d) {
    d.background("deaf", "box", "sleep", "1000");
    d.must("stop", "-t", "1", "deaf");
    t.equal(d.inspect("deaf", "{{.State.ExitCode}}"), "137");
    t.equal(d.inspect("deaf", "{{.State.OOMKilled}}"), "false");
  },
  "start after stop, and restart: a new first process"(t, d) {
    d.must("start", "deaf");
    const first = d.pid("deaf");
    t.ok(first > 0);
    d.must("restart", "-t", "0", "deaf");
    const second = d.pid("deaf");
    t.ok(second > 0);
    t.not(second, first);
    d.remove("deaf");
  },
  "--restart on-failure:2 starts it again twice"(t, d) {
    d.background("failing", "--restart", "on-failure:2", "box", "sh", "-c", "echo again; exit 1");
    t.ok(d.until("failing", "{{.RestartCount}} {{.State.Status}}", "2 exited", 15_000), "two restarts");
    t.equal(d.docker("logs", "failing").stdout, "again\n".repeat(3));
    d.remove("failing");
  },
  "create, start -a, commit"(t, d) {
    d.must("create", "--name", "later", "--network", "none", "box", "sh", "-c", "echo now; echo kept >/kept");
    t.equal(d.inspect("later", "{{.State.Status}}"), "created");
    t.equal(d.docker("start", "-a", "later").stdout, "now\n");
    d.must("commit", "later", "committed");
    t.equal(d.once("committed", "cat", "/kept").stdout, "kept\n");
    d.remove("later");
  },
  "--init: a process that reaps is the first"(t, d) {
    const done = d.once("--init", "box", "sh", "-c", "cat /proc/1/comm; echo $$");
    t.match(done.stdout, /^(docker-init|tini)\n[^1]/);
  },
  "a health check runs in the container"(t, d) {
    d.background("healthy", "--health-cmd", "test -e /tmp", "--health-interval", "1s", "box", "sleep", "1000");
    t.ok(d.until("healthy", "{{.State.Health.Status}}", "healthy", 15_000));
    d.remove("healthy");
  },
  "rename, and rm -f of a running container: nothing stays in the cgroups"(t, d) {
    const id = d.inspect("talker", "{{.Id}}");
    d.must("rename", "talker", "speaker");
    d.remove("speaker");
    t.equal(d.pg.run(["sh", "-c", `find /sys/fs/cgroup -name '*${id}*'`]).stdout, "");
    t.equal(d.pg.run(["sh", "-c", `ls -d /run/docker/*/*/${id} /run/containerd/*/*/${id}`]).stdout, "");
  },
  "twenty at once"(t, d) {
    const script = `for i in $(seq 20); do ${"/usr/bin/docker"} run --rm --network none box sh -c "echo $i" & done; wait`;
    const numbers = d.run(["sh", "-c", script]).stdout.trim().split("\n").map(Number);
    t.same(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    t.equal(d.must("ps", "-aq"), "");
  },
  "a restart of containerd leaves the containers running"(t, d) {
    d.background("stays", "box", "sleep", "1000");
    const pid = d.pid("stays");
    const daemon = d.pg.run(["pidof", "containerd"]).stdout.trim();
    t.match(daemon, /^\d+$/);
    d.pg.run(["kill", "-9", daemon]);
    t.ok(
      waitFor(() => d.pg.run(["pidof", "containerd"]).stdout.trim() === "", 5000),
      "it is gone",
    );
    t.match(d.read(`/proc/${pid}/comm`), "sleep");
    d.startContainerd();
    t.ok(
      waitFor(() => d.docker("exec", "stays", "echo", "still here").stdout === "still here\n", 15_000),
      "exec works again",
    );
    t.equal(d.pid("stays"), pid);
    d.remove("stays");
  },
});
