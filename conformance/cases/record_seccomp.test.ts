// SPDX-License-Identifier: Apache-2.0
/** `--record-seccomp`: what a container calls becomes a profile, under which it does the same. */
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { scenario, type Box, type Bundle, type Edit } from "../harness/box.ts";
import { removeNamespaces, type Config, type Seccomp } from "../harness/config.ts";
import { isAlive, pids, readText, tryKill, waitFor } from "../harness/host.ts";
import { runtOnly, type Result } from "../harness/runtime.ts";
import { engineProfile, noProfile } from "../harness/seccomp.ts";

const skip = runtOnly("records nothing");
const MAPS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const UID = 4321;
const AS_USER: readonly string[] = ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups"];

const sh = (script: string): Edit => {
  return (config) => void (config.process.args = ["sh", "-c", script]);
};

function userNamespace(config: Config): void {
  config.linux.uidMappings = MAPS;
  config.linux.gidMappings = MAPS;
  config.linux.namespaces.push({ type: "user" });
}

function profileIn(file: string): Seccomp {
  return JSON.parse(readFileSync(file, "utf8")) as Seccomp;
}

/** The calls that a profile allows, with or without conditions. */
function allowed({ syscalls = [] }: Seccomp): string[] {
  return syscalls.filter(({ action }) => action === "SCMP_ACT_ALLOW").flatMap(({ names }) => names);
}

/** The values of the conditions on a call. */
function valuesOf({ syscalls = [] }: Seccomp, name: string): (number | undefined)[] {
  return syscalls
    .filter(({ names }) => names.includes(name))
    .flatMap(({ args = [] }) => args.map((each) => each.valueTwo ?? each.value));
}

/** Runs it with recording, and again under the profile; both have to give the same. @returns the profile */
function twice(t: Test, box: Box, edit: Edit, flags: readonly string[] = [], timeout = 60_000): Seccomp {
  const file = box.path("profile");
  const first = box.run(edit, ["--record-seccomp", file, ...flags], { timeout });
  t.notMatch(first.stderr, "level=", "runt says nothing");
  const profile = profileIn(file);
  t.equal(profile.defaultAction, "SCMP_ACT_ERRNO");
  const second = box.run(
    (config) => {
      edit(config);
      config.linux.seccomp = profile;
    },
    [],
    { timeout },
  );
  t.same([second.status, second.stdout, second.stderr], [first.status, first.stdout, first.stderr], "the same under the profile");
  return profile;
}

const WORK =
  "mkdir /tmp/a && echo text >/tmp/a/b && ln -s b /tmp/a/c && cat /tmp/a/c && ls /tmp/a | sort -r && rm -r /tmp/a; id; exit 7";

for (const [name, edit] of [
  ["root", (): void => undefined],
  [
    "another user, no_new_privs",
    (config: Config): void => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.noNewPrivileges = true;
    },
  ],
  [
    "another user, without no_new_privs",
    (config: Config): void => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.noNewPrivileges = false;
    },
  ],
  ["a user namespace", userNamespace],
] as const) {
  scenario(
    `busybox: ${name}`,
    (t, box) => {
      const profile = twice(t, box, (config) => {
        config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] });
        sh(WORK)(config);
        edit(config);
      });
      const calls = allowed(profile);
      for (const wanted of ["execve", "mkdir", "symlink", "exit_group"]) t.ok(calls.includes(wanted), wanted);
      for (const other of ["mount", "ptrace", "bpf", "chroot", "reboot"]) t.notOk(calls.includes(other), other);
      t.ok(calls.length < 80, `${calls.length} calls`);
      t.same(valuesOf(profile, "clone"), [0], "no new namespace");
    },
    { skip },
  );
}

scenario(
  "what was not recorded is refused",
  (t, box) => {
    const profile = twice(t, box, sh("ls / | cat; echo one"));
    const done = box.run((config) => {
      sh("mkdir /dev/shm/x; echo $?")(config);
      config.linux.seccomp = profile;
    });
    t.equal(done.stdout, "1\n");
    t.match(done.stderr, "Operation not permitted");
  },
  { skip },
);

