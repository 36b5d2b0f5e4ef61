// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, removeNamespaces } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { isAlive, parseMountinfo, pids, readText, statusField, waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor, RUNTIME, runtOnly } from "../harness/runtime.ts";

/** The executables of the runtime: what a container must not be able to write. */
function executables(): string[] {
  if (!IS_RUNT) return [RUNTIME];
  const folder = join(dirname(RUNTIME), "../libexec/runt");
  return [RUNTIME, ...readdirSync(folder).map((name) => join(folder, name))];
}

function fingerprints(): string[] {
  return executables().map((path) => createHash("sha256").update(readFileSync(path)).digest("hex"));
}

scenario("CVE-2019-5736: the program is /proc/self/exe", (t, box) => {
  const before = fingerprints();
  for (const program of ["/proc/self/exe", "/bin/exe-link", "/bin/exe-script"]) {
    const bundle = box.bundle((config) => {
      config.root.readonly = false;
      config.process.args = [program];
      const all = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"];
      config.process.capabilities = { bounding: all, permitted: all, effective: all };
    });
    symlinkSync("/proc/self/exe", join(bundle.rootfs, "bin/exe-link"));
    writeFileSync(join(bundle.rootfs, "bin/exe-script"), "#!/proc/self/exe\n", { mode: 0o755 });
    const done = box.call(["run", "--bundle", bundle.dir, box.id()], { timeout: 10_000 });
    t.not(done.status, 137, `${program} ends`);
  }
  t.same(fingerprints(), before);
});

scenario(
  "CVE-2019-5736: where the host allows no executable memfd (vm.memfd_noexec=2)",
  (t, box) => {
    const before = fingerprints();
    // The setting is the pid namespace's, so the host keeps its own.
    const set = 'echo 2 > /proc/sys/vm/memfd_noexec && exec "$@"';
    const wrap = ["unshare", "--pid", "--fork", "--mount-proc", "--propagation", "slave", "sh", "-c", set, "sh"];
    const run = (...args: string[]) => {
      const bundle = box.bundle((config) => void (config.process.args = args));
      return box.call(["run", "--bundle", bundle.dir, box.id()], { wrap });
    };
    t.equal(run("sh", "-c", "cat /proc/sys/vm/memfd_noexec").stdout, "2\n", "a container starts");
    t.not(run("/proc/self/exe").status, 137, "the copy of init as the program ends");
    t.same(fingerprints(), before);
  },
  {
    skip:
      runtOnly("runc and crun have no copy for this") ||
      (existsSync("/proc/sys/vm/memfd_noexec") ? false : "the kernel has no vm.memfd_noexec"),
  },
);

scenario(
  "CVE-2019-5736: what waits for start in the container is no file of the runtime",
  (t, box) => {
    const { pid } = box.create(() => undefined);
    const exe = statSync(`/proc/${pid}/exe`);
    for (const path of executables()) {
      const file = statSync(path);
      t.notOk(file.dev === exe.dev && file.ino === exe.ino, `${path} is not ${readlinkSync(`/proc/${pid}/exe`)}`);
    }
    for (const mapping of readText(`/proc/${pid}/maps`).split("\n")) {
      for (const path of executables()) t.notOk(mapping.endsWith(path), mapping);
    }
  },
  { skip: notFor("runc", "1.1 uses a read-only bind of itself") },
);

scenario(
  "CVE-2019-5736: a process of the container cannot change what init runs from, then or later",
  (t, box) => {
    const before = fingerprints();
    const folder = box.folder("report");
    const container = box.create((config) => {
      config.process.args = ["sleep", "1000"];
      config.mounts.push({ destination: "/report", type: "bind", source: folder, options: ["bind"] });
      config.mounts.push({ destination: "/exe", type: "bind", source: helper("helpers/exe.c"), options: ["bind"] });
      // A hook has all capabilities that init still has.
      config.process.capabilities = {
        bounding: ["CAP_SYS_PTRACE"],
        permitted: ["CAP_SYS_PTRACE"],
        effective: ["CAP_SYS_PTRACE"],
      };
      config.hooks = { startContainer: [{ path: "/exe", args: ["exe", "attack", "/report/log", "/proc/1/exe"] }] };
    });
    if (IS_RUNT) {
      const seals = spawnSync(helper("helpers/exe.c"), ["seals", `/proc/${container.pid}/exe`], { encoding: "utf8" });
      const wanted = 0x2 | 0x4 | 0x8; // F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE
      t.equal(Number(seals.stdout) & wanted, wanted, seals.stderr);
    }
    t.equal(container.start().status, 0);
    const log = (): string => readText(join(folder, "log"));
    t.ok(
      waitFor(() => log().endsWith("ended\n")),
      log(),
    );
    t.equal(log(), "refused /proc/1/exe\nended\n");
    t.same(fingerprints(), before);
  },
  { skip: notFor("runc", "1.1 uses a read-only bind of itself") },
);

