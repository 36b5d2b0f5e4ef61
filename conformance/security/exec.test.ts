// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scenario } from "../harness/box.ts";
import { type Config, CAPABILITY_SETS } from "../harness/config.ts";
import { listen } from "../harness/console.ts";
import { exec, execSh, processFile } from "../harness/exec.ts";
import { readText, tryKill, waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor, RUNTIME, runtOnly } from "../harness/runtime.ts";

function fingerprints(): string[] {
  const folder = join(dirname(RUNTIME), "../libexec/runt");
  const files = IS_RUNT ? [RUNTIME, ...readdirSync(folder).map((name) => join(folder, name))] : [RUNTIME];
  return files.map((path) => createHash("sha256").update(readFileSync(path)).digest("hex"));
}

/** A container whose processes may do everything that a hostile root could. */
function powerful(config: Config, ...more: string[]): void {
  const all = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_MKNOD", "CAP_KILL", ...more];
  config.process.capabilities = {};
  for (const set of CAPABILITY_SETS) if (set !== "ambient" && set !== "inheritable") config.process.capabilities[set] = all;
  config.root.readonly = false;
  config.process.env = ["PATH=/bin"];
  config.linux.maskedPaths = [];
  config.linux.readonlyPaths = [];
}

scenario("CVE-2019-5736: the program of an exec is /proc/self/exe", (t, box) => {
  const before = fingerprints();
  const container = box.running((config) => powerful(config));
  const { rootfs } = container.bundle;
  symlinkSync("/proc/self/exe", join(rootfs, "bin/exe-link"));
  writeFileSync(join(rootfs, "bin/exe-script"), "#!/proc/self/exe\n", { mode: 0o755 });
  for (const program of ["/proc/self/exe", "/bin/exe-link", "/bin/exe-script"]) {
    const done = exec(box, container, [program], [], { timeout: 10_000 });
    t.not(done.status, 137, `${program} ends`);
  }
  t.same(fingerprints(), before);
});

// With CAP_SYS_PTRACE (or CAP_SYS_ADMIN, for some of it), and no user namespace, root of the container may look into whatever
// it sees, as root of the host may; it must not be able to change the executable even so.
for (const traces of [false, true]) {
  const what = traces ? "its executable changed by a process with CAP_SYS_PTRACE" : "looked into";
  scenario(
    `CVE-2016-9962: what joins the container cannot be ${what}`,
    (t, box) => {
      const report = box.folder("report");
      const before = fingerprints();
      const look =
        "{ cat $p/environ $p/auxv $p/maps | head -c1; readlink $p/fd/*; readlink $p/exe; ls $p/root/; ls $p/cwd/; echo > $p/mem && echo mem; } > /tmp/got";
      const container = box.running((config) => {
        powerful(config);
        for (const set of CAPABILITY_SETS) {
          const sets = config.process.capabilities ?? {};
          if (!traces) sets[set] = (sets[set] ?? []).filter((each) => !["CAP_SYS_PTRACE", "CAP_SYS_ADMIN"].includes(each));
        }
        config.mounts.push({ destination: "/report", type: "bind", source: report, options: ["bind"] });
        // What was got of a process that has executed its program meanwhile counts for nothing.
        config.process.args = [
          "sh",
          "-c",
          `
        while :; do for p in /proc/[0-9]*; do
          read name < $p/comm || continue
          case "$name" in runt*|runc*|exe) ;; *) continue ;; esac
          echo "$name" >> /report/seen
          : > /tmp/got
          ${traces ? "" : look}
          { echo attack > $p/exe; } && echo exe >> /tmp/got
          read now < $p/comm && test "$now" = "$name" && test -s /tmp/got && { echo "$name"; cat /tmp/got; } >> /report/got
        done; done 2> /dev/null`,
        ];
      });
      const seen = (): number => readText(join(report, "seen")).split("\n").length - 1;
      for (let round = 0; round < 800 && (round < 40 || seen() < 10); round += 1) exec(box, container, ["true"]);
      t.ok(seen() >= 10, `${seen()} looks at a process that was joining`);
      t.equal(readText(join(report, "got")), "");
      t.same(fingerprints(), before);
    },
    { skip: notFor("runc", "1.1.5 lets root of the container see its executable") },
  );
}

scenario(
  "CVE-2024-21626: --cwd is /proc/self/fd/N, and the caller leaks a directory of the host",
  (t, box) => {
    const leaked = box.folder("leaked");
    writeFileSync(join(leaked, "secret"), "secret");
    const container = box.running();
    for (const number of [3, 4, 5, 6, 7, 8, 9, 10, 12, 15]) {
      const wrap = ["bash", "-c", `exec ${number}<${leaked}; exec "$@"`, "bash"];
      const done = exec(box, container, ["sh", "-c", "ls; ls ../../../../etc; pwd"], ["--cwd", `/proc/self/fd/${number}`], {
        wrap,
      });
      t.notMatch(done.stdout, /secret|debian_version/, `descriptor ${number}`);
      // One that works is init's own, of the container's root.
      if (done.status !== 255) t.equal(done.stdout.split("\n").at(-2), "/", `descriptor ${number}`);
    }
  },
  { skip: notFor("runc", "1.1.5 is older than the fix") },
);

