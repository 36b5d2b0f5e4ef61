// SPDX-License-Identifier: Apache-2.0
// Machines with Debian's stock kernels, which qemu emulates: slow, but with every controller, security module and file system that
// Debian's users have. The guest is that of machine.mjs with what the security modules need; a kernel is a file, a first root file
// system with the few modules that reach the disk, and a disk with all others.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { keyOf, makeDisk, makeImage, mmdebstrap, once, PACKAGES, run, Unbuildable } from "./machine.mjs";

/** What the stock guest has beyond the packages of the other one. */
const MORE_PACKAGES = ["selinux-policy-default", "policycoreutils", "selinux-utils", "apparmor", "rdma-core"];
/** Modules of the first root file system; those that they need come with them. */
const EARLY = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "9p", "9pnet_virtio", "virtio_rng"];
/** Folders of modules for hardware and file systems that no emulated machine has. */
const NOT_THERE = [
  ...["sound", "drivers/gpu", "drivers/media", "drivers/net/ethernet", "drivers/net/wireless", "drivers/staging", "drivers/usb"],
  ...["drivers/iio", "drivers/hid", "drivers/input", "drivers/scsi", "drivers/isdn", "drivers/bluetooth", "drivers/video"],
  ...[
    "drivers/net/can",
    "drivers/net/phy",
    "drivers/platform",
    "drivers/leds",
    "drivers/mtd",
    "drivers/hwmon",
    "drivers/infiniband/hw/hfi1",
  ],
  ...[
    "net/bluetooth",
    "net/wireless",
    "net/mac80211",
    "fs/ocfs2",
    "fs/xfs",
    "fs/btrfs",
    "drivers/edac",
    "drivers/thermal",
    "drivers/i2c",
  ],
];
const MEMORY_MIB = 3072;

/** Path of one module below the folder of modules, as modules.dep has it. */
function dependencies(folder) {
  const found = new Map();
  for (const line of readFileSync(join(folder, "modules.dep"), "utf8").split("\n")) {
    const [path, needs] = line.split(":");
    if (needs === undefined) continue;
    found.set(
      basename(path)
        .replace(/\.ko(\..*)?$/, "")
        .replaceAll("-", "_"),
      [
        path,
        needs
          .trim()
          .split(" ")
          .filter((each) => each !== ""),
      ],
    );
  }
  return found;
}