/** What a program of `uid`, without any capability, can read of a file. */
function readAs(uid: number, path: string): string {
  const words = [
    `--reuid=${uid}`,
    `--regid=${uid}`,
    "--clear-groups",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "head",
    "-c1",
    path,
  ];
  return spawnSync("setpriv", words, { encoding: "utf8" }).stdout;
}

scenario("what waits for start cannot be traced or dumped by a process of its user", (t, box) => {
  for (const uid of [0, 1000]) {
    const container = box.create((config) => {
      config.process.user = { uid, gid: uid };
      config.process.args = ["sleep", "1000"];
      // Who has more than the reader is out of its reach anyhow.
      config.process.capabilities = {};
    });
    const files = ["environ", "auxv", "maps"].map((name) => `/proc/${container.pid}/${name}`);
    for (const path of files) t.equal(readAs(uid, path), "", `${path} of user ${uid}`);
    t.equal(statSync(`/proc/${container.pid}/environ`).uid, 0);
    container.start();
    t.ok(waitFor(() => readText(`/proc/${container.pid}/comm`) === "sleep\n"));
    for (const path of files) t.not(readAs(uid, path), "", `${path} of user ${uid}, when the program runs`);
  }
});

scenario("what waits for start as root of a user namespace is the host's, whatever was done to it", (t, box) => {
  const { pid } = box.create((config) => {
    addNamespaces(config, "user");
    config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.process.oomScoreAdj = 100;
    config.process.capabilities = {};
  });
  t.match(statusField(pid, "Uid"), /^100000\b/);
  for (const name of ["environ", "mem", "fd"]) t.equal(statSync(`/proc/${pid}/${name}`).uid, 0, name);
  for (const name of ["environ", "auxv", "maps"]) t.equal(readAs(100000, `/proc/${pid}/${name}`), "", name);
});

scenario(
  "CVE-2024-21626: cwd is /proc/self/fd/N, or a symlink to it",
  (t, box) => {
    for (let number = 3; number <= 20; number += 1) {
      for (const cwd of [`/proc/self/fd/${number}`, "/link"]) {
        const bundle = box.bundle((config) => {
          config.process.cwd = cwd;
          config.process.args = ["sh", "-c", "ls ../../../../../../etc/debian_version ../../../../../usr/lib; pwd -P"];
        });
        symlinkSync(`/proc/self/fd/${number}`, join(bundle.rootfs, "link"));
        const done = box.run(bundle);
        t.notMatch(done.stdout, /debian_version|x86_64|systemd/, `descriptor ${number}`);
        if (IS_RUNT) t.equal(done.status, 1, `descriptor ${number}, ${cwd}: ${done.stderr}`);
      }
    }
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "1.1.5 is older than the fix") },
);

/** Where a link leads, or undefined if it has gone meanwhile. */
function readlinkOrNone(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

scenario(
  "CVE-2024-21626: the caller leaks a directory of the host",
  (t, box) => {
    const leaked = box.folder("leaked");
    const hostMounts = parseMountinfo(readText("/proc/self/mountinfo")).map((each) => each.id);
    writeFileSync(join(leaked, "secret"), "secret");
    for (const number of [3, 7, 9]) {
      const wrap = ["bash", "-c", `exec ${number}<${leaked}; exec "$@"`, "bash"];
      const bundle = box.bundle((config) => {
        config.process.cwd = `/proc/self/fd/${number}`;
        config.process.args = ["sh", "-c", "ls; pwd"];
      });
      const done = box.run(bundle, [], { wrap });
      t.notMatch(done.stdout, /secret/, `descriptor ${number}`);
      if (IS_RUNT) t.equal(done.status, 1, `descriptor ${number}`);
      const { pid } = box.create(() => undefined, [], { wrap });
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const path = `/proc/${pid}/fd/${fd}`;
        const target = readlinkOrNone(path);
        t.not(target, leaked, `descriptor ${fd}`);
        // `create` has answered while init still closes what it needs no more: such a descriptor does not reach the program.
        if (target === undefined || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) continue;
        // What init holds of directories is the container's, or of its own making.
        const mount = /^mnt_id:\s*(\d+)/m.exec(readText(`/proc/${pid}/fdinfo/${fd}`))?.[1];
        t.notOk(hostMounts.includes(Number(mount)), `descriptor ${fd} is in a mount of the host`);
      }
    }
  },
  { skip: notFor("runc", "1.1.5 is older than the fix") },
);

/** The processes of a runtime at work in the cgroup of the box: init, before the program. */
function initsOf(box: Box): number[] {
  return pids().filter(
    (pid) =>
      isAlive(pid) && readText(`/proc/${pid}/cgroup`).includes(box.marker) && readText(`/proc/${pid}/comm`).startsWith("runt:"),
  );
}

