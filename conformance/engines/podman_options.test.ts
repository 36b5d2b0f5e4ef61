// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { engine } from "./engine.ts";
import { Podman, PODMAN_PACKAGES } from "./podman.ts";

const status = (...fields: string[]): string[] => ["grep", "-E", `^(${fields.join("|")}):`, "/proc/self/status"];

engine("podman run", PODMAN_PACKAGES, (pg) => new Podman(pg), {
  "run --rm: output, exit code, nothing left"(t, p) {
    const done = p.once("box", "echo", "hello");
    t.equal(done.output, "hello\n");
    t.equal(p.once("box", "sh", "-c", "exit 7").status, 7);
    t.equal(p.must("ps", "-aq"), "");
  },
  "exit codes 125, 126 and 127 with the reason"(t, p) {
    t.equal(p.once("--no-such-flag", "box").status, 125);
    const missing = p.once("box", "no-such-program");
    t.equal(missing.status, 127);
    t.match(missing.stderr, /executable file .*not found/);
    const directory = p.once("box", "/etc");
    t.equal(directory.status, 126);
    t.match(directory.stderr, /permission denied/i);
  },
  "stdin goes to the container with -i"(t, p) {
    const done = p.run(["podman", "run", "--rm", "-i", "--network", "none", "box", "tr", "a-z", "A-Z"], { input: "shout\n" });
    t.equal(done.stdout, "SHOUT\n");
  },
  "run -it under a terminal: a tty, its size, and the exit code"(t, p) {
    const done = p.onTerminal("tty; stty size; exit 5\n", "run", "--rm", "-it", "--network", "none", "box", "sh");
    t.match(done.output, /\/dev\/(pts\/0|console)/);
    t.match(done.output, /24 80/);
    t.equal(done.status, 5);
  },
  "--user by number and by name"(t, p) {
    t.match(p.once("--user", "1234:5678", "box", "id").stdout, /uid=1234\S* gid=5678/);
    t.match(p.once("--user", "user", "box", "id", "-un").stdout, "user");
    t.match(p.once("--user", "1000", "--group-add", "42", "box", "id").stdout, "42");
  },
  "--workdir, --env, --hostname"(t, p) {
    const done = p.once("-w", "/home/user", "-e", "A=b c", "--hostname", "named", "box", "sh", "-c", 'pwd; echo "$A"; hostname');
    t.equal(done.stdout, "/home/user\nb c\nnamed\n");
  },
  "--cap-drop and --cap-add"(t, p) {
    t.match(p.once("--cap-drop", "all", "box", ...status("CapEff", "CapBnd")).stdout, /CapEff:\t0{16}\nCapBnd:\t0{16}/);
    t.match(p.once("--cap-drop", "all", "--cap-add", "net_raw", "box", ...status("CapEff")).stdout, "0000000000002000");
    const plain = p.once("box", ...status("CapEff")).stdout;
    t.match(plain, /CapEff:\t00000000800405fb|CapEff:\t00000000a80425fb/);
  },
  "--security-opt no-new-privileges"(t, p) {
    t.match(p.once("--security-opt", "no-new-privileges", "box", ...status("NoNewPrivs")).stdout, "1");
  },
  "the default seccomp profile, none, and one of the user's"(t, p) {
    t.match(p.once("box", ...status("Seccomp")).stdout, "2");
    t.match(p.once("--security-opt", "seccomp=unconfined", "box", ...status("Seccomp")).stdout, "0");
    const profile = join(p.pg.dir, "no-mkdir.json");
    const rule = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 };
    writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }));
    const done = p.once("--security-opt", `seccomp=${profile}`, "box", "mkdir", "/x");
    t.equal(done.status, 1);
    t.match(done.stderr, /not supported/i);
  },
  "--read-only with --tmpfs"(t, p) {
    t.match(p.once("--read-only", "box", "touch", "/x").stderr, "Read-only file system");
    const done = p.once(
      "--read-only",
      "--tmpfs",
      "/scratch:size=1m,mode=1770",
      "box",
      "sh",
      "-c",
      "touch /scratch/x && df -k /scratch | tail -n 1; stat -c %a /scratch",
    );
    t.match(done.stdout, /tmpfs +1024 /);
    t.match(done.stdout, /^1770$/m);
  },
  "-v: read-write, read-only, and propagation"(t, p) {
    const folder = join(p.pg.dir, "volume");
    mkdirSync(join(folder, "sub"), { recursive: true });
    const found = p.once("-v", `${folder}:/v`, "box", "sh", "-c", "echo written >/v/file; grep ' /v ' /proc/self/mountinfo");
    t.equal(p.pg.run(["cat", join(folder, "file")]).stdout, "written\n");
    t.notMatch(found.stdout, /shared:|master:/);
    t.match(p.once("-v", `${folder}:/v:ro`, "box", "touch", "/v/x").stderr, "Read-only file system");
    const prepare = `mountpoint -q ${folder} || { mount --bind ${folder} ${folder} && mount --make-shared ${folder}; }`;
    t.equal(p.pg.run(["sh", "-c", prepare]).status, 0);
    const propagation = (option: string): string =>
      p.once("-v", `${folder}:/v:${option}`, "box", "grep", " /v ", "/proc/self/mountinfo").stdout;
    t.match(propagation("rshared"), /shared:/);
    const slave = propagation("rslave");
    t.match(slave, /master:/);
    t.notMatch(slave, /shared:/);
  },
  "a mount made on the host appears in a container with rslave"(t, p) {
    const folder = join(p.pg.dir, "slave");
    const script = `mkdir -p ${folder}/sub && mount --bind ${folder} ${folder} && mount --make-shared ${folder}`;
    t.equal(p.pg.run(["sh", "-c", script]).status, 0);
    p.must("run", "-d", "--name", "slave", "--network", "none", "-v", `${folder}:/v:rslave`, "box", "sleep", "1000");
    p.pg.run(["sh", "-c", `mount -t tmpfs late ${folder}/sub && echo seen >${folder}/sub/file`]);
    t.equal(p.must("exec", "slave", "cat", "/v/sub/file"), "seen");
  },
  "named volumes keep what is written, and copy what the image has"(t, p) {
    p.must("volume", "create", "kept");
    t.equal(p.once("-v", "kept:/etc", "box", "sh", "-c", "echo more >>/etc/group; wc -l </etc/group").stdout.trim(), "5");
    t.equal(p.once("-v", "kept:/v", "box", "tail", "-n", "1", "/v/group").stdout, "more\n");
  },
  "--ulimit and --sysctl"(t, p) {
    // Without a limit of its own podman asks for more processes than a root without CAP_SYS_RESOURCE may have.
    t.equal(
      p.once("--ulimit", "nofile=100:200", "--ulimit", "nproc=500:500", "box", "sh", "-c", "ulimit -Sn; ulimit -Hn").stdout,
      "100\n200\n",
    );
    t.equal(p.once("--sysctl", "net.ipv4.ip_default_ttl=33", "box", "cat", "/proc/sys/net/ipv4/ip_default_ttl").stdout, "33\n");
    t.equal(p.once("--sysctl", "kernel.msgmax=4096", "box", "cat", "/proc/sys/kernel/msgmax").stdout, "4096\n");
  },
  "--device gives a device and the right to use it; others are refused"(t, p) {
    t.equal(
      p.once("--device", "/dev/fuse:/dev/other:r", "box", "sh", "-c", "test -c /dev/other && exec 3</dev/other && echo open")
        .stdout,
      "open\n",
    );
    const refused = p.once("--cap-add", "mknod", "box", "sh", "-c", "mknod /x c 10 229 && exec 3</x");
    t.match(refused.stderr, /not permitted/i);
  },
  "--memory, --cpus, --cpu-shares, --cpuset-cpus, --pids-limit"(t, p) {
    const flags = ["--memory", "64m", "--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "20"];
    p.must("run", "-d", "--name", "limited", "--network", "none", ...flags, "box", "sleep", "1000");
    const path = p.inspect("limited", "{{.State.CgroupPath}}");
    const value = (controller: string, file: string): string =>
      p.pg.run(["cat", `/sys/fs/cgroup/${controller}/${path}/${file}`]).stdout.trim();
    t.equal(value("memory", "memory.limit_in_bytes"), String(64 << 20));
    t.equal(value("cpu", "cpu.cfs_quota_us"), "50000");
    t.equal(value("cpu", "cpu.shares"), "512");
    t.equal(value("cpuset", "cpuset.cpus"), "0");
    t.equal(value("pids", "pids.max"), "20");
  },
  "--pids-limit holds"(t, p) {
    const done = p.once("--pids-limit", "4", "box", "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 1 & done; wait");
    t.match(done.stderr, /can't fork|Resource temporarily unavailable/);
  },
  "a process that needs more than --memory is killed"(t, p) {
    // conmon does not see the event on every kernel, so OOMKilled says nothing here.
    const script = "tail /dev/zero; echo $?; grep oom_kill /sys/fs/cgroup/memory/memory.oom_control";
    p.pg.streams.programWrites("Killed");
    const done = p.once("--memory", "16m", "--memory-swap", "16m", "box", "sh", "-c", script);
    t.match(done.stdout, /^137\n/);
    t.match(done.stdout, /oom_kill 1/);
  },
  "--init: pid 1 is the init, and it reaps"(t, p) {
    const done = p.once(
      "--init",
      "box",
      "sh",
      "-c",
      "cat /proc/1/comm; sh -c 'sleep 0.1 & exit'; sleep 0.4; ps -o stat | grep -c Z",
    );
    t.match(done.stdout, /^(catatonit|podman-init)\n0\n/);
  },
  "--oom-score-adj, --shm-size, --umask"(t, p) {
    const done = p.once(
      "--oom-score-adj",
      "321",
      "--shm-size",
      "2m",
      "--umask",
      "0077",
      "box",
      "sh",
      "-c",
      "cat /proc/self/oom_score_adj; df -k /dev/shm | tail -n 1; umask",
    );
    t.match(done.stdout, /^321\n.* 2048 .*\n0077\n$/);
  },
  "--userns with --uidmap: root inside, another user outside"(t, p) {
    const maps = ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];
    const done = p.once(...maps, "box", "sh", "-c", "id -u; cat /proc/self/uid_map; stat -c %u /etc/passwd");
    t.match(done.stdout, /^0\n +0 +100000 +65536\n0\n$/);
  },
  "--pid host, --ipc host, --uts host: the engine's namespaces"(t, p) {
    const links = ["/proc/self/ns/pid", "/proc/self/ns/ipc", "/proc/self/ns/uts"];
    const outside = p.pg.run(["readlink", ...links]).stdout;
    t.equal(
      p.once(
        "--pid",
        "host",
        "--ipc",
        "host",
        "--uts",
        "host",
        "box",
        "sh",
        "-c",
        `for l in ${links.join(" ")}; do readlink $l; done`,
      ).stdout,
      outside,
    );
  },
  "--privileged: every device and capability that there is"(t, p) {
    const done = p.once(
      "--privileged",
      "box",
      "sh",
      "-c",
      "mount -t tmpfs x /tmp && ls /dev/fuse && grep Seccomp: /proc/self/status",
    );
    t.match(done.stdout, /\/dev\/fuse\nSeccomp:\t0/);
  },
  "masked and read-only paths"(t, p) {
    const done = p.once("box", "sh", "-c", "wc -c </proc/keys; ls -A /proc/scsi; echo x >/proc/sys/kernel/panic");
    t.equal(done.stdout, "0\n");
    t.match(done.stderr, "Read-only file system");
  },
});
