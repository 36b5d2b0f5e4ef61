// SPDX-License-Identifier: Apache-2.0
// npm run test:arm64: builds runt for aarch64 with Debian's cross compiler, and tries it in a machine that qemu emulates, with Debian's
// kernel and busybox for arm64. The last line is "N passed, N failed, N skipped".
//
// The emulation takes a processor of its own for about a minute. Everything is made of Debian's packages and kept in the cache of the
// other test machines; nothing but the cross compiler and qemu is installed.
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { debianMirrors } from "./mirror.mjs";
import { environment, prepare, ROOT } from "./prepare.mjs";
import { count, describe } from "./tap.mjs";

const SUITE = "bookworm";
const CACHE = process.env.RUNT_VM_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "runt-vm");
const WORK = join(ROOT, "build/arm64-machine");
const PACKAGES = ["g++-aarch64-linux-gnu", "qemu-user-static", "qemu-system-arm", "mmdebstrap", "cpio"];
const BOOT_SECONDS = 420;
const MEMORY_MIB = 2048;
/** The first release whose Node.js the library knows. */
const NODE_SUITE = "trixie";
const RUNTIME_PACKAGES = ["fzstd", "tar-stream", "fast-fifo", "streamx", "events-universal", "text-decoder"];

const total = { passed: 0, failed: 0, skipped: 0 };

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: ROOT, env: environment(), encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (done.status === 0) return done.stdout;
  throw new Error(
    `${command}: ${done.error?.message ?? `ended with ${done.status ?? done.signal}`}\n${`${done.stdout}${done.stderr}`.trim().split("\n").slice(-8).join("\n")}`,
  );
}

/** The module of the kernel that a writable layer needs. */
const OVERLAY = "overlay.ko";