for (const shared of [false, true]) {
  const where = shared ? "another container's" : "its own";
  scenario(
    `init dies with the runtime while a hook keeps it busy, in ${where} pid namespace`,
    async (t, box) => {
      const host = shared ? box.running() : undefined;
      const report = box.path("report");
      const bundle = box.bundle((config) => {
        if (host !== undefined) {
          removeNamespaces(config, "pid");
          config.linux.namespaces.push({ type: "pid", path: `/proc/${host.pid}/ns/pid` });
        }
        const script = `echo > ${report}; exec sleep 20`;
        config.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin"] }] };
      });
      const running = box.begin(["create", "--bundle", bundle.dir, box.id()]);
      t.ok(
        waitFor(() => existsSync(report)),
        "the hook runs",
      );
      const inits = initsOf(box);
      t.ok(inits.length > 0, "init waits for it");
      running.child.kill("SIGKILL");
      await running.ended;
      t.ok(
        waitFor(() => initsOf(box).length === 0, 3000),
        `${inits.join(" ")} are gone`,
      );
    },
    { skip: runtOnly("its init has other names") },
  );
}

scenario("no descriptor of the program leads out of the container", (t, box) => {
  const container = box.running();
  waitFor(() => readText(`/proc/${container.pid}/comm`) === "sleep\n");
  for (const fd of readdirSync(`/proc/${container.pid}/fd`)) t.match(fd, /^[012]$/);
});

scenario("the program has no more than the config says: capabilities, no_new_privs, keyring", (t, box) => {
  const container = box.running();
  t.equal(statusField(container.pid, "NoNewPrivs"), "1");
  t.equal(statusField(container.pid, "CapBnd"), "0000000020000420");
  t.equal(statusField(container.pid, "CapInh"), "0000000000000000");
});

/** Two names that trade places all the time: a directory, and a symlink to `target`. */
function racer(box: Box, folder: string, target: string): void {
  mkdirSync(join(folder, "spot"), { recursive: true });
  symlinkSync(target, join(folder, "other"));
  const child = spawn(helper("helpers/swap.c"), [join(folder, "spot"), join(folder, "other")], { stdio: "ignore" });
  box.atClose(() => child.kill("SIGKILL"));
}

const ROUNDS = (process.env["RUNTIME_WRAP"] ?? "") === "" ? 60 : 20;

scenario(
  "CVE-2021-30465, CVE-2024-45310: a directory becomes a symlink while mounts are made in it",
  (t, box) => {
    const host = box.folder("outside");
    const volume = box.folder("volume");
    racer(box, volume, `/../../../../../../../..${host}`);
    let succeeded = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const done = box.run((config) => {
        config.process.args = ["cat", "/proc/self/mountinfo"];
        config.mounts.push({ destination: "/volume", type: "bind", source: volume, options: ["rbind"] });
        config.mounts.push({ destination: "/volume/spot/tmp", type: "tmpfs", source: "tmpfs" });
        config.mounts.push({ destination: "/volume/spot/file", type: "bind", source: box.file("x"), options: ["bind"] });
      });
      t.ok(done.status === 0 || done.status === 1, done.stderr);
      if (done.status === 0) {
        succeeded += 1;
        for (const mount of parseMountinfo(done.stdout)) t.match(mount.target, /^\/($|proc|dev|sys|volume)|outside/);
      }
      if (readdirSync(host).length > 0) break;
    }
    t.comment(`${succeeded} of ${ROUNDS} runs came through`);
    t.same(readdirSync(host), [], "nothing was made on the host");
  },
  { skip: notFor("runc", "1.1.5 is older than the fix"), timeout: 120_000 },
);

scenario(
  "a name of the root becomes a symlink while devices and links are made",
  (t, box) => {
    const host = box.folder("outside");
    const bundle = box.bundle((config) => {
      config.process.args = ["true"];
      config.linux.devices = [{ path: "/place/spot/node", type: "c", major: 1, minor: 3 }];
      config.process.cwd = "/place/spot/cwd";
      config.root.readonly = false;
    });
    racer(box, join(bundle.rootfs, "place"), `/../../../../../../../..${host}`);
    for (let round = 0; round < ROUNDS; round += 1) {
      const done = box.run(bundle);
      t.ok(done.status === 0 || done.status === 1, done.stderr);
      if (readdirSync(host).length > 0) break;
    }
    t.same(readdirSync(host), [], "nothing was made on the host");
  },
  { skip: notFor("runc", "1.1.5 is older than the fix"), timeout: 120_000 },
);

scenario("the start FIFO and the state are not for the container's user", (t, box) => {
  const container = box.create(() => undefined);
  const folder = join(box.root, container.id);
  t.equal(statSync(box.root).mode & 0o077, 0, "the root directory is for root alone");
  t.equal(statSync(join(folder, "state.json")).mode & 0o022, 0);
});