scenario(
  "the least program: what runt's own start calls, and what create and start need besides",
  (t, box) => {
    const file = box.path("profile");
    const container = box.create((config) => (config.process.args = ["true"]), ["--record-seccomp", file]);
    container.finish();
    t.equal(container.remove().status, 0);
    const profile = profileIn(file);
    for (const name of ["execve", "openat", "write", "close", "exit_group"]) t.ok(allowed(profile).includes(name), name);
    const again = box.create((config) => {
      config.process.args = ["true"];
      config.linux.seccomp = profile;
    });
    again.finish();
    t.equal(again.remove().status, 0);
  },
  { skip },
);

scenario(
  "detached: the profile is there when the container has ended; exec adds its calls, a restarted reader loses none",
  (t, box) => {
    const file = box.path("profile");
    const id = box.id();
    const bundle = box.bundle((config) => (config.process.args = ["sleep", "1000"]));
    t.equal(box.call(["run", "--detach", "--record-seccomp", file, "--bundle", bundle.dir, id]).status, 0);
    t.equal(box.call(["exec", id, "mkdir", "/dev/shm/x"]).status, 0);
    const [waits = 0, answers = 0] = recorders(box);
    tryKill(answers);
    t.ok(
      waitFor(() => recorders(box).length === 2 && !recorders(box).includes(answers)),
      "another one answers",
    );
    const done = box.call(["exec", id, "sh", "-c", "rmdir /dev/shm/x && echo gone"]);
    t.equal(done.stdout, "gone\n", done.output);
    tryKill(waits);
    t.equal(box.call(["exec", id, "ln", "-s", "a", "/dev/shm/l"]).status, 0, "and without the other process");
    t.notOk(existsSync(file));
    t.equal(box.call(["kill", id, "KILL"]).status, 0);
    t.ok(
      waitFor(() => existsSync(file)),
      "the profile",
    );
    const calls = allowed(profileIn(file));
    for (const name of ["mkdir", "rmdir", "symlink"]) t.ok(calls.includes(name), name);
    t.equal(box.call(["delete", id]).status, 0);
  },
  { skip },
);

/** The processes of the recorder: that which waits, and that which answers. */
function recorders(box: Box): number[] {
  const own = pids().filter((pid) => isAlive(pid) && readText(`/proc/${pid}/cmdline`).startsWith("runt:[0:RECORD]"));
  const mine = own.filter((pid) => readText(`/proc/${pid}/cmdline`).includes(box.marker));
  const parent = (pid: number): number => Number(/^PPid:\s+(\d+)/m.exec(readText(`/proc/${pid}/status`))?.[1]);
  return mine.sort((one, other) => Number(mine.includes(parent(one))) - Number(mine.includes(parent(other))));
}

scenario(
  "a recorder that is killed altogether: a foreground run ends the container, and says so",
  async (t, box) => {
    const file = box.path("profile");
    const bundle = box.bundle((config) => (config.process.args = ["sleep", "1000"]));
    const id = box.id();
    const running = box.begin(["run", "--record-seccomp", file, "--bundle", bundle.dir, id]);
    t.ok(waitFor(() => recorders(box).length === 2 && box.call(["state", id]).stdout.includes('"running"')));
    const [waits = 0] = recorders(box);
    process.kill(waits, "SIGSTOP");
    for (const pid of recorders(box)) tryKill(pid);
    const { status, stderr } = await running.ended;
    t.equal(status, 1);
    t.match(stderr, /its profile was not written to .*: the process that records them was killed/);
    t.notOk(existsSync(file));
    t.same(box.ids(), []);
  },
  { skip },
);