/** A directory with `kernel`, its overlay module and `busybox` for arm64, of Debian's packages. */
function parts() {
  const path = join(CACHE, `arm64-${SUITE}-${OVERLAY}`);
  if (existsSync(path)) return path;
  const half = `${path}.${process.pid}`;
  mkdirSync(half, { recursive: true });
  try {
    const unpacked = join(half, "unpacked");
    const apt = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"'].map((option) => `--aptopt=${option}`);
    run("mmdebstrap", [
      "--mode=root",
      ...apt,
      "--variant=extract",
      "--architectures=arm64",
      "--include=linux-image-cloud-arm64,busybox-static",
      SUITE,
      unpacked,
      debianMirrors()[0],
    ]);
    const kernel = readdirSync(join(unpacked, "boot")).find((name) => name.startsWith("vmlinuz-"));
    if (kernel === undefined) throw new Error("linux-image-cloud-arm64 has no kernel in it");
    copyFileSync(join(unpacked, "boot", kernel), join(half, "kernel"));
    const modules = join(unpacked, "lib/modules", kernel.replace("vmlinuz-", ""), "kernel");
    copyFileSync(join(modules, "fs/overlayfs", OVERLAY), join(half, OVERLAY));
    copyFileSync(join(unpacked, "bin/busybox"), join(half, "busybox"));
    rmSync(unpacked, { recursive: true });
    renameSync(half, path);
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  return path;
}

/** Node.js of Debian 13 for arm64 with its libraries, as a root file system; `undefined`, with a word about it, where it cannot be had. */
function nodeParts() {
  const path = join(CACHE, `arm64-node-${NODE_SUITE}`);
  if (existsSync(path)) return path;
  const half = `${path}.${process.pid}`;
  const unpacked = `${half}.unpacked`;
  try {
    const apt = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"'].map((option) => `--aptopt=${option}`);
    const words = ["--mode=root", ...apt, "--variant=extract", "--architectures=arm64", "--include=nodejs"];
    run("mmdebstrap", [...words, NODE_SUITE, unpacked]);
    mkdirSync(join(half, "usr/bin"), { recursive: true });
    copyFileSync(join(unpacked, "usr/bin/node"), join(half, "usr/bin/node"));
    run("cp", ["-a", join(unpacked, "usr/lib"), join(half, "usr/lib")]);
    // Some of Node.js' own modules lie outside of its program in Debian.
    if (existsSync(join(unpacked, "usr/share/nodejs"))) run("cp", ["-a", join(unpacked, "usr/share"), join(half, "usr/share")]);
    for (const name of ["doc", "man", "locale", "bug", "lintian"])
      rmSync(join(half, "usr/share", name), { recursive: true, force: true });
    renameSync(half, path);
  } catch (error) {
    total.skipped += 1;
    console.log(`skip   the library on arm64: Debian's Node.js cannot be had: ${error.message.split("\n")[0]}`);
    return undefined;
  } finally {
    rmSync(half, { recursive: true, force: true });
    rmSync(unpacked, { recursive: true, force: true });
  }
  return path;
}

/** What the library needs at run time, in /opt/runt of the machine. */
function addLibrary(root, node) {
  run("cp", ["-a", join(node, "usr"), root]);
  symlinkSync("usr/lib", join(root, "lib"));
  const to = join(root, "opt/runt");
  mkdirSync(join(to, "libexec"), { recursive: true });
  run("cp", ["-a", join(ROOT, "dist/lib"), to]);
  run("cp", ["-a", join(ROOT, "dist-aarch64/libexec/runt"), join(to, "libexec")]);
  copyFileSync(join(ROOT, "package.json"), join(to, "package.json"));
  for (const name of RUNTIME_PACKAGES) {
    mkdirSync(join(to, "node_modules"), { recursive: true });
    run("cp", ["-a", join(ROOT, "node_modules", name), join(to, "node_modules")]);
  }
  copyFileSync(join(ROOT, "conformance/arm64/library.mjs"), join(root, "library.mjs"));
}

/** The first root file system of the machine, with the program that was built; its path. */
function archive(from, node) {
  const root = join(WORK, "root");
  rmSync(WORK, { recursive: true, force: true });
  for (const folder of ["bin", "proc", "sys", "dev", "run", "tmp", "etc"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(join(from, "busybox"), join(root, "bin/busybox"));
  copyFileSync(join(from, OVERLAY), join(root, OVERLAY));
  copyFileSync(join(ROOT, "dist-aarch64/bin/runt"), join(root, "bin/runt"));
  // From the kernel's first root there is no pivot_root: the cases start on a tmpfs.
  const start = [
    ...["#!/bin/busybox sh", "/bin/busybox --install -s /bin", "mkdir /new", "mount -t tmpfs new /new"],
    ...[
      `cp -a /bin /cases.sh /${OVERLAY} /new`,
      "for i in /usr /opt /lib /library.mjs; do [ ! -e $i ] || cp -a $i /new; done",
      "cd /new",
      "mkdir proc sys dev run tmp etc",
      "exec switch_root /new /bin/sh /cases.sh",
    ],
  ];
  writeFileSync(join(root, "init"), `${start.join("\n")}\n`);
  copyFileSync(join(ROOT, "conformance/arm64/cases.sh"), join(root, "cases.sh"));
  if (node !== undefined) addLibrary(root, node);
  for (const name of ["init", "bin/busybox", "bin/runt"]) chmodSync(join(root, name), 0o755);
  const names = run("find", [".", "-print0"], { cwd: root });
  const output = join(WORK, "root.cpio");
  writeFileSync(
    output,
    spawnSync("cpio", ["--null", "--create", "--format=newc", "--quiet"], { cwd: root, input: names, maxBuffer: 1 << 28 }).stdout,
  );
  return output;
}

/** What the machine prints until it is switched off, or for too long. */
async function boot(kernel, root) {
  const words = [
    ...[
      "-machine",
      "virt",
      "-cpu",
      "cortex-a72",
      "-smp",
      "2",
      "-m",
      String(MEMORY_MIB),
      "-nographic",
      "-no-reboot",
      "-nic",
      "none",
    ],
    ...["-kernel", kernel, "-initrd", root, "-append", "console=ttyAMA0 panic=-1 quiet rdinit=/init"],
  ];
  const child = spawn("qemu-system-aarch64", words, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
  const timer = setTimeout(() => child.kill("SIGKILL"), BOOT_SECONDS * 1000);
  await new Promise((settle) => child.on("close", settle).on("error", settle));
  clearTimeout(timer);
  return text.replaceAll("\r", "");
}

async function main() {
  const missing = prepare({ packages: PACKAGES });
  if (missing.length > 0) {
    total.skipped += 1;
    console.log(`skip   arm64: these packages are missing: ${missing.join(" ")}`);
    return;
  }
  const built = spawnSync(process.execPath, ["scripts/build.mjs", "--arch", "aarch64"], { cwd: ROOT, stdio: "inherit" });
  if (built.status !== 0) throw new Error("the build for aarch64 failed");
  const from = parts();
  const text = await boot(join(from, "kernel"), archive(from, nodeParts()));
  const log = join(ROOT, "build/test-logs/arm64.tap");
  mkdirSync(join(ROOT, "build/test-logs"), { recursive: true });
  writeFileSync(log, text);
  const { Parser } = await import("tap-parser");
  const problems = [];
  const counts = count(
    Parser.parse(
      text
        .split("\n")
        .filter((line) => /^(not )?ok \d|^1\.\.\d|^# /.test(line))
        .join("\n"),
    ),
    [],
    problems,
  );
  for (const key of Object.keys(total)) total[key] += counts[key];
  for (const problem of problems) console.log(describe(problem));
  for (const [, name, value] of text.matchAll(/^# (kernel|cgroups) (.*)$/gm)) console.log(`host: ${name} ${value}`);
  if (/^1\.\.\d+$/m.test(text)) return;
  total.failed += 1;
  console.log(`FAILED arm64: the machine did not come to the end of its cases\n${text.trim().split("\n").slice(-15).join("\n")}`);
}

try {
  await main();
} catch (error) {
  total.failed += 1;
  console.log(`FAILED arm64: ${error.message}`);
}
rmSync(WORK, { recursive: true, force: true });
if (total.failed > 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