scenario("no descriptor of the process leads out of the container, and it knows nothing of the caller", (t, box) => {
  const container = box.running();
  const leaked = box.folder("leaked");
  const wrap = ["bash", "-c", `exec 5<${leaked} 9<${leaked}; exec "$@"`, "bash"];
  const pidFile = box.path("pid");
  const done = exec(box, container, ["sleep", "600"], ["-d", "--pid-file", pidFile], { wrap, env: { SECRET: "x" } });
  t.equal(done.status, 0, done.output);
  const pid = Number(readText(pidFile));
  t.ok(waitFor(() => readText(`/proc/${pid}/comm`) === "sleep\n"));
  t.same(readdirSync(`/proc/${pid}/fd`).sort(), ["0", "1", "2"]);
  t.notMatch(readText(`/proc/${pid}/environ`), "SECRET");
  t.equal(readlinkSync(`/proc/${pid}/cwd`), readlinkSync(`/proc/${container.pid}/cwd`));
  tryKill(pid);
});

scenario(
  "CVE-2019-16884, CVE-2025-52881, CVE-2025-62596: the container has put files of its own in the place of /proc",
  (t, box) => {
    const container = box.running((config) => {
      powerful(config);
      config.process.oomScoreAdj = 123;
    });
    // Read through a procfs of its own: /proc is the fake one from then on.
    execSh(
      box,
      container,
      "mkdir /real; mount -t proc proc /real; mount -t tmpfs tmpfs /proc; mkdir -p /proc/self/fd /proc/self/attr; echo fake > /proc/self/oom_score_adj",
    );
    const console = listen(box);
    const show = "cat /real/self/oom_score_adj /proc/self/oom_score_adj; tty";
    const done = exec(box, container, ["sh", "-c", show], ["--detach", "--tty", "--console-socket", console.socket]);
    t.equal(done.status, 0, done.stderr);
    t.ok(
      waitFor(() => console.text().endsWith("\n/dev/pts/0\n")),
      console.text(),
    );
    t.match(console.text(), /\n123\nfake\n\/dev\/pts\/0\n$/);
    t.equal(execSh(box, container, "cat /proc/self/oom_score_adj; ls /proc/self/fd"), "fake\n");
  },
  { skip: notFor("runc", "refuses such a container") },
);

scenario(
  "CVE-2025-52565: the container's /dev/pts is not what it was",
  (t, box) => {
    for (const attack of [
      "mount -t tmpfs tmpfs /dev/pts; mknod /dev/pts/ptmx c 1 3",
      "mount -t tmpfs tmpfs /dev/pts; ln -s /dev/null /dev/pts/ptmx",
      "mount -t tmpfs tmpfs /dev/pts; echo x > /dev/pts/ptmx",
      "mount -t tmpfs tmpfs /dev/pts; mkfifo /dev/pts/ptmx",
      "mount --bind /dev/null /dev/pts/ptmx",
    ]) {
      const container = box.running((config) => powerful(config));
      execSh(box, container, attack);
      const flags = ["--detach", "--tty", "--console-socket", listen(box).socket];
      const done = exec(box, container, ["true"], flags, { timeout: 10_000 });
      t.equal(done.status, 255, attack);
      t.match(done.stderr, /ptmx/, attack);
      t.equal(exec(box, container, ["true"]).status, 0, "without a terminal it works");
    }
  },
  { skip: runtOnly("1.1.5 opens what is there") },
);

scenario("CVE-2022-29162: exec --cap gives nothing to inherit", (t, box) => {
  const container = box.running();
  t.match(
    execSh(box, container, "grep -E 'CapInh|CapAmb' /proc/self/status", ["--cap", "CAP_SYS_ADMIN"]),
    /^CapInh:\t0{16}\nCapAmb:\t0{16}\n$/,
  );
});

scenario("a container that changes its own root and directories during execs", (t, box) => {
  const host = box.folder("outside");
  const container = box.running((config) => {
    powerful(config, "CAP_SYS_CHROOT");
    config.process.args = [
      "sh",
      "-c",
      `while :; do ln -sfn /../../../..${host} /tmp/spot; rm -f /tmp/spot; mkdir -p /tmp/spot; rmdir /tmp/spot; done 2> /dev/null`,
    ];
  });
  for (let round = 0; round < 30; round += 1) {
    const done = exec(box, container, ["sh", "-c", "pwd > file; cat /etc/debian_version"], ["--cwd", "/tmp/spot"]);
    t.equal(done.stdout, "", "nothing of the host is seen");
  }
  t.notOk(existsSync(join(host, "file")));
});

scenario(
  "an id out of its range, and a process file of a hostile caller, are refused before anything is joined",
  (t, box) => {
    const container = box.running();
    for (const changes of [
      { user: { uid: 4294967295, gid: 0 } },
      { args: ["a\0b"] },
      { env: ["PATH=/bin\0/sbin"] },
      { cwd: "/\0" },
    ]) {
      const done = box.call(["exec", "--process", processFile(box, changes), container.id]);
      t.equal(done.status, 255, JSON.stringify(changes));
    }
  },
  { skip: runtOnly("has other rules for these") },
);