scenario(
  "a recorder that is killed altogether: exec is refused, and delete says that there is no profile",
  (t, box) => {
    const file = box.path("profile");
    const container = box.create((config) => (config.process.args = ["sleep", "1000"]), ["--record-seccomp", file]);
    const [waits = 0] = recorders(box);
    process.kill(waits, "SIGSTOP");
    for (const pid of recorders(box)) tryKill(pid);
    t.ok(waitFor(() => recorders(box).length === 0));
    const joined = box.call(["exec", container.id, "true"]);
    t.equal(joined.status, 255);
    t.match(joined.stderr, /records the container's system calls has been killed/);
    const removed = container.remove("--force");
    t.equal(removed.status, 1);
    t.match(removed.stderr, /is deleted, but its profile was not written/);
    t.notOk(existsSync(file));
    t.same(box.ids(), []);
  },
  { skip },
);

scenario(
  "delete --force of a running container, and wait: the profile is there",
  (t, box) => {
    const file = box.path("profile");
    const container = box.create(sh("uname; sleep 1000"), ["--record-seccomp", file]);
    container.start();
    t.ok(waitFor(() => readText(container.made.stdoutPath) !== ""));
    t.equal(container.remove("--force").status, 0);
    t.ok(allowed(profileIn(file)).includes("uname"));
    const second = box.path("profile");
    const waited = box.create(sh("sleep 1"), ["--record-seccomp", second]);
    waited.start();
    t.equal(box.call(["wait", waited.id]).status, 0);
    t.ok(existsSync(second));
  },
  { skip },
);

scenario(
  "a container without a pid namespace, whose processes outlive the first one",
  (t, box) => {
    const file = box.path("profile");
    const container = box.create(
      (config) => {
        removeNamespaces(config, "pid");
        sh("(sleep 0.5; mkdir /dev/shm/late) & exit 0")(config);
      },
      ["--record-seccomp", file],
    );
    container.start();
    t.ok(waitFor(() => existsSync(file)));
    t.ok(allowed(profileIn(file)).includes("mkdir"), "the late call");
    t.equal(container.remove().status, 0);
  },
  { skip },
);

scenario(
  "the container's own profile: what it refuses is refused with its error, and stays so",
  (t, box) => {
    const own: Seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        { names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 100 },
        { names: ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 97, args: [{ index: 0, value: 2, op: "SCMP_CMP_EQ" }] },
        { names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 99, args: [{ index: 1, value: 10, op: "SCMP_CMP_EQ" }] },
      ],
    };
    const script = "mkdir /dev/shm/x; kill -USR1 1; kill -0 1 && echo there; nc -w 1 127.0.0.1 9; ls /dev/shm; :";
    const file = box.path("profile");
    const edit = (seccomp: Seccomp): Edit => {
      return (config) => {
        sh(script)(config);
        config.linux.seccomp = seccomp;
      };
    };
    const first = box.run(edit(own), ["--record-seccomp", file]);
    t.match(first.stderr, "Network is down");
    const profile = profileIn(file);
    t.notOk(allowed(profile).includes("mkdir"));
    t.notOk(
      valuesOf(
        { ...profile, syscalls: (profile.syscalls ?? []).filter(({ action }) => action === "SCMP_ACT_ALLOW") },
        "socket",
      ).includes(2),
    );
    const second = box.run(edit(profile));
    t.same([second.status, second.stdout, second.stderr], [first.status, first.stdout, first.stderr]);
  },
  { skip },
);

scenario(
  "an engine's profile: clone3 is still answered as by a kernel without it",
  (t, box) => {
    const file = box.path("profile");
    const done = box.run(
      (config) => {
        sh("ls / >/dev/null; ls /proc/1 >/dev/null")(config);
        config.linux.seccomp = engineProfile();
      },
      ["--record-seccomp", file],
    );
    t.equal(done.status, 0, done.output);
    const explained = JSON.parse(box.call(["seccomp", "explain", "--format", "json", file, "clone3"]).stdout) as Record<
      string,
      unknown
    >;
    t.same([explained["action"], explained["errno"]], ["SCMP_ACT_ERRNO", 38]);
    const compared = box.call(["seccomp", "diff", file, box.file(JSON.stringify(engineProfile()))]);
    t.equal(compared.status, 1);
    t.notMatch(compared.stdout, `only ${file}`, "it allows nothing that the other did not");
  },
  { skip: skip || noProfile },
);

