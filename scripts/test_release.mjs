// SPDX-License-Identifier: Apache-2.0
// npm run test:release: installs what npm run release has made on fresh systems, and uses it there.
//
//   npm run test:release [-- sums pack lintian bookworm trixie docker-bookworm docker-trixie busybox]
//
// Debian 12 and 13 come from mmdebstrap, once, into ~/.cache/runt-release (RUNT_RELEASE_CACHE), with the packages of docker and of
// shells lying there; each is unpacked on a tmpfs, in namespaces and cgroups of its own without a network. A third system has nothing
// but busybox. The last line is "N passed, N failed, N skipped".
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { debianMirrors } from "./mirror.mjs";
import { environment, prepare, ROOT } from "./prepare.mjs";

const RELEASE = join(ROOT, "build/release");
const CACHE = process.env.RUNT_RELEASE_CACHE ?? join(homedir(), ".cache/runt-release");
/** What each Debian has installed, and what lies in folders of /srv there, to be installed without a network. */
const SYSTEMS = {
  bookworm: {
    packages: ["man-db", "bash-completion"],
    later: { docker: ["docker.io", "iptables", "iproute2"], shells: ["zsh", "fish"] },
  },
  trixie: {
    packages: ["man-db", "bash-completion", "nodejs"],
    later: { docker: ["docker.io", "docker-cli", "iptables", "iproute2"], shells: ["zsh", "fish"] },
  },
};
const SCRIPTS = join(ROOT, "packaging/test");
const TIMEOUT_MS = 300_000;

const harness = "../build/js/conformance/harness/host.js";
const { cgroupMounts, PURE_V2, removeCgroups } = await import(harness).catch(() => {
  console.error("test_release: build/js is not there: npm run build");
  process.exit(1);
});

const total = { passed: 0, failed: 0, skipped: 0 };
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

function note(kind, text) {
  total[kind] += 1;
  console.log(`${{ passed: "ok     ", failed: "FAILED ", skipped: "skip   " }[kind]}${text}`);
}

/** A tar archive of a fresh Debian; undefined where it cannot be made. */
function debian(suite) {
  const { packages, later } = SYSTEMS[suite];
  const key = createHash("sha256")
    .update(JSON.stringify([packages, later]))
    .digest("hex")
    .slice(0, 10);
  const archive = join(CACHE, `${suite}-${key}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(CACHE, { recursive: true });
  console.log(`test_release: making ${archive}`);
  // apt of the machine that makes it fetches for the system, which has no network.
  const hooks = Object.entries(later).map(
    ([folder, names]) =>
      `--customize-hook=mkdir -p "$1/srv/${folder}" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q -y install --no-install-recommends --download-only ${names.join(" ")} && mv "$1"/var/cache/apt/archives/*.deb "$1/srv/${folder}/"`,
  );
  const words = [
    "--variant=minbase",
    "--format=tar",
    `--include=${packages.join(",")}`,
    ...hooks,
    suite,
    `${archive}.new`,
    `deb ${debianMirrors()[0]} ${suite} main`,
  ];
  const made = spawnSync("mmdebstrap", words, { encoding: "utf8" });
  if (made.status !== 0) {
    console.log(made.stderr?.trim().split("\n").slice(-5).join("\n"));
    rmSync(`${archive}.new`, { force: true });
    return undefined;
  }
  for (const old of readdirSync(CACHE)) if (old.startsWith(suite) && old.endsWith(".tar")) rmSync(join(CACHE, old));
  renameSync(`${archive}.new`, archive);
  return archive;
}

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

/** The cgroup of a system in each hierarchy of this host. */
function makeCgroups(name) {
  for (const [controller, mount] of cgroupMounts()) {
    const folder = join(mount, name);
    mkdirSync(folder, { recursive: true });
    if (controller !== "cpuset") continue;
    for (const file of ["cpuset.cpus", "cpuset.mems"]) writeFileSync(join(folder, file), readFileSync(join(mount, file)));
  }
  return [...new Set(cgroupMounts().values())].map((mount) => join(mount, name));
}

/**
 * Joins the cgroups $CGROUPS, makes them the roots of a new cgroup namespace, and goes aside into $ASIDE, where that is not empty: a
 * cgroup of version 2 with processes gives its children no controllers.
 */
const JOIN = `for c in $CGROUPS; do echo 0 >"$c/cgroup.procs" || exit; done
exec unshare --cgroup sh -c '[ -z "$ASIDE" ] || echo 0 >"$ASIDE/cgroup.procs" || exit; exec "$@"' sh "$@"`;

/** @param script name of a file in packaging/test/ */
function runSystem(name, script, archive) {
  const folder = mkdtempSync(join(tmpdir(), "runt-release-"));
  const [root, box] = [join(folder, "root"), join(folder, "box")];
  for (const path of [root, box]) mkdirSync(path);
  const cgroup = basename(folder);
  try {
    cpSync("/bin/busybox", join(box, "busybox"));
    cpSync(process.execPath, join(box, "node"));
    for (const each of dependencies())
      cpSync(join(ROOT, "node_modules", each), join(box, "node_modules", each), { recursive: true });
    for (const file of ["common.sh", "machine.sh"]) cpSync(join(SCRIPTS, file), join(box, file));
    cpSync(join(SCRIPTS, script), join(box, "test.sh"));
    cpSync(join(ROOT, "README.md"), join(box, "README.md"));
    const hierarchies = [...cgroupMounts().keys()].map((each) => (each === "" ? "cgroup2" : each)).join(" ");
    const words = [
      ...["-c", JOIN, "sh", "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"],
      ...["sh", join(box, "machine.sh"), root, archive ?? "", box, RELEASE, hierarchies],
    ];
    const env = {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      TERM: "dumb",
      CGROUPS: makeCgroups(cgroup).join(" "),
      ASIDE: PURE_V2 ? makeCgroups(`${cgroup}/outside`)[0] : "",
      VERSION: version,
      SUITE: name,
      DEBIAN_FRONTEND: "noninteractive",
      LC_ALL: "C.UTF-8",
    };
    const done = spawnSync("sh", words, { encoding: "utf8", env, timeout: TIMEOUT_MS });
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
    removeCgroups(`/${cgroup}`);
    rmSync(folder, { recursive: true });
  }
}

function runDebian(suite, script, name = suite) {
  const missing = prepare({ packages: ["mmdebstrap", "busybox-static"] });
  const archive = missing.length > 0 ? undefined : debian(suite);
  if (archive === undefined)
    note(
      "skipped",
      `${name}: ${missing.length > 0 ? `needs the Debian packages ${missing.join(" ")}` : "mmdebstrap cannot make it here"}`,
    );
  else runSystem(name, script, archive);
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
  bookworm: () => runDebian("bookworm", "debian.sh"),
  trixie: () => runDebian("trixie", "debian.sh"),
  "docker-bookworm": () => runDebian("bookworm", "docker.sh", "docker of bookworm"),
  "docker-trixie": () => runDebian("trixie", "docker.sh", "docker of trixie"),
  busybox: () => runSystem("busybox", "busybox.sh"),
};

if (!existsSync(join(RELEASE, "SHA256SUMS"))) note("failed", "build/release is not there: npm run release makes it");
else if (process.getuid?.() !== 0) note("skipped", "it needs root");
else {
  const wanted = process.argv.slice(2);
  for (const [name, action] of Object.entries(KINDS)) if (wanted.length === 0 || wanted.includes(name)) action();
}
if (total.failed > 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
