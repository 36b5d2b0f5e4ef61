// SPDX-License-Identifier: Apache-2.0
// Builds the parts of the test machine from Debian's packages and keeps them in a cache: a user-mode-linux kernel, which
// is a program of the host, and an ext4 image with systemd, D-Bus and logind. Nothing of it is installed on the host.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { debianMirrors } from "../../scripts/mirror.mjs";

export const CACHE = process.env.RUNT_VM_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "runt-vm");
const GUEST = join(import.meta.dirname, "guest");
/** Debian of the guest. */
const SUITE = "bookworm";
/** Where the kernel comes from: the newer runs its processes under seccomp, which is much faster than ptrace. */
const KERNEL_SUITES = ["forky", "trixie"];
export const PACKAGES = [
  ...["systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "kmod", "procps", "iproute2", "strace"],
  ...["runc", "crun", "busybox-static", "uidmap", "util-linux", "bsdutils", "libseccomp2", "libstdc++6", "libatomic1"],
];
const LIBRARIES = "usr/lib/x86_64-linux-gnu";
const LOADER = "/lib64/ld-linux-x86-64.so.2";
/** Units of a normal boot that a machine of a few seconds has no use for. */
const MASKED = [
  ...["getty.target", "remote-fs.target", "cryptsetup.target", "veritysetup.target", "integritysetup.target"],
  ...["systemd-binfmt.service", "systemd-firstboot.service", "systemd-journal-flush.service", "systemd-pstore.service"],
  ...["systemd-machine-id-commit.service", "systemd-modules-load.service", "systemd-random-seed.service"],
  ...["systemd-remount-fs.service", "systemd-repart.service", "systemd-sysusers.service", "systemd-pcrphase.service"],
  ...["systemd-pcrphase-sysinit.service", "systemd-update-utmp.service", "dev-hugepages.mount", "ldconfig.service"],
  ...["proc-sys-fs-binfmt_misc.automount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount"],
  ...["sys-kernel-debug.mount", "sys-kernel-tracing.mount", "systemd-ask-password-console.path"],
  ...["systemd-ask-password-wall.path", "e2scrub_reap.service"],
];

/** The machine cannot be built here; the message says why. */
export class Unbuildable extends Error {}

export function run(command, args, options = {}) {
  const done = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: "C", TMPDIR: CACHE },
    ...options,
  });
  if (done.status === 0) return done.stdout;
  const end = `${done.stdout ?? ""}${done.stderr ?? ""}`.trim().split("\n").slice(-8).join("\n");
  throw new Unbuildable(
    `${command} ${args.slice(0, 3).join(" ")} …: ${done.error?.message ?? `ended with ${done.status ?? done.signal}`}\n${end}`,
  );
}

/** A directory or file of the cache, made once: under another name until it is complete. */
export function once(name, make) {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const began = Date.now();
  const half = `${path}.${process.pid}`;
  try {
    make(half);
    try {
      renameSync(half, path);
    } catch (error) {
      if (!existsSync(path)) throw error; // Another run was faster.
    }
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  console.log(`vm: made ${name} in ${Math.round((Date.now() - began) / 1000)} s`);
  return path;
}

/** Makes a tree of Debian's packages, as root. */
export function mmdebstrap(words) {
  if (process.env.RUNT_OFFLINE === "1") throw new Unbuildable("RUNT_OFFLINE=1, and the cache lacks what Debian's packages make");
  const apt = [
    'Acquire::Languages "none"',
    'Acquire::Check-Valid-Until "false"',
    'Acquire::Retries "3"',
    'APT::Install-Recommends "false"',
  ];
  run("mmdebstrap", [
    "--mode=root",
    ...apt.map((option) => `--aptopt=${option}`),
    "--dpkgopt=force-unsafe-io",
    ...words,
    debianMirrors()[0],
  ]);
}

/** The kernel of one suite with the libraries of that suite: `linux`, `ld.so`, `lib`, `modules`. */
function makeKernel(suite, path) {
  const unpacked = join(path, "unpacked");
  mkdirSync(path, { recursive: true });
  mmdebstrap(["--variant=extract", "--include=user-mode-linux", suite, unpacked]);
  // The loader of its own suite, by a path relative to the current directory, in the space of the usual path.
  const program = readFileSync(join(unpacked, "usr/bin/linux.uml"));
  const at = program.indexOf(`${LOADER}\0`);
  if (at < 0) throw new Unbuildable(`user-mode-linux of ${suite}: no ${LOADER} in it`);
  program.write("./ld.so".padEnd(LOADER.length, "\0"), at, "latin1");
  writeFileSync(join(path, "linux"), program, { mode: 0o755 });
  mkdirSync(join(path, "lib"));
  // Older suites have libraries in /lib as well.
  for (const folder of [LIBRARIES, LIBRARIES.replace("usr/", "")].map((name) => join(unpacked, name))) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) {
      if (!/\.so\.\d|^ld-/.test(name)) continue;
      copyFileSync(realpathSync(join(folder, name)), join(path, name.startsWith("ld-linux") ? "ld.so" : join("lib", name)));
    }
  }
  chmodSync(join(path, "ld.so"), 0o755);
  cpSync(join(unpacked, "usr/lib/uml/modules"), join(path, "modules"), { recursive: true, verbatimSymlinks: true });
  // The guest mounts it: one image does for all kernels.
  for (const version of readdirSync(join(path, "modules"))) {
    mkdirSync(join(path, "lib"), { recursive: true });
    symlinkSync("../modules", join(path, "lib/modules"));
    run("/sbin/depmod", ["--basedir", path, version]);
    rmSync(join(path, "lib/modules"));
  }
  rmSync(unpacked, { recursive: true });
}

