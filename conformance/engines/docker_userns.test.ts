// SPDX-License-Identifier: Apache-2.0
import { Docker, DOCKER_PACKAGES } from "./docker.ts";
import { engine } from "./engine.ts";
import type { Playground } from "./playground.ts";

/** dockerd whose containers have the ids 500000 and up; the files are those of the playground. */
function remapped(pg: Playground): Docker {
  const add = `echo remap:x:7777:7777::/:/bin/false >>/etc/passwd; echo remap:x:7777: >>/etc/group
    for f in /etc/subuid /etc/subgid; do echo remap:500000:65536 >>$f; done`;
  pg.run(["sh", "-c", add]);
  return new Docker(pg, ["--userns-remap", "remap"]);
}

engine("docker: userns-remap", DOCKER_PACKAGES, remapped, {
  "root of the container is nobody outside"(t, d) {
    d.background("mapped", "box", "sleep", "1000");
    t.match(d.must("exec", "mapped", "cat", "/proc/self/uid_map"), /^\s*0\s+500000\s+65536$/);
    t.match(d.read(`/proc/${d.pid("mapped")}/status`), /^Uid:\t500000\t/m);
    t.equal(d.must("exec", "mapped", "id", "-u"), "0");
  },
  "it has its capabilities there, and not over the host"(t, d) {
    t.equal(d.must("exec", "mapped", "sh", "-c", "touch /f && chown 1000 /f && stat -c %u /f"), "1000");
    t.not(d.docker("exec", "mapped", "sh", "-c", "echo 1 >/proc/sys/kernel/panic").status, 0);
  },
  "exec as a user, and on a terminal"(t, d) {
    t.equal(d.must("exec", "-u", "1000", "mapped", "id", "-u"), "1000");
    t.match(d.must("exec", "-t", "mapped", "tty"), "/dev/pts/");
    d.remove("mapped");
  },
  "limits, tmpfs and volumes work as ever"(t, d) {
    const done = d.once(
      "-m",
      "50m",
      "--tmpfs",
      "/t",
      "-v",
      "vol:/v",
      "box",
      "sh",
      "-c",
      "touch /t/x /v/x && cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
    );
    t.equal(done.stdout, `${50 << 20}\n`, done.stderr);
  },
  "the bridge"(t, d) {
    t.match(d.must("run", "--rm", "box", "ip", "-4", "addr", "show", "eth0"), "inet 172.");
  },
  "--userns host takes one container out"(t, d) {
    t.match(d.once("--userns", "host", "box", "cat", "/proc/self/uid_map").stdout, /^\s*0\s+0\s+4294967295$/m);
  },
});
