import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { helper } from "../harness/helpers.ts";
import { parseMountinfo, readText, statusField, waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor, RUNTIME } from "../harness/runtime.ts";

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

scenario("CVE-2019-5736: what waits for start in the container is no file of the runtime", (t, box) => {
  const { pid } = box.create(() => undefined);
  const exe = statSync(`/proc/${pid}/exe`);
  for (const path of executables()) {
    const file = statSync(path);
    t.notOk(file.dev === exe.dev && file.ino === exe.ino, `${path} is not ${readlinkSync(`/proc/${pid}/exe`)}`);
  }
  for (const mapping of readText(`/proc/${pid}/maps`).split("\n")) {
    for (const path of executables()) t.notOk(mapping.endsWith(path), mapping);
  }
}, { skip: notFor("runc", "1.1 uses a read-only bind of itself") });

scenario("what waits for start cannot be traced or dumped by a process of its user", (t, box) => {
  const { pid } = box.create((config) => void (config.process.user = { uid: 1000, gid: 1000 }));
  // The owner of the files of a process that is not dumpable is root, whatever its ids.
  t.equal(statSync(`/proc/${pid}/environ`).uid, 0);
});

scenario("CVE-2024-21626: cwd is /proc/self/fd/N", (t, box) => {
  for (let number = 3; number <= 20; number += 1) {
    const done = box.run((config) => {
      config.process.cwd = `/proc/self/fd/${number}`;
      config.process.args = ["sh", "-c", "ls ../../../../../../etc/debian_version ../../../../../usr/lib; pwd -P"];
    });
    t.notMatch(done.stdout, /debian_version|x86_64|systemd/, `descriptor ${number}`);
  }
  t.same(box.leftovers(), []);
}, { skip: notFor("runc", "1.1.5 is older than the fix") });

scenario("CVE-2024-21626: the caller leaks a directory of the host", (t, box) => {
  for (const number of [3, 7, 9]) {
    const bundle = box.bundle((config) => {
      config.process.cwd = `/proc/self/fd/${number}`;
      config.process.args = ["sh", "-c", "ls; pwd"];
    });
    const done = box.run(bundle, [], { wrap: ["bash", "-c", `exec ${number}</etc; exec "$@"`, "bash"] });
    t.notMatch(done.stdout, /debian_version|shadow/, `descriptor ${number}`);
    if (IS_RUNT) t.equal(done.status, 1);
  }
}, { skip: notFor("runc", "1.1.5 is older than the fix") });

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

const ROUNDS = 60;

scenario("CVE-2021-30465, CVE-2024-45310: a directory becomes a symlink while mounts are made in it", (t, box) => {
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
}, { skip: notFor("runc", "1.1.5 is older than the fix"), timeout: 120_000 });

scenario("a name of the root becomes a symlink while devices and links are made", (t, box) => {
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
}, { skip: notFor("runc", "1.1.5 is older than the fix"), timeout: 120_000 });

scenario("the start FIFO and the state are not for the container's user", (t, box) => {
  const container = box.create(() => undefined);
  const folder = join(box.root, container.id);
  t.equal(statSync(box.root).mode & 0o077, 0, "the root directory is for root alone");
  t.equal(statSync(join(folder, "state.json")).mode & 0o022, 0);
});