/** The host's Node.js, and what it needs and the guest lacks. */
function addNode(root) {
  copyFileSync(realpathSync(process.execPath), join(root, "usr/local/bin/node"));
  chmodSync(join(root, "usr/local/bin/node"), 0o755);
  for (const [, path] of run("ldd", [process.execPath]).matchAll(/=> (\/\S+)/g)) {
    const to = join(root, LIBRARIES, basename(path));
    if (!existsSync(to)) copyFileSync(realpathSync(path), to);
  }
}

/** The guest's root file system, as a directory without modules of a kernel. */
export function makeRoot(path, packages, suite = SUITE) {
  mmdebstrap([
    "--variant=minbase",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    `--include=${packages.join(",")}`,
    suite,
    path,
  ]);
  for (const folder of ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"]) {
    rmSync(join(path, folder), { recursive: true, force: true });
  }
  const files = {
    "etc/hostname": "runt-vm\n",
    "etc/hosts": "127.0.0.1 localhost runt-vm\n",
    "etc/machine-id": `${"0123456789abcdef".repeat(2)}\n`,
    "etc/fstab": "",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  run("chroot", [path, "useradd", "--create-home", "--uid", "1000", "--shell", "/bin/bash", "--add-subids-for-system", "user"]);
  for (const name of ["subuid", "subgid"]) writeFileSync(join(path, "etc", name), "user:100000:65536\n");
  mkdirSync(join(path, "var/lib/systemd/linger"), { recursive: true });
  writeFileSync(join(path, "var/lib/systemd/linger/user"), "");
  for (const unit of MASKED) {
    rmSync(join(path, "etc/systemd/system", unit), { recursive: true, force: true });
    symlinkSync("/dev/null", join(path, "etc/systemd/system", unit));
  }
  cpSync(GUEST, path, { recursive: true });
  addNode(path);
  mkdirSync(join(path, "usr/lib/modules"), { recursive: true });
}

/** A word that changes with everything that an image is made of. */
export function keyOf(...parts) {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([SUITE, MASKED, process.version, makeRoot.toString(), ...parts]));
  for (const entry of readdirSync(GUEST, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) hash.update(entry.name).update(readFileSync(join(entry.parentPath ?? entry.path, entry.name)));
  }
  return hash.digest("hex").slice(0, 10);
}

/** An ext4 image of a directory. */
export function makeDisk(path, folder, size) {
  const options = ["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-E", "root_owner=0:0,lazy_itable_init=1"];
  run("mke2fs", [...options, "-d", folder, path, size], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
}

/**
 * The image of a guest.
 *
 * @param change makes of the directory what this guest needs
 * @param suite Debian's
 */
export function makeImage(path, packages, change = () => undefined, suite = SUITE) {
  const root = `${path}.root`;
  try {
    makeRoot(root, packages, suite);
    change(root);
    makeDisk(path, root, "4G");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * What a machine is started from, made if it is missing: some 40 s the first time.
 *
 * @param suites Debian's, where the kernel may come from; the first that can be had is taken
 * @returns `kernel`, a directory, and `image`, a file
 * @throws Unbuildable
 */
export function machine(suites = KERNEL_SUITES) {
  const problems = [];
  for (const suite of suites) {
    try {
      const kernel = once(`uml-${suite}`, (path) => makeKernel(suite, path));
      return { kernel, image: once(`image-${keyOf(PACKAGES)}`, (path) => makeImage(path, PACKAGES)) };
    } catch (error) {
      if (!(error instanceof Unbuildable)) throw error;
      problems.push(error.message);
    }
  }
  throw new Unbuildable(problems.join("\n"));
}