scenario(
  "a profile that notifies an agent cannot be recorded: a process has one listener",
  (t, box) => {
    const file = box.path("profile");
    const done = box.run(
      (config) => {
        config.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          listenerPath: box.path("socket"),
          syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
        };
      },
      ["--record-seccomp", file],
    );
    t.equal(done.status, 1);
    t.match(done.stderr, /linux\.seccomp: its system calls cannot be recorded: it notifies an agent/);
    t.notOk(existsSync(file));
    t.same(
      readdirSync(box.dir).filter((name) => name.startsWith(".")),
      [],
    );
  },
  { skip },
);

scenario(
  "the families of socket, personality, and on request the numbers of ioctl and prctl",
  (t, box) => {
    const script = "setarch -R true; nc -w 1 127.0.0.1 9; stty; :";
    const plain = twice(t, box, withMachine(box, {}, script));
    t.ok(allowed(plain).includes("ioctl"));
    t.same(valuesOf(plain, "ioctl"), []);
    t.same(valuesOf(plain, "socket"), [2]);
    t.ok(valuesOf(plain, "personality").includes(0x0040000), "ADDR_NO_RANDOMIZE");
    const flags = ["--record-arguments", "ioctl", "--record-arguments", "prctl"];
    const asked = twice(t, box, withMachine(box, {}, script), flags);
    t.ok(valuesOf(asked, "ioctl").includes(0x5401), "TCGETS");
    const file = box.file(JSON.stringify(asked));
    const isAllowed = (...words: string[]): unknown => {
      const done = box.call(["seccomp", "explain", "--format", "json", file, ...words]);
      return (JSON.parse(done.stdout) as { allowed?: boolean }).allowed;
    };
    t.same([isAllowed("socket", "2"), isAllowed("socket", "10")], [true, false]);
    t.same([isAllowed("ioctl", "1", "0x5401"), isAllowed("ioctl", "1", "0x5412")], [true, false], "TIOCSTI");
  },
  { skip: skip || lacks("/usr/bin/setarch") },
);

scenario(
  "--append unites runs; a file that is there is an error without it",
  (t, box) => {
    const file = box.path("profile");
    t.equal(box.run(sh("mkdir /dev/shm/x"), ["--record-seccomp", file, "--append"]).status, 0);
    const before = readFileSync(file, "utf8");
    const refused = box.run(sh("true"), ["--record-seccomp", file]);
    t.equal(refused.status, 1);
    t.match(refused.stderr, /the file exists; --append adds to it/);
    t.equal(readFileSync(file, "utf8"), before);
    t.equal(box.run(sh("ln -s a /dev/shm/b; nc -w 1 ::1 9; :"), ["--record-seccomp", file, "--append"]).status, 0);
    const calls = allowed(profileIn(file));
    for (const name of ["mkdir", "symlink"]) t.ok(calls.includes(name), name);
    t.same(valuesOf(profileIn(file), "socket"), [10]);
    t.equal(box.run(sh("nc -w 1 127.0.0.1 9; :"), ["--record-seccomp", file, "--append"]).status, 0);
    t.same(valuesOf(profileIn(file), "socket"), [2, 10]);
  },
  { skip },
);

scenario(
  "--format docker",
  (t, box) => {
    const file = box.path("profile");
    t.equal(box.run(sh("true"), ["--record-seccomp", file, "--format", "docker"]).status, 0);
    const made = JSON.parse(readFileSync(file, "utf8")) as { archMap: { architecture: string }[]; syscalls: unknown[] };
    t.match(made.archMap[0]?.architecture, /^SCMP_ARCH_/);
    t.equal("architectures" in made, false);
    t.equal(box.run(sh("mkdir /dev/shm/x"), ["--record-seccomp", file, "--append"]).status, 0);
    const again = JSON.parse(readFileSync(file, "utf8")) as Seccomp & { archMap: unknown };
    t.ok(again.archMap, "the form of the file stays");
    t.ok(allowed(again).includes("mkdir"));
  },
  { skip },
);

