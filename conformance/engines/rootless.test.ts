// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, chownSync, statSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { engine } from "./engine.ts";
import { Rootless, ROOTLESS_PACKAGES } from "./rootless.ts";

engine("rootless podman", ROOTLESS_PACKAGES, (pg) => new Rootless(pg), {
  "run --rm: output and exit code"(t, p) {
    t.equal(p.once("box", "echo", "hello").output, "hello\n");
    t.equal(p.once("box", "sh", "-c", "exit 7").status, 7);
  },
  "exit codes 126 and 127"(t, p) {
    t.equal(p.once("box", "no-such-program").status, 127);
    t.equal(p.once("box", "/etc").status, 126);
  },
  "root inside is the user outside, others have subordinate ids"(t, p) {
    const maps = p.once("box", "sh", "-c", "id -u; cat /proc/self/uid_map").stdout;
    t.match(maps, /^0\n +0 +4711 +1\n +1 +200000 +65536\n/);
    p.must("run", "-d", "--name", "mapped", "--network", "none", "--user", "1000", "box", "sleep", "1000");
    const pid = p.must("inspect", "--format", "{{.State.Pid}}", "mapped");
    t.match(p.pg.run(["grep", "^Uid:", `/proc/${pid}/status`]).stdout, "\t200999\t");
  },
  "--userns keep-id"(t, p) {
    t.equal(p.once("--userns", "keep-id", "box", "id", "-u").stdout, "4711\n");
  },
  "-v: what root writes inside belongs to the user"(t, p) {
    const folder = join(p.pg.dir, "shared");
    mkdirSync(folder);
    chownSync(folder, p.uid, p.uid);
    t.equal(p.once("-v", `${folder}:/v`, "box", "touch", "/v/file").status, 0);
    t.equal(statSync(join(folder, "file")).uid, p.uid);
    t.match(p.once("-v", `${folder}:/v:ro`, "box", "touch", "/v/x").stderr, "Read-only file system");
  },
  "exec, with a user, an exit code and a terminal"(t, p) {
    t.equal(p.must("exec", "mapped", "id", "-u"), "1000");
    t.equal(p.must("exec", "-u", "0", "mapped", "id", "-u"), "0");
    t.equal(p.podman("exec", "mapped", "sh", "-c", "exit 9").status, 9);
    t.match(p.run(["script", "-qec", "podman exec -it mapped tty", "/dev/null"]).output, /\/dev\/pts\/\d/);
  },
  "-it under a terminal"(t, p) {
    t.match(
      p.run(["script", "-qec", "podman run --rm -it --network none box tty", "/dev/null"]).output,
      /\/dev\/(pts\/0|console)/,
    );
  },
  "logs, top, kill, wait"(t, p) {
    const script = "trap 'echo got; exit 3' USR1; echo set; while :; do sleep 0.05; done";
    p.must("run", "-d", "--name", "handler", "--network", "none", "box", "sh", "-c", script);
    t.ok(waitFor(() => p.must("logs", "handler").includes("set")));
    t.match(p.must("top", "handler", "args"), "sleep 0.05");
    p.must("kill", "-s", "USR1", "handler");
    t.equal(p.must("wait", "handler"), "3");
  },
  "no capability outside: the host's files and mounts stay closed"(t, p) {
    p.pg.streams.programWrites("cat: can't open '/shadow': Permission denied");
    const done = p.once(
      "--privileged",
      "-v",
      "/etc/shadow:/shadow:ro",
      "box",
      "sh",
      "-c",
      "cat /shadow; mount -t tmpfs x /tmp && echo mounted",
    );
    t.match(done.stderr, /Permission denied/);
    t.match(done.stdout, "mounted");
  },
  "--read-only, --tmpfs, --cap-drop, --security-opt"(t, p) {
    const flags = ["--read-only", "--tmpfs", "/scratch:size=1m", "--cap-drop", "all", "--security-opt", "no-new-privileges"];
    p.pg.streams.programWrites("touch: /x: Read-only file system");
    const done = p.once(
      ...flags,
      "box",
      "sh",
      "-c",
      "touch /x; touch /scratch/x && grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status",
    );
    t.match(done.stderr, "Read-only file system");
    t.match(done.stdout, /CapEff:\t0{16}\nNoNewPrivs:\t1\nSeccomp:\t2/);
  },
  "a network of slirp4netns"(t, p) {
    t.match(p.must("run", "--rm", "--network", "slirp4netns", "box", "ip", "-4", "addr", "show", "tap0"), "10.0.2.100");
  },
  "a pod with shared namespaces"(t, p) {
    p.must("pod", "create", "--name", "pod", "--network", "none");
    p.must("run", "-d", "--pod", "pod", "--name", "one", "box", "sleep", "1000");
    p.must("run", "-d", "--pod", "pod", "--name", "two", "box", "sleep", "1000");
    const link = (name: string, kind: string): string => p.must("exec", name, "readlink", `/proc/self/ns/${kind}`);
    for (const kind of ["net", "ipc", "uts", "user"]) t.equal(link("one", kind), link("two", kind), kind);
    t.not(link("one", "pid"), link("two", "pid"));
    p.must("pod", "rm", "-f", "-t", "0", "pod");
  },
  "podman build"(t, p) {
    const folder = join(p.pg.dir, "alice/build");
    mkdirSync(folder);
    p.pg.run([
      "sh",
      "-c",
      `printf 'FROM localhost/box\\nRUN id -u >/built && chown 5 /built\\n' >${folder}/Containerfile; chown -R ${p.uid} ${folder}`,
    ]);
    p.must("build", "-q", "--network", "none", "-t", "built", folder);
    t.equal(p.once("built", "sh", "-c", "cat /built; stat -c %u /built").stdout, "0\n5\n");
  },
  "stop and rm leave nothing"(t, p) {
    p.must("stop", "-t", "0", "mapped");
    t.equal(p.must("inspect", "--format", "{{.State.ExitCode}}", "mapped"), "137");
    p.must("rm", "-af", "-t", "0");
    t.equal(p.must("ps", "-aq"), "");
  },
});
