// SPDX-License-Identifier: Apache-2.0
// What the scripts need and the machine lacks: it is named, and installed where somebody has asked for that (npm run setup,
// npm run demo, npm test, or CI=true).
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "..");

/** Debian packages by purpose; every script asks for what it uses. */
export const PACKAGES = {
  build: ["cmake", "g++", "make", "patch", "xz-utils"],
  demo: ["busybox-static"],
  test: [
    "busybox-static",
    "runc",
    "crun",
    "gcc",
    "libc6-dev",
    "strace",
    "bsdutils",
    "util-linux",
    "uidmap",
    "python3",
    "erofs-utils",
  ],
  // A web server, which a test records. A developer's machine need not get one; there the test is skipped.
  webServer: process.env.CI === "true" ? ["nginx"] : [],
  // Go and the libraries of the OCI validation suite.
  oci: [
    ...["golang-go", "xz-utils", "golang-github-opencontainers-specs-dev"],
    ...["golang-github-opencontainers-selinux-dev", "golang-github-google-uuid-dev"],
    ...["golang-github-hashicorp-go-multierror-dev", "golang-github-mrunalp-fileutils-dev"],
    ...["golang-github-sirupsen-logrus-dev", "golang-github-urfave-cli-dev"],
    ...["golang-gocapability-dev", "golang-golang-x-sys-dev"],
  ],
  engines: [
    ...["podman", "conmon", "buildah", "netavark", "catatonit", "uidmap", "slirp4netns", "fuse-overlayfs"],
    ...["docker.io", "docker-compose"],
    ...["containerd", "containernetworking-plugins", "iptables", "iproute2", "bsdutils"],
  ],
  lint: ["clang-format", "clang-tidy"],
  // What the virtual machine of npm run test:v2 is made with.
  v2: ["mmdebstrap", "e2fsprogs", "kmod", "gcc", "libc6-dev"],
  bench: ["runc", "crun", "gcc", "libc6-dev", "util-linux", "golang-github-containers-common"],
};

/** The environment for every program that a script starts. */
export function environment() {
  const env = { ...process.env };
  delete env.NODE_EXTRA_CA_CERTS; // adds 60 ms to every start of node
  return env;
}

function isInstalled(name) {
  const asked = spawnSync("dpkg-query", ["-W", "-f", "${Status}", name], { encoding: "utf8" });
  return asked.status === 0 && asked.stdout.includes("install ok installed");
}

/** Variables that say where a package registry and its certificates are. */
function networkEnvironment() {
  return { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
}

/** RUNT_OFFLINE=1: nothing is fetched. What is missing is told, and what needs it fails. */
const OFFLINE = process.env.RUNT_OFFLINE === "1";

const IN_CI = process.env.CI === "true";

// The scripts that this one starts may install, too.
if (IN_CI || process.argv.includes("--setup")) process.env.RUNT_SETUP = "1";

/** Whether somebody has asked to have missing things installed. */
const mayInstall = () => process.env.RUNT_SETUP === "1";

/** Packages whose installation starts a service. */
const WITH_SERVICE = ["docker.io", "containerd"];

/** What invoke-rc.d asks whether it may start the service of a package. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Keeps packages from starting their daemons while `install` runs, on a machine of CI; a policy that it has already stays. */
function withoutServices(install) {
  if (!IN_CI) return install();
  let made = false;
  try {
    writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { flag: "wx", mode: 0o755 });
    made = true;
  } catch (error) {
    if (error.code !== "EEXIST") console.log(`prepare: services may start: ${error.message}`);
  }
  try {
    return install();
  } finally {
    if (made) rmSync(POLICY);
  }
}

/** Those of the Debian packages that are not installed. */
export function missingPackages(packages) {
  return packages.filter((name) => !isInstalled(name));
}

/**
 * Names the Debian packages `packages` that are missing, and installs them where that has been asked for.
 *
 * @returns the names that are still missing; the reason has been printed
 */
export function prepare({ packages }) {
  if (spawnSync("dpkg-query", ["--version"]).status !== 0) {
    console.log(`prepare: this is not Debian; please see to it that you have: ${packages.join(" ")}`);
    return [];
  }
  const missing = missingPackages(packages);
  if (missing.length === 0) return [];
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if (OFFLINE) {
    console.log(`prepare: missing: ${missing.join(" ")}. RUNT_OFFLINE=1, so please run before: ${command}`);
    return missing;
  }
  if (process.getuid?.() !== 0) {
    console.log(`prepare: missing: ${missing.join(" ")}. Not root, so please run: sudo ${command}`);
    return missing;
  }
  if (!mayInstall()) {
    console.log(`prepare: missing: ${missing.join(" ")}. To install: npm run setup, or ${command}`);
    return missing;
  }
  console.log(`prepare: installing with apt-get: ${missing.join(" ")}`);
  const services = missing.filter((name) => WITH_SERVICE.includes(name));
  if (services.length > 0 && !IN_CI) console.log(`prepare: Debian starts the services of ${services.join(" and ")}`);
  const options = (stderr) => ({ stdio: ["ignore", "ignore", stderr], env: networkEnvironment() });
  const install = (stderr) => withoutServices(() => spawnSync("sh", ["-c", command], options(stderr)).status === 0);
  // On a new machine apt has no lists; its complaint about that is no news.
  if (!install("ignore")) {
    spawnSync("apt-get", ["update", "-q"], options("inherit"));
    if (!install("inherit")) console.log(`prepare: this failed: ${command}. Is a Debian mirror reachable?`);
  }
  return missing.filter((name) => !isInstalled(name));
}

/** What a lock file of npm says is installed, by path; {} where it cannot be read. */
function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), "utf8")).packages ?? {};
  } catch {
    return {};
  }
}

/** Whether node_modules holds what package-lock.json asks for; what is optional may be missing, for another machine. */
export function hasNpmPackages() {
  const there = lockedPackages("node_modules/.package-lock.json");
  const wanted = Object.entries(lockedPackages("package-lock.json")).filter(([path]) => path !== "");
  return (
    wanted.length > 0 &&
    wanted.every(([path, { version, optional = false, devOptional = false }]) => {
      const found = there[path];
      return found === undefined ? optional || devOptional : found.version === version;
    })
  );
}

/**
 * `npm ci` unless node_modules holds what package-lock.json asks for, or nobody has asked for that. Of two runs at once one installs
 * and the other waits.
 *
 * @returns whether the npm packages are there now
 */
export function ensureNpmPackages() {
  if (hasNpmPackages()) return true;
  if (!mayInstall()) {
    console.log("prepare: missing: the npm packages of package-lock.json. To install: npm run setup, or npm ci");
    return false;
  }
  mkdirSync(join(ROOT, "build"), { recursive: true });
  const installer = [process.execPath, join(ROOT, "scripts/npm_packages.mjs")];
  const options = { cwd: ROOT, stdio: "inherit", env: networkEnvironment() };
  const locked = spawnSync("flock", [join(ROOT, "build/npm.lock"), ...installer], options);
  // Without flock(1), of util-linux, there is nobody to wait for.
  const done = locked.error === undefined ? locked : spawnSync(installer[0], installer.slice(1), options);
  if (done.status !== 0) console.log("prepare: npm ci failed. Is an npm registry reachable?");
  return done.status === 0;
}