scenario(
  "bad files: one error, no container, nothing left",
  (t, box) => {
    const bundle = box.bundle(sh("true"));
    const rejected = (words: readonly string[], why: RegExp, wrap: readonly string[] = []): void => {
      const done = box.call(["run", "--bundle", bundle.dir, ...words, box.id()], { wrap });
      t.equal(done.status, 1, done.output);
      t.match(done.stderr, why);
      t.same(box.leftovers(), []);
    };
    rejected(["--record-seccomp", box.path("missing") + "/file"], /cannot write .*: it is not there/);
    rejected(["--record-seccomp", box.folder()], /no regular file/);
    rejected(["--record-seccomp", ""], /it is no file/);
    rejected(["--append"], /--append goes with --record-seccomp/);
    rejected(["--format", "docker"], /--format goes with --record-seccomp/);
    rejected(["--record-seccomp", box.file("{"), "--append"], /file/);
    rejected(["--record-seccomp", box.file("{}"), "--append"], /defaultAction/);
    const folder = box.folder();
    const mounted = (options: string): string[] => {
      return ["unshare", "--mount", "sh", "-c", `mount -t tmpfs -o ${options} none ${folder}; exec "$@"`, "sh"];
    };
    rejected(["--record-seccomp", join(folder, "file")], /Read-only file system/i, mounted("ro"));
    rejected(["--record-seccomp", join(folder, "file")], /No space left on device/i, mounted("size=8k"));
    const noProgram = box.bundle((config) => (config.process.args = ["/nonesuch"]));
    const file = box.path("profile");
    t.equal(box.call(["run", "--bundle", noProgram.dir, "--record-seccomp", file, box.id()]).status, 1);
    t.notOk(existsSync(file), "a container that did not start has no profile");
    t.same(box.leftovers(), []);
  },
  { skip },
);

scenario(
  "a disk that is full at the end: an error, and the container is gone",
  (t, box) => {
    const folder = box.folder();
    const bundle = box.bundle((config) => {
      config.mounts.push({ destination: "/mnt", type: "bind", source: folder, options: ["rbind"] });
      sh("dd if=/dev/zero of=/mnt/fill bs=4096 2>/dev/null; :")(config);
    });
    const wrap = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      `mount -t tmpfs -o size=256k none ${folder}; "$@"; rc=$?; ls -A ${folder}; exit $rc`,
      "sh",
    ];
    const done = box.call(["run", "--bundle", bundle.dir, "--record-seccomp", join(folder, "file"), box.id()], { wrap });
    t.equal(done.status, 1, done.output);
    t.match(done.stderr, /its profile was not written to .*: no space left on device/);
    t.equal(done.stdout, "fill\n", "no part of a profile");
    t.same(box.ids(), []);
  },
  { skip },
);

scenario(
  "many threads and short processes at a time",
  (t, box) => {
    const script = "for i in $(seq 40); do (for j in $(seq 10); do cat /proc/self/stat >/dev/null; done) & done; wait; echo done";
    twice(t, box, sh(script), [], 120_000);
  },
  { skip, timeout: 240_000 },
);

/** A bundle of the user's own, and calls of the runtime as that user. */
function rootless(box: Box, edit: Edit): { readonly bundle: Bundle; call(args: readonly string[]): Result } {
  const bundle = box.bundle();
  for (const path of [bundle.dir, bundle.rootfs]) chownSync(path, UID, UID);
  const folder = box.folder("spec");
  chownSync(folder, UID, UID);
  mkdirSync(box.root, { recursive: true });
  chownSync(box.root, UID, UID);
  const call = (args: readonly string[]): Result => box.call(args, { wrap: AS_USER });
  orThrow(call(["spec", "--rootless", "--bundle", folder]));
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Config;
  config.process.terminal = false;
  edit(config);
  bundle.write(config);
  return { bundle, call };
}

