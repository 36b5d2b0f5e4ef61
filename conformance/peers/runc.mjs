// SPDX-License-Identifier: Apache-2.0
// runc's bats tests, from a clone of opencontainers/runc.
import { chmodSync, cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { batsPath, filterOf, firstLine, sh } from "./run.mjs";

export const repository = "opencontainers/runc";
export const mark = "tests/integration/helpers.bash";
export const peer = "runc";
/** The suite expects this name in messages. */
export const linkName = "runc";
export const cgroupV1Alone = false;
const STALL_MS = 120_000;
const HELPERS = ["recvtty", "sd-helper", "seccompagent", "fs-idmap", "pidfd-kill", "remap-rootfs", "key_label"];

export function missing() {
  if (batsPath() === "") return "bats is missing (Debian's package bats, or BATS=PATH)";
  for (const program of ["jq", "gawk"]) {
    if (sh(`command -v ${program}`).status !== 0) return `${program} is missing, which the suite calls`;
  }
  if (!existsSync(BUSYBOX))
    return `${BUSYBOX} is missing (Debian's package busybox-static); the root file systems are made of it`;
  return undefined;
}

const BUSYBOX = "/bin/busybox";

/** A copy of the tests with images and helpers beside them: the clone stays as it is. @returns notes @throws Error */
export function prepare(clone, work) {
  mkdirSync(join(work, "tests"));
  cpSync(join(clone, "tests/integration"), join(work, "tests/integration"), { recursive: true });
  cpSync(join(clone, "tests/cmd"), join(work, "tests/cmd"), { recursive: true });
  for (const name of ["man", "contrib", "script"]) {
    if (existsSync(join(clone, name))) cpSync(join(clone, name), join(work, name), { recursive: true });
  }
  const busybox = join(work, "busybox.tar");
  const debian = join(work, "debian.tar");
  busyboxImage(work, busybox);
  debianImage(work, debian);
  const images = `echo BUSYBOX_IMAGE='${busybox}'\necho DEBIAN_IMAGE='${debian}'\n`;
  writeFileSync(join(work, "tests/integration/get-images.sh"), `#!/bin/sh\n${images}`);
  chmodSync(join(work, "tests/integration/get-images.sh"), 0o755);
  mkdirSync(join(work, "tmp"));
  chmodSync(join(work, "tmp"), 0o1777);
  return buildHelpers(clone, join(work, "tests/cmd/_bin"));
}

/** The helpers are built in the clone's modules, into another place; GO names a newer Go than the machine's. */
function buildHelpers(clone, into) {
  mkdirSync(into, { recursive: true });
  const go = process.env.GO ?? "go";
  const built = join(clone, "tests/cmd/_bin");
  const notes = [];
  for (const helper of HELPERS) {
    if (existsSync(join(built, helper))) {
      cpSync(join(built, helper), join(into, helper));
      continue;
    }
    const result = sh(`'${go}' build -mod=vendor -tags seccomp -o '${into}/' './tests/cmd/${helper}'`, {
      cwd: clone,
      env: { ...process.env, GOTOOLCHAIN: "local" },
      timeout: 300_000,
    });
    if (result.status === 0) continue;
    notes.push(
      `tests that need ${helper} fail: it cannot be built (${firstLine(result.stderr) || "it takes too long"}); GO names a newer Go`,
    );
  }
  return notes;
}

/** Without proc and sys, as in the image that the suite fetches: tests put links there. */
const DIRECTORIES = ["bin", "dev", "etc", "home", "lib", "root", "tmp", "usr/bin", "usr/sbin", "var/spool/mail", "var/www"];
const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh",
  "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
  "nobody:x:65534:65534:nobody:/home:/bin/false",
];
const GROUP = ["root:x:0:", "daemon:x:1:", "tty:x:5:", "nobody:x:65534:"];

/** The tree that both images have. */
function tree(work, name) {
  const root = join(work, name);
  for (const directory of DIRECTORIES) mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), `${PASSWD.join("\n")}\n`);
  writeFileSync(join(root, "etc/group"), `${GROUP.join("\n")}\n`);
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
  chmodSync(join(root, "tmp"), 0o1777);
  cpSync(BUSYBOX, join(root, "bin/busybox"), { dereference: true });
  for (const applet of sh(`${BUSYBOX} --list`).stdout.trim().split("\n")) {
    // No symbolic link: tests change modes of applets from outside, where it would lead to the host's program.
    if (applet !== "busybox") linkSync(join(root, "bin/busybox"), join(root, "bin", applet));
  }
  return root;
}

function pack(root, archive) {
  const result = sh(`tar -C '${root}' -cf '${archive}' . && rm -rf '${root}'`);
  if (result.status !== 0) throw new Error(`tar: ${firstLine(result.stderr)}`);
}

function busyboxImage(work, archive) {
  pack(tree(work, "busybox-root"), archive);
}

/** The machine's own programs in the place of Debian's image, as far as the tests call them. */
const PROGRAMS = [
  "bash",
  "findmnt",
  "mount",
  "umount",
  "chrt",
  "ionice",
  "taskset",
  "ls",
  "cat",
  "stat",
  "grep",
  "sed",
  "awk",
  "id",
  "sleep",
  "touch",
  "mkdir",
  "find",
];

function debianImage(work, archive) {
  const root = tree(work, "debian-root");
  // As in Debian's image: a user namespace may make nothing there.
  for (const directory of ["proc", "sys", "run"]) mkdirSync(join(root, directory));
  const copy = (path) => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    cpSync(path, join(root, path), { dereference: true, force: true });
  };
  for (const program of PROGRAMS) {
    const path = firstLine(sh(`command -v ${program}`).stdout);
    if (path === "") continue;
    sh(`rm -f '${root}/bin/${program}'`);
    cpSync(path, join(root, "bin", program), { dereference: true });
    linkSync(join(root, "bin", program), join(root, "usr/bin", program));
    for (const library of sh(`ldd '${path}' | grep -o '/[^ )]*'`).stdout.trim().split("\n")) if (library !== "") copy(library);
  }
  if (existsSync("/sbin/ldconfig")) copy("/sbin/ldconfig");
  pack(root, archive);
}

export function files(clone) {
  return readdirSync(join(clone, "tests/integration"))
    .filter((name) => name.endsWith(".bats"))
    .sort();
}

/** The names of a file's tests, in their order. */
export function testsOf(clone, file) {
  const text = readFileSync(join(clone, "tests/integration", file), "utf8");
  return [...text.matchAll(/^@test "(.*)" \{$/gm)].map(([, name]) => name);
}

export function command(clone, work, file, runtime, names) {
  const isAll = names.length === testsOf(clone, file).length;
  // "runc spec" asks for a terminal, and so do most tests.
  const bats = `exec '${batsPath()}' --tap ${isAll ? "" : '--filter "$FILTER"'} '${join(work, "tests/integration", file)}'`;
  return {
    words: ["script", "-qec", bats, "/dev/null"],
    keepsInput: true,
    env: { FILTER: filterOf(names), RUNC: runtime, TMPDIR: join(work, "tmp"), BATS_TMPDIR: join(work, "tmp"), TERM: "dumb" },
    stallMs: STALL_MS,
  };
}
