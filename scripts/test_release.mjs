// SPDX-License-Identifier: Apache-2.0
// npm run test:release: installs what npm run release has made on fresh systems, and uses it there.
//
//   npm run test:release [-- sums pack lintian bookworm trixie busybox]
//
// Debian 12 and 13 come from mmdebstrap, once, into ~/.cache/runt-release (RUNT_RELEASE_CACHE); each is unpacked on a tmpfs, in
// namespaces of its own without a network. A third system has nothing but busybox. The last line is "N passed, N failed, N skipped".
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { environment, prepare, ROOT } from "./prepare.mjs";

const RELEASE = join(ROOT, "build/release");
const CACHE = process.env.RUNT_RELEASE_CACHE ?? join(homedir(), ".cache/runt-release");
const PACKAGES = { bookworm: ["man-db", "bash-completion"], trixie: ["man-db", "bash-completion", "nodejs"] };
const SCRIPTS = join(ROOT, "packaging/test");
const TIMEOUT_MS = 300_000;

const total = { passed: 0, failed: 0, skipped: 0 };
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

function note(kind, text) {
  total[kind] += 1;
  console.log(`${{ passed: "ok     ", failed: "FAILED ", skipped: "skip   " }[kind]}${text}`);
}

/** A tar archive of a fresh Debian; undefined where it cannot be made. */
function debian(suite) {
  const archive = join(CACHE, `${suite}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(CACHE, { recursive: true });
  console.log(`test_release: making ${archive}`);
  const uri = mirror();
  const words = [
    "--variant=minbase",
    "--format=tar",
    `--include=${PACKAGES[suite].join(",")}`,
    suite,
    `${archive}.new`,
    `deb ${uri} ${suite} main`,
  ];
  const made = spawnSync("mmdebstrap", words, { encoding: "utf8" });
  if (made.status !== 0) {
    console.log(made.stderr?.trim().split("\n").slice(-5).join("\n"));
    rmSync(`${archive}.new`, { force: true });
    return undefined;
  }
  spawnSync("mv", [`${archive}.new`, archive]);
  return archive;
}

/** Where apt gets Debian from here. */
function mirror() {
  const asked = spawnSync("apt-get", ["indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(SUITE)", "Created-By: Packages"], {
    encoding: "utf8",
  });
  const line = asked.stdout.split("\n").find((text) => text.includes(" Debian ") && !text.includes("security"));
  return line?.split(" ")[0] ?? "http://deb.debian.org/debian";
}

/**
 * Makes a system on a tmpfs and runs packaging/test/NAME.sh in it, which prints "ok WHAT" and "not ok WHAT" lines. $1 is the folder
 * of the system, $2 the archive of a Debian or "".
 */
const MACHINE = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$1"
cd "$1"
if [ -n "$2" ]; then
  tar -xf "$2" --exclude=./dev/* --exclude=./sys/* --exclude=./proc/*
else
  mkdir -p bin dev proc sys tmp etc root
  cp /bin/busybox bin/
  for name in $(bin/busybox --list); do [ -e "bin/$name" ] || ln -s busybox "bin/$name"; done
fi
mkdir -p release box run
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount --bind "$RELEASE" release
mount --bind "$3" box
mount -o remount,bind,ro box
ip link set lo up 2>/dev/null || true
exec chroot . /bin/sh -u /box/test.sh
`;

/** Names of the npm packages that the library needs, as npm would install them beside it: the machine has no registry. */
function dependencies() {
  const names = new Set();
  const add = (folder) => {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = join(ROOT, "node_modules", name);
      if (names.has(name) || !existsSync(path)) continue;
      names.add(name);
      add(path);
    }
  };
  add(ROOT);
  return names;
}

function runSystem(name, archive) {
  const folder = mkdtempSync(join(tmpdir(), "runt-release-"));
  const [root, box] = [join(folder, "root"), join(folder, "box")];
  for (const path of [root, box]) mkdirSync(path);
  try {
    cpSync("/bin/busybox", join(box, "busybox"));
    cpSync(process.execPath, join(box, "node"));
    for (const each of dependencies())
      cpSync(join(ROOT, "node_modules", each), join(box, "node_modules", each), { recursive: true });
    cpSync(join(SCRIPTS, "common.sh"), join(box, "common.sh"));
    cpSync(join(SCRIPTS, `${name === "busybox" ? "busybox" : "debian"}.sh`), join(box, "test.sh"));
    const words = [
      "--mount",
      "--pid",
      "--net",
      "--uts",
      "--ipc",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      MACHINE,
      "machine",
      root,
      archive ?? "",
      box,
    ];
    const env = {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      TERM: "dumb",
      RELEASE,
      VERSION: version,
      SUITE: name,
      DEBIAN_FRONTEND: "noninteractive",
      LC_ALL: "C.UTF-8",
    };
    const done = spawnSync("unshare", words, { encoding: "utf8", env, timeout: TIMEOUT_MS });
    const lines = done.stdout.split("\n");
    for (const line of lines) {
      const [, not, what] = /^(not )?ok (.*)$/.exec(line) ?? [];
      if (what !== undefined) note(not === undefined ? "passed" : "failed", `${name}: ${what}`);
      else if (line !== "" && lines.some((other) => other.startsWith("not ok"))) console.log(`    ${line}`);
    }
    if (done.status !== 0 || !lines.includes("done"))
      note(
        "failed",
        `${name}: the script ended with ${done.status ?? done.signal ?? done.error?.message}\n${done.stdout.split("\n").slice(-8).join("\n")}\n${done.stderr.trim().split("\n").slice(-8).join("\n")}`,
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runDebian(suite) {
  const missing = prepare({ packages: ["mmdebstrap", "busybox-static"] });
  const archive = missing.length > 0 ? undefined : debian(suite);
  if (archive === undefined) note("skipped", `${suite}: it cannot be made here`);
  else runSystem(suite, archive);
}

function lintian() {
  const [deb] = readdirSync(RELEASE).filter((name) => name.endsWith(".deb"));
  if (prepare({ packages: ["lintian"] }).length > 0) return note("skipped", "lintian: it is not here");
  const done = spawnSync("lintian", ["--fail-on", "error", "--tag-display-limit", "0", join(RELEASE, deb)], { encoding: "utf8" });
  const text = `${done.stdout}${done.stderr}`.trim();
  if (text !== "") console.log(text);
  return note(done.status === 0 ? "passed" : "failed", "lintian finds no error");
}

function sums() {
  const done = spawnSync("sha256sum", ["-c", "--quiet", "SHA256SUMS"], { cwd: RELEASE, encoding: "utf8" });
  note(done.status === 0 ? "passed" : "failed", `SHA256SUMS ${done.stdout}${done.stderr}`.trim());
  for (const name of readdirSync(RELEASE).filter((file) => file.endsWith(".deb"))) {
    const size = readFileSync(join(RELEASE, name)).length;
    note(size < 6e6 ? "passed" : "failed", `${name} has ${(size / 1e6).toFixed(1)} MB, less than 6`);
  }
}

/** npm pack of the checkout is refused. */
function pack() {
  const done = spawnSync("npm", ["pack", "--dry-run"], { cwd: ROOT, encoding: "utf8", env: environment() });
  note(
    done.status !== 0 && done.stderr.includes("npm run release") ? "passed" : "failed",
    "npm pack of a checkout refuses, and says what makes the packages",
  );
}

const KINDS = {
  sums,
  pack,
  lintian,
  bookworm: () => runDebian("bookworm"),
  trixie: () => runDebian("trixie"),
  busybox: () => runSystem("busybox"),
};

if (!existsSync(join(RELEASE, "SHA256SUMS"))) note("failed", "build/release is not there: npm run release makes it");
else if (process.getuid?.() !== 0) note("skipped", "it needs root");
else {
  const wanted = process.argv.slice(2);
  for (const [name, action] of Object.entries(KINDS)) if (wanted.length === 0 || wanted.includes(name)) action();
}
if (total.failed > 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