function orThrow(done: Result): void {
  if (done.status !== 0) throw new Error(done.output);
}

scenario(
  "rootless: run, and a container that exec joins",
  (t, box) => {
    const place = box.folder("profiles");
    chownSync(place, UID, UID);
    const file = join(place, "one");
    const { bundle, call } = rootless(box, sh("mkdir /dev/shm/x && echo made"));
    const done = call(["run", "--record-seccomp", file, "--bundle", bundle.dir, box.id()]);
    t.same([done.status, done.stdout, done.stderr], [0, "made\n", ""]);
    t.ok(allowed(profileIn(file)).includes("mkdir"));
    const second = join(place, "two");
    const other = rootless(box, (config) => (config.process.args = ["sleep", "1000"]));
    const id = box.id();
    orThrow(other.call(["run", "--detach", "--record-seccomp", second, "--bundle", other.bundle.dir, id]));
    const joined = other.call(["exec", id, "mkdir", "/dev/shm/x"]);
    t.equal(joined.status, 0, joined.output);
    t.equal(other.call(["delete", "--force", id]).status, 0);
    t.ok(allowed(profileIn(second)).includes("mkdir"));
    const again = rootless(box, (config) => {
      sh("mkdir /dev/shm/x && echo made")(config);
      config.linux.seccomp = profileIn(file);
    });
    t.equal(again.call(["run", "--bundle", again.bundle.dir, box.id()]).stdout, "made\n");
  },
  { skip },
);

scenario(
  "checkpoint is refused",
  (t, box) => {
    const container = box.create(
      (config) => (config.process.args = ["sleep", "1000"]),
      ["--record-seccomp", box.path("profile")],
    );
    container.start();
    const done = box.call(["checkpoint", "--image-path", box.folder(), container.id]);
    t.equal(done.status, 1);
    t.match(done.stderr, /its system calls are recorded/);
    t.equal(container.state().status, "running");
  },
  { skip },
);

// --- programs of this machine ----------------------------------------------------------------------------

/** Mounts the machine's programs over the root file system, read-only. */
function machine(config: Config, rootfs: string): void {
  for (const path of ["/usr", "/lib", "/lib64", "/etc"]) {
    if (!existsSync(path)) continue;
    const real = realpathSync(path);
    if (real !== path) {
      symlinkSync(real, join(rootfs, path));
      continue;
    }
    mkdirSync(join(rootfs, path), { recursive: true });
    config.mounts.push({ destination: path, type: "bind", source: path, options: ["bind", "ro"] });
  }
  config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] });
  config.process.env = ["PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin", "HOME=/tmp"];
}

/** A bundle with this machine's programs, and files below /srv. */
function withMachine(box: Box, files: Readonly<Record<string, string>>, script: string, more: Edit = () => undefined): Edit {
  const srv = box.folder("srv");
  for (const [name, text] of Object.entries(files)) writeFileSync(join(srv, name), text);
  return (config) => {
    // The root file system of a bundle lies beside its config.json, which is written after this.
    const parent = box.dir;
    const last = readdirSync(parent)
      .filter((name) => name.startsWith("bundle."))
      .sort((one, other) => Number(other.split(".")[1]) - Number(one.split(".")[1]))[0];
    machine(config, join(parent, last ?? "", "rootfs"));
    config.mounts.push({ destination: "/srv", type: "bind", source: srv, options: ["bind", "ro"] });
    sh(script)(config);
    more(config);
  };
}

/** Why a program cannot be tried; `false` if it can. */
function lacks(...programs: readonly string[]): string | false {
  const missing = programs.filter((name) => !existsSync(name));
  return missing.length === 0 ? false : `this machine lacks ${missing.join(", ")}`;
}

