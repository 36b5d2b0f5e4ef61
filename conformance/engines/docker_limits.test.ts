// SPDX-License-Identifier: Apache-2.0
import { waitFor } from "../harness/host.ts";
import { Docker, DOCKER_PACKAGES } from "./docker.ts";
import { engine } from "./engine.ts";

const MIB = 1 << 20;

engine("docker: limits", DOCKER_PACKAGES, (pg) => new Docker(pg), {
  "-m and --memory-reservation"(t, d) {
    d.background("memory", "-m", "100m", "--memory-reservation", "50m", "box", "sleep", "1000");
    t.equal(d.cgroup("memory", "memory/memory.limit_in_bytes"), String(100 * MIB));
    t.equal(d.cgroup("memory", "memory/memory.soft_limit_in_bytes"), String(50 * MIB));
    t.equal(
      d.must("exec", "memory", "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
      String(100 * MIB),
      "seen from inside",
    );
  },
  "update changes the memory's limit and the processor's shares of a running container"(t, d) {
    d.must("update", "-m", "150m", "--memory-swap", "-1", "--cpu-shares", "512", "memory");
    t.equal(d.cgroup("memory", "memory/memory.limit_in_bytes"), String(150 * MIB));
    t.equal(d.cgroup("memory", "cpu/cpu.shares"), "512");
    t.equal(d.inspect("memory", "{{.State.Status}}"), "running");
  },
  "update --cpus and --pids-limit leave the memory's limit alone"(t, d) {
    d.must("update", "--cpus", "0.25", "--pids-limit", "77", "memory");
    t.equal(d.cgroup("memory", "cpu/cpu.cfs_quota_us"), "25000");
    t.equal(d.cgroup("memory", "pids/pids.max"), "77");
    t.equal(d.cgroup("memory", "memory/memory.limit_in_bytes"), String(150 * MIB));
    d.remove("memory");
  },
  "--cpus, --cpu-shares, --cpuset-cpus"(t, d) {
    d.background("cpu", "--cpus", "0.5", "--cpu-shares", "256", "--cpuset-cpus", "0", "box", "sleep", "1000");
    t.equal(d.cgroup("cpu", "cpu/cpu.cfs_quota_us"), "50000");
    t.equal(d.cgroup("cpu", "cpu/cpu.cfs_period_us"), "100000");
    t.equal(d.cgroup("cpu", "cpu/cpu.shares"), "256");
    t.equal(d.cgroup("cpu", "cpuset/cpuset.cpus"), "0");
    t.match(d.must("exec", "cpu", "grep", "Cpus_allowed_list", "/proc/self/status"), /\t0$/);
    d.remove("cpu");
  },
  "--pids-limit 3: the fourth process is refused"(t, d) {
    const done = d.once(
      "--pids-limit",
      "3",
      "box",
      "sh",
      "-c",
      "cat /sys/fs/cgroup/pids/pids.max; sleep 5 & sleep 5 & sleep 5 & wait",
    );
    t.match(done.stdout, /^3\n/);
    t.match(done.stderr, /can't fork|Resource temporarily unavailable/);
  },
  "--device-write-bps"(t, d) {
    d.background("slow", "--device-write-bps", "/dev/loop0:1mb", "box", "sleep", "1000");
    t.equal(d.cgroup("slow", "blkio/blkio.throttle.write_bps_device"), `7:0 ${MIB}`);
    d.remove("slow");
  },
  "a container that takes too much memory: 137 and OOMKilled"(t, d) {
    const script = "dd if=/dev/zero of=/dev/null bs=200M count=2";
    // Whether containerd tells dockerd of the OOM killer before it tells of the end is a race of its own: one in three is enough.
    const told = [1, 2, 3].some(() => {
      const done = d.docker("run", "--network", "none", "--name", "greedy", "-m", "20m", "box", "sh", "-c", `exec ${script}`);
      t.equal(done.status, 137);
      const killed = d.inspect("greedy", "{{.State.OOMKilled}}");
      d.remove("greedy");
      return killed === "true";
    });
    t.ok(told, "OOMKilled is true");
  },
  "--oom-score-adj and --oom-kill-disable"(t, d) {
    t.equal(d.once("--oom-score-adj", "500", "box", "cat", "/proc/self/oom_score_adj").stdout, "500\n");
    d.background("spared", "-m", "50m", "--oom-kill-disable", "box", "sleep", "1000");
    t.match(d.cgroup("spared", "memory/memory.oom_control"), "oom_kill_disable 1");
    d.remove("spared");
  },
  "--ulimit"(t, d) {
    t.equal(d.once("--ulimit", "nofile=100:200", "box", "sh", "-c", "ulimit -n; ulimit -Hn").stdout, "100\n200\n");
  },
  "--shm-size"(t, d) {
    t.match(d.once("--shm-size", "3m", "box", "df", "-k", "/dev/shm").stdout, /\b3072\b/);
  },
  "--cgroup-parent"(t, d) {
    const id = d.background("nested", "--cgroup-parent", "/fleet/one", "box", "sleep", "1000");
    t.match(d.read(`/sys/fs/cgroup/memory/fleet/one/${id}/tasks`), String(d.pid("nested")));
    d.remove("nested");
  },
  "stats follow the limit"(t, d) {
    d.background("measured", "-m", "64m", "box", "sleep", "1000");
    t.match(d.must("stats", "--no-stream", "--format", "{{.MemUsage}}", "measured"), "64MiB");
    d.remove("measured");
  },
  "an update that cannot be: the message, and the former limit stays"(t, d) {
    d.background("firm", "--cpuset-cpus", "0", "box", "sleep", "1000");
    t.not(d.docker("update", "--cpuset-cpus", "4000", "firm").status, 0);
    t.equal(d.cgroup("firm", "cpuset/cpuset.cpus"), "0");
    d.remove("firm");
  },
  "an out of memory in an exec is not the end of the container"(t, d) {
    d.background("survivor", "-m", "20m", "box", "sleep", "1000");
    const done = d.docker("exec", "survivor", "dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1");
    t.equal(done.status, 137);
    t.ok(waitFor(() => d.inspect("survivor", "{{.State.Status}}") === "running", 1000));
    d.remove("survivor");
  },
});
