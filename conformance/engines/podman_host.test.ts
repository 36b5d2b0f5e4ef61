// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { engine } from "./engine.ts";
import { Podman, PODMAN_PACKAGES } from "./podman.ts";

/** Lines of /proc/self/cgroup as a process of the container sees them. */
const OWN_CGROUPS = ["sed", "s/^[0-9]*://", "/proc/self/cgroup"];

engine("podman and its host", PODMAN_PACKAGES, (pg) => new Podman(pg), {
  "--cgroupns private and host"(t, p) {
    t.match(p.once("--cgroupns", "private", "box", ...OWN_CGROUPS).stdout, /^memory:\/$/m);
    t.match(p.once("--cgroupns", "host", "box", ...OWN_CGROUPS).stdout, /^memory:.*libpod-/m);
  },
  "--cgroup-parent"(t, p) {
    t.match(p.once("--cgroupns", "host", "--cgroup-parent", "/above", "box", ...OWN_CGROUPS).stdout, /^memory:\/above\/libpod-/m);
  },
  "--device-cgroup-rule, also with wildcards"(t, p) {
    const open = ["sh", "-c", "mknod /x c 10 229 && exec 3</x && echo open"];
    const flags = ["--cap-add", "mknod"];
    t.equal(p.once(...flags, "--device-cgroup-rule", "c 10:229 r", "box", ...open).stdout, "open\n");
    t.equal(p.once(...flags, "--device-cgroup-rule", "c 10:* rm", "box", ...open).stdout, "open\n");
    t.match(p.once(...flags, "--device-cgroup-rule", "c 11:* rm", "box", ...open).stderr, /not permitted/i);
  },
  "--rootfs: a directory instead of an image"(t, p) {
    t.equal(p.once("--rootfs", p.pg.rootfs, "/bin/echo", "rooted").stdout, "rooted\n");
  },
  "--preserve-fds"(t, p) {
    const file = join(p.pg.dir, "given");
    writeFileSync(file, "given\n");
    const command = "podman run --rm --network none --preserve-fds 1 box sh -c 'cat <&3'";
    t.equal(p.run(["sh", "-c", `${command} 3<${file}`]).stdout, "given\n");
    const open = p.run(["sh", "-c", `podman run --rm --network none box sh -c 'ls /proc/self/fd | wc -l' 3<${file}`]);
    t.equal(open.stdout, "4\n", "nothing else is inherited: 0, 1, 2 and the directory that ls reads");
  },
  "--hooks-dir: a hook gets the state, and one that fails stops the container"(t, p) {
    const hooks = join(p.pg.dir, "hooks");
    mkdirSync(hooks);
    const program = join(p.pg.dir, "hook.sh");
    const seen = join(p.pg.dir, "hook.state");
    const write = (script: string): void => {
      writeFileSync(program, `#!/bin/sh\n${script}\n`);
      chmodSync(program, 0o755);
    };
    const hook = { version: "1.0.0", hook: { path: program }, when: { always: true }, stages: ["prestart"] };
    writeFileSync(join(hooks, "hook.json"), JSON.stringify(hook));
    const run = () => p.podman("--hooks-dir", hooks, "run", "--rm", "--network", "none", "box", "echo", "ran");
    write(`cat >${seen}`);
    t.equal(run().stdout, "ran\n");
    t.match(JSON.parse(readFileSync(seen, "utf8")), { status: /creat/, pid: Number, id: /^[0-9a-f]{64}$/ });
    write("echo it refuses >&2; exit 3");
    const refused = run();
    t.not(refused.status, 0);
    t.equal(refused.stdout, "");
    t.match(refused.stderr, /hook/);
  },
  "--secret and --mount of every kind"(t, p) {
    writeFileSync(join(p.pg.dir, "word"), "secret\n");
    p.must("secret", "create", "word", join(p.pg.dir, "word"));
    t.equal(p.once("--secret", "word", "box", "cat", "/run/secrets/word").stdout, "secret\n");
    const bind = `type=bind,src=${p.pg.dir}/word,dst=/bound,ro=true`;
    const tmpfs = "type=tmpfs,dst=/scratch,tmpfs-size=1m";
    const volume = "type=volume,src=some,dst=/volume";
    const script = "cat /bound; df -k /scratch | tail -n 1; touch /volume/x && echo volume; touch /bound";
    const done = p.once("--mount", bind, "--mount", tmpfs, "--mount", volume, "box", "sh", "-c", script);
    t.match(done.stdout, /^secret\ntmpfs +1024 .*\nvolume\n$/);
    t.match(done.stderr, "Read-only file system");
    t.equal(p.once("--mount", "type=image,src=box,dst=/image", "box", "ls", "/image/bin/busybox").stdout, "/image/bin/busybox\n");
  },
  "--volumes-from, and an overlay of a directory"(t, p) {
    const folder = join(p.pg.dir, "lower");
    mkdirSync(folder);
    writeFileSync(join(folder, "file"), "lower\n");
    t.equal(p.once("-v", `${folder}:/v:O`, "box", "sh", "-c", "echo upper >>/v/file; cat /v/file").stdout, "lower\nupper\n");
    t.equal(readFileSync(join(folder, "file"), "utf8"), "lower\n");
    p.must("run", "-d", "--name", "giver", "--network", "none", "-v", `${folder}:/given`, "box", "sleep", "1000");
    t.equal(p.once("--volumes-from", "giver", "box", "cat", "/given/file").stdout, "lower\n");
    p.must("rm", "-f", "-t", "0", "giver");
  },
  "--cidfile, --pidfile, --label, --annotation"(t, p) {
    const [cid, pid] = [join(p.pg.dir, "cid"), join(p.pg.dir, "pid")];
    p.must("run", "-d", "--cidfile", cid, "--pidfile", pid, "--annotation", "a.b=c", "--network", "none", "box", "sleep", "1000");
    const id = readFileSync(cid, "utf8").trim();
    t.equal(Number(readFileSync(pid, "utf8")), p.pid(id));
    t.match(p.inspect(id, "{{json .Config.Annotations}}"), '"a.b":"c"');
    p.must("rm", "-f", "-t", "0", id);
  },
  "--stop-signal and --stop-timeout"(t, p) {
    const script = "trap 'exit 5' USR2; echo set; while :; do sleep 0.05; done";
    p.must(
      "run",
      "-d",
      "--name",
      "signalled",
      "--stop-signal",
      "USR2",
      "--stop-timeout",
      "5",
      "--network",
      "none",
      "box",
      "sh",
      "-c",
      script,
    );
    t.ok(waitFor(() => p.must("logs", "signalled").includes("set")));
    p.must("stop", "signalled");
    t.equal(p.inspect("signalled", "{{.State.ExitCode}}"), "5");
    p.must("rm", "signalled");
  },
  "--security-opt mask, unmask and proc-opts"(t, p) {
    t.equal(p.once("--security-opt", "mask=/etc/passwd", "box", "wc", "-c", "/etc/passwd").stdout.split(" ")[0], "0");
    const done = p.once("--security-opt", "unmask=/proc/sys", "box", "sh", "-c", "grep -c ' /proc/sys ' /proc/self/mountinfo");
    t.equal(done.stdout, "0\n");
    t.match(
      p.once("--security-opt", "proc-opts=hidepid=2", "box", "grep", " /proc ", "/proc/self/mountinfo").stdout,
      /hidepid=(2|invisible)/,
    );
  },
  "--tz, --add-host, --dns, --no-hosts"(t, p) {
    const flags = ["--add-host", "other:10.1.2.3", "--dns", "10.9.9.9", "--tz", "Etc/UTC"];
    const done = p.podman("run", "--rm", ...flags, "box", "sh", "-c", "cat /etc/hosts /etc/resolv.conf; date +%Z");
    t.match(done.stdout, /10\.1\.2\.3\s+other/);
    t.match(done.stdout, "nameserver 10.9.9.9");
    t.match(done.stdout, "UTC");
  },
  "a container's limits of open files, core files and locked memory"(t, p) {
    const flags = [
      "--ulimit",
      "core=0:0",
      "--ulimit",
      "memlock=65536:65536",
      "--ulimit",
      "nofile=64:64",
      "--ulimit",
      "nproc=500:500",
    ];
    const done = p.once(...flags, "box", "grep", "-E", "core file|locked memory|open files", "/proc/self/limits");
    t.match(done.stdout, /core file size +0 +0 /);
    t.match(done.stdout, /locked memory +65536 +65536 /);
    t.match(done.stdout, /open files +64 +64 /);
  },
});