/** The first root file system: busybox, the modules that reach the disk, and a script that mounts it. */
function makeFirstRoot(folder, modules, output) {
  const root = `${output}.root`;
  for (const name of ["bin", "proc", "sys", "dev", "m", "new"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  const known = dependencies(modules);
  const order = [];
  for (const name of EARLY) {
    const entry = known.get(name);
    if (entry === undefined) continue; // It is a part of the kernel.
    for (const path of [...entry[1].toReversed(), entry[0]]) if (!order.includes(path)) order.push(path);
  }
  for (const path of order) {
    const to = join(root, "m", basename(path));
    copyFileSync(join(modules, path), to);
    if (path.endsWith(".xz")) run("xz", ["--decompress", to]);
    if (path.endsWith(".zst")) run("zstd", ["--decompress", "--rm", "-q", to]);
  }
  const insert = order.map((path) => `insmod /m/${basename(path).replace(/\.(xz|zst)$/, "")}`);
  const script = [
    ...["#!/bin/busybox sh", "/bin/busybox --install -s /bin", "mount -t proc proc /proc", "mount -t sysfs sysfs /sys"],
    ...["mount -t devtmpfs dev /dev", ...insert, "mount -t ext4 -o rw,noatime /dev/vda /new"],
    ...["mount -t ext4 -o ro /dev/vdb /new/usr/lib/modules", "umount /proc /sys", "mount -o move /dev /new/dev"],
    "exec switch_root /new /sbin/init",
  ];
  writeFileSync(join(root, "init"), `${script.join("\n")}\n`);
  for (const name of ["init", "bin/busybox"]) chmodSync(join(root, name), 0o755);
  run("sh", ["-c", `find . | cpio --create --format=newc --quiet > '${output}'`], { cwd: root });
  rmSync(root, { recursive: true });
}

/** The stock kernel of a suite: `vmlinuz`, `first`, `modules` (an image), `version`. */
function makeKernel(suite, path) {
  const unpacked = join(path, "unpacked");
  mkdirSync(path, { recursive: true });
  mmdebstrap(["--variant=extract", "--include=linux-image-amd64", suite, unpacked]);
  const lib = ["usr/lib/modules", "lib/modules"].map((name) => join(unpacked, name)).find((name) => existsSync(name));
  const version = lib === undefined ? undefined : readdirSync(lib)[0];
  if (version === undefined) throw new Unbuildable(`linux-image-amd64 of ${suite} has no modules in it`);
  const kernel = [join(unpacked, "boot", `vmlinuz-${version}`), join(lib, version, "vmlinuz")].find((name) => existsSync(name));
  if (kernel === undefined) throw new Unbuildable(`linux-image-amd64 of ${suite} has no kernel in it`);
  copyFileSync(kernel, join(path, "vmlinuz"));
  for (const name of NOT_THERE) rmSync(join(lib, version, "kernel", name), { recursive: true, force: true });
  if (lib.endsWith("usr/lib/modules") && !existsSync(join(unpacked, "lib"))) symlinkSync("usr/lib", join(unpacked, "lib"));
  run("/sbin/depmod", ["--basedir", unpacked, version]);
  makeFirstRoot(path, join(lib, version), join(path, "first"));
  // Where SELinux is in force, nothing but what is labelled so is loaded.
  run("sh", [
    "-c",
    `find '${lib}' -exec setfattr --no-dereference -n security.selinux -v system_u:object_r:modules_object_t:s0 {} +`,
  ]);
  makeDisk(join(path, "modules"), lib, "600M");
  writeFileSync(join(path, "version"), version);
  rmSync(unpacked, { recursive: true });
}

/**
 * Domains of the machine's own that the policy lets do everything: the service that starts the cases, and the runtime's with the
 * cases in it. What is tried is what the policy keeps a container's domain from.
 */
const PERMISSIVE = ["initrc_t", "container_engine_t"];

/**
 * Labels every file as Debian's policy wants it, and makes systemd load the policy where the kernel has SELinux on. Debian 12's policy
 * has no container_t.
 */
function addSelinux(root) {
  writeFileSync(join(root, "etc/selinux/config"), "SELINUX=enforcing\nSELINUXTYPE=default\n");
  const known = existsSync(join(root, "usr/share/selinux/default/container.pp.bz2")) ? PERMISSIVE : [];
  writeFileSync(join(root, "root/runt.cil"), known.map((name) => `(typepermissive ${name})\n`).join(""));
  const contexts = "/etc/selinux/default/contexts/files/file_contexts";
  const words = [
    `mount -t proc proc '${root}/proc'`,
    ...(known.length === 0 ? [] : [`chroot '${root}' semodule -n -s default -i /root/runt.cil`]),
    `exec chroot '${root}' setfiles -F -e /proc ${contexts} /`,
  ];
  run("unshare", ["--mount", "--propagation", "private", "sh", "-c", words.join(" && ")]);
}

/**
 * What a machine with the stock kernel of a suite is started from; made if it is missing.
 *
 * @param suite Debian's, of the kernel
 * @param guest Debian's, of everything else
 * @throws Unbuildable
 */
export function stockMachine(suite, guest = "bookworm") {
  const kernel = once(`stock-${suite}`, (path) => makeKernel(suite, path));
  const packages = [...PACKAGES, ...MORE_PACKAGES];
  const key = keyOf(packages, addSelinux.toString(), guest);
  const image = once(`stock-image-${key}`, (path) => makeImage(path, packages, addSelinux, guest));
  return {
    version: readFileSync(join(kernel, "version"), "utf8"),
    /** How boot() starts it. */
    command: ({ work, project, words }) => ({
      program: "qemu-system-x86_64",
      cwd: work,
      env: { PATH: process.env.PATH, TMPDIR: work },
      words: [
        // One thread: the kernel changes its own code, and another emulated processor may still run what it was before.
        ...["-accel", "tcg,thread=single,tb-size=512", "-cpu", "max", "-smp", "2", "-m", String(MEMORY_MIB)],
        ...["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"],
        ...["-kernel", join(kernel, "vmlinuz"), "-initrd", join(kernel, "first")],
        ...["-drive", `file=${image},if=virtio,format=raw,snapshot=on,cache=unsafe`],
        ...["-drive", `file=${join(kernel, "modules")},if=virtio,format=raw,readonly=on`],
        ...["-drive", "driver=null-co,if=virtio,size=1G,read-zeroes=on"],
        ...["-fsdev", `local,id=work,path=${work},security_model=none`, "-device", "virtio-9p-pci,fsdev=work,mount_tag=work"],
        ...["-fsdev", `local,id=project,path=${project},security_model=none,readonly=on`],
        ...["-device", "virtio-9p-pci,fsdev=project,mount_tag=project", "-device", "virtio-rng-pci"],
        // The work directory once more, for a mount with other options.
        ...["-fsdev", `local,id=again,path=${work},security_model=none`, "-device", "virtio-9p-pci,fsdev=again,mount_tag=again"],
        "-append",
        ["console=ttyS0 panic=-1 quiet mitigations=off tsc=reliable net.ifnames=0 nokaslr", ...words].join(" "),
      ],
    }),
  };
}
