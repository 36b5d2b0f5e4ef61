// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Docker, DOCKER_PACKAGES, NO_PRIVILEGES } from "./docker.ts";
import { engine } from "./engine.ts";

const CAP = { CHOWN: 0n, NET_ADMIN: 12n, SYS_ADMIN: 21n, SYS_TIME: 25n };

/** Whether the container's first process has a capability. */
function has(d: Docker, capability: keyof typeof CAP, ...flags: string[]): boolean {
  const done = d.once(...flags, "box", "sed", "-n", "s/CapEff:\t//p", "/proc/self/status");
  if (done.status !== 0) throw new Error(done.output);
  return ((BigInt(`0x${done.stdout.trim()}`) >> CAP[capability]) & 1n) === 1n;
}

engine("docker: security", DOCKER_PACKAGES, (pg) => new Docker(pg), {
  "--cap-add and --cap-drop"(t, d) {
    t.notOk(has(d, "SYS_TIME"), "not by default");
    t.ok(has(d, "SYS_TIME", "--cap-add", "SYS_TIME"));
    t.ok(has(d, "CHOWN"), "by default");
    t.notOk(has(d, "CHOWN", "--cap-drop", "CHOWN"));
    t.equal(d.once("--cap-drop", "CHOWN", "box", "chown", "1", "/tmp").status, 1);
  },
  "--cap-drop ALL leaves none, in any set"(t, d) {
    const { stdout } = d.once("--cap-drop", "ALL", "box", "grep", "Cap", "/proc/self/status");
    t.same(stdout.match(/\t[0-9a-f]{16}$/gm), Array(5).fill(`\t${"0".repeat(16)}`));
  },
  "the default seccomp profile is in force, and unconfined is not"(t, d) {
    const mode = (...flags: string[]): string =>
      d.once(...flags, "box", "sed", "-n", "s/^Seccomp:\t//p", "/proc/self/status").stdout;
    t.equal(mode(), "2\n");
    t.equal(mode("--security-opt", "seccomp=unconfined"), "0\n");
    t.match(d.once("box", "unshare", "-m", "true").stderr, /Operation not permitted/);
  },
  "a seccomp profile of one's own"(t, d) {
    const profile = join(d.pg.dir, "profile.json");
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }];
    writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls }));
    const done = d.once("--security-opt", `seccomp=${profile}`, "box", "mkdir", "/new");
    t.equal(done.status, 1);
    t.match(done.stderr, "No space left on device");
  },
  "--security-opt no-new-privileges"(t, d) {
    t.match(d.once("--security-opt", "no-new-privileges", "box", "grep", "NoNewPrivs", "/proc/self/status").stdout, /\t1\n/);
    t.match(d.once("box", "grep", "NoNewPrivs", "/proc/self/status").stdout, /\t0\n/);
  },
  "--read-only, with --tmpfs for what is written"(t, d) {
    d.pg.streams.programWrites("touch: /x: Read-only file system");
    const done = d.once(
      "--read-only",
      "--tmpfs",
      "/scratch:size=1m,mode=1777",
      "box",
      "sh",
      "-c",
      "touch /x; touch /scratch/x && df -k /scratch",
    );
    t.match(done.stderr, "Read-only file system");
    t.match(done.stdout, /\b1024\b/);
  },
  "--user by number and by name, --group-add"(t, d) {
    t.equal(d.once("--user", "1000:1000", "box", "sh", "-c", "id -u; id -g").stdout, "1000\n1000\n");
    t.equal(d.once("--user", "user", "box", "id", "-un").stdout, "user\n");
    t.match(d.once("--user", "1000", "--group-add", "42", "box", "id", "-G").stdout, /\b42\b/);
    const unknown = d.once("--user", "nobody-knows", "box", "true");
    t.equal(unknown.status, 125);
    t.match(unknown.stderr, "unable to find user");
  },
  "masked and read-only paths of /proc"(t, d) {
    const done = d.once("box", "sh", "-c", "wc -c </proc/timer_list; ls /proc/acpi; echo 1 >/proc/sys/kernel/domainname");
    t.equal(done.stdout, "0\n");
    t.match(done.stderr, "Read-only file system");
  },
  "--privileged: /sys is writable, devices are there, no seccomp"(t, d) {
    if (NO_PRIVILEGES !== false) return t.plan(0, NO_PRIVILEGES);
    const script = "mount | grep -E ' /sys type' ; sed -n 's/^Seccomp:\t//p' /proc/self/status; ls /dev/loop-control";
    const done = d.once("--privileged", "box", "sh", "-c", script);
    t.match(done.stdout, /sysfs \(rw/);
    t.match(done.stdout, /^0$/m);
    t.match(done.stdout, "/dev/loop-control");
  },
  "--device, and its permissions"(t, d) {
    const done = d.once(
      "--device",
      "/dev/loop0:/dev/other:r",
      "box",
      "sh",
      "-c",
      "test -b /dev/other && echo block; : >>/dev/other",
    );
    t.equal(done.stdout, "block\n");
    t.match(done.stderr, /Operation not permitted|Permission denied/);
    t.match(d.once("box", "sh", "-c", "mknod /x b 7 0 && cat /x").stderr, /Operation not permitted/);
  },
  "--device-cgroup-rule"(t, d) {
    const read = "mknod /x c 10 229 && (: </x) && echo opened";
    t.not(d.once("box", "sh", "-c", read).stdout, "opened\n");
    t.equal(d.once("--device-cgroup-rule", "c 10:229 rwm", "box", "sh", "-c", read).stdout, "opened\n");
    t.equal(d.once("--device-cgroup-rule", "c *:* rwm", "box", "sh", "-c", read).stdout, "opened\n");
    t.equal(d.once("--device-cgroup-rule", "b *:* r", "box", "true").status, 0);
  },
  "--sysctl"(t, d) {
    t.equal(d.once("--sysctl", "net.ipv4.ip_default_ttl=33", "box", "cat", "/proc/sys/net/ipv4/ip_default_ttl").stdout, "33\n");
  },
  "--hostname, --domainname, --add-host, --dns"(t, d) {
    const script = "hostname; cat /etc/hosts /etc/resolv.conf; cat /proc/sys/kernel/domainname";
    const done = d.docker(
      "run",
      "--rm",
      "--hostname",
      "named",
      "--domainname",
      "in.here",
      "--add-host",
      "far:10.1.2.3",
      "--dns",
      "10.9.9.9",
      "box",
      "sh",
      "-c",
      script,
    );
    t.match(done.stdout, /^named/);
    t.match(done.stdout, /^10\.1\.2\.3\sfar$/m);
    t.match(done.stdout, /^nameserver 10\.9\.9\.9$/m);
    t.match(done.stdout, /^in\.here$/m);
  },
  "--pid and --ipc and --uts of the host, and of another container"(t, d) {
    const host = (name: string): string => d.pg.run(["readlink", `/proc/1/ns/${name}`]).stdout;
    const inside = (name: string, ...flags: string[]): string =>
      d.once(...flags, "box", "readlink", `/proc/self/ns/${name}`).stdout;
    for (const name of ["pid", "ipc", "uts"]) {
      t.equal(inside(name, `--${name}`, "host"), host(name), `${name} of the host`);
      t.not(inside(name), host(name), `${name} of its own`);
    }
    d.background("sharing", "--ipc", "shareable", "box", "sleep", "1000");
    t.match(d.once("--pid", "container:sharing", "box", "ps").stdout, "sleep 1000");
    t.equal(inside("ipc", "--ipc", "container:sharing"), `${d.must("exec", "sharing", "readlink", "/proc/self/ns/ipc")}\n`);
    d.remove("sharing");
  },
  "a container in the host's pid namespace ends with all its processes"(t, d) {
    d.background("visible", "--pid", "host", "box", "sh", "-c", "sleep 7654 & sleep 7654");
    t.match(d.pg.run(["ps", "-eo", "args"]).stdout, "sleep 7654");
    d.remove("visible");
    t.notMatch(d.pg.run(["ps", "-eo", "args"]).stdout, "sleep 7654");
  },
  "environment, --env-file, --workdir, --entrypoint, labels"(t, d) {
    const file = join(d.pg.dir, "env");
    writeFileSync(file, "FROM_FILE=yes\n");
    const done = d.once(
      "-e",
      "A=b c",
      "--env-file",
      file,
      "-w",
      "/made/here",
      "--entrypoint",
      "/bin/sh",
      "box",
      "-c",
      "echo $A $FROM_FILE $PWD",
    );
    t.equal(done.stdout, "b c yes /made/here\n");
  },
  "--cgroupns host and private"(t, d) {
    t.equal(d.once("--cgroupns", "private", "box", "sed", "-n", "s/^[0-9]*:memory://p", "/proc/self/cgroup").stdout, "/\n");
    t.match(d.once("--cgroupns", "host", "box", "sed", "-n", "s/^[0-9]*:memory://p", "/proc/self/cgroup").stdout, /^\/docker\//);
  },
  "no descriptor of the engine is open in the container"(t, d) {
    // The fourth is that of the directory that ls reads.
    t.equal(d.once("box", "ls", "/proc/self/fd").stdout, "0\n1\n2\n3\n");
  },
});