const GET = "sleep 0.2; for i in $(seq 100); do wget -q -O - http://127.0.0.1:8080/page && break; sleep 0.1; done";
const NODE = process.execPath;
const NGINX = process.env["RUNT_TEST_NGINX"] ?? "/usr/sbin/nginx";

scenario(
  "a program of Node.js: files, a child, a server, a worker",
  (t, box) => {
    const program = `
      const { execFileSync } = require("node:child_process");
      const { Worker } = require("node:worker_threads");
      const fs = require("node:fs");
      const server = require("node:http").createServer((_, answer) => answer.end("answered"));
      server.listen(0, "127.0.0.1", async () => {
        const text = await (await fetch("http://127.0.0.1:" + server.address().port)).text();
        fs.writeFileSync("/tmp/file", text);
        const sum = await new Promise((done) =>
          new Worker("require('node:worker_threads').parentPort.postMessage(6 * 7)", { eval: true }).once("message", done));
        console.log(fs.readFileSync("/tmp/file", "utf8"), sum, String(execFileSync("echo", ["child"])).trim());
        process.exit(3);
      });`;
    const edit = withMachine(box, { "program.cjs": program }, `exec ${NODE} /srv/program.cjs`);
    const profile = twice(t, box, edit, [], 120_000);
    t.ok(allowed(profile).includes("epoll_create1"));
  },
  { skip: skip || (NODE.startsWith("/usr/") ? false : "node is not below /usr"), timeout: 240_000 },
);

scenario(
  "a web server of Python",
  (t, box) => {
    const server = `
import http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"from python\\n")
        threading.Thread(target=self.server.shutdown).start()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
print("ended")`;
    const edit = withMachine(
      box,
      { "server.py": server },
      // The answer is printed when both have ended, so that the order of the lines is the same in each run.
      `ip link set lo up; (${GET}) > /tmp/answer & /usr/bin/python3 /srv/server.py; wait; cat /tmp/answer`,
      (config) => {
        for (const set of Object.values(config.process.capabilities ?? {})) set.push("CAP_NET_ADMIN");
      },
    );
    const profile = twice(t, box, edit, [], 120_000);
    t.ok(allowed(profile).includes("listen"));
  },
  { skip: skip || lacks("/usr/bin/python3"), timeout: 240_000 },
);

scenario(
  "gcc compiles a program, which runs",
  (t, box) => {
    const files = { "hello.c": '#include <stdio.h>\nint main(void) { puts("compiled"); return 5; }\n' };
    const profile = twice(
      t,
      box,
      withMachine(box, files, "/usr/bin/gcc -O2 -o /tmp/hello /srv/hello.c && /tmp/hello"),
      [],
      120_000,
    );
    t.ok(allowed(profile).includes("vfork") || allowed(profile).includes("clone3"));
  },
  { skip: skip || lacks("/usr/bin/gcc", "/usr/include/stdio.h"), timeout: 240_000 },
);

scenario(
  "nginx of Debian",
  (t, box) => {
    const files = {
      "nginx.conf": `worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr crit;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server { listen 127.0.0.1:8080; root /srv; }
}
`,
      page: "from nginx\n",
    };
    const script = `mkdir -p /tmp/log; ip link set lo up; /nginx -c /srv/nginx.conf -e /tmp/log/error -g 'daemon off; user root;' & ${GET}; kill -QUIT $(cat /tmp/nginx.pid); wait; echo ended`;
    const edit = withMachine(box, files, script, (config) => {
      config.mounts.push({ destination: "/nginx", type: "bind", source: NGINX, options: ["bind", "ro"] });
      const more = ["CAP_NET_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE"];
      for (const set of Object.values(config.process.capabilities ?? {})) set.push(...more);
    });
    const profile = twice(t, box, edit, [], 120_000);
    t.ok(allowed(profile).includes("accept4"));
  },
  { skip: skip || lacks(NGINX), timeout: 240_000 },
);
