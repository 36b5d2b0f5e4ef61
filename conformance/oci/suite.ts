// SPDX-License-Identifier: Apache-2.0
/**
 * The OCI validation suite (opencontainers/runtime-tools, `validation/`), built from Debian's source package with
 * Debian's Go libraries. Nothing of it is in this repository but a stand-in for the one library that Debian lacks.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../harness/runtime.ts";

/** Debian's source package, of trixie; the suite's own newest version needs a newer Go and compares pointers. */
const VERSION = "0.9.0.109.ge931285";
const NAME = "golang-github-opencontainers-runtime-tools";
const FILE = `${NAME}_${VERSION}.orig.tar.xz`;
const SHA256 = "203989a1ea98cf2aaced79155bbda09270b20db19b03376dde91ab12e5e6a0fe";

const FOLDER = join(PROJECT, "build/oci");
const SOURCES = join(FOLDER, "gopath/src/github.com");
/** The directory that tests are run in; it holds `runtimetest` and the root file system. */
export const RUN_FOLDER = join(FOLDER, "run");
/** The directory of the tests' programs. */
export const TEST_FOLDER = join(FOLDER, "tests");

/** Programs that the suite's shell scripts call; they are links to busybox. */
const APPLETS = ["sh", "true", "false", "sleep", "ls", "cat", "echo", "touch"];

/**
 * Fetches and builds the suite, unless that has been done.
 * @returns the names of the tests
 * @throws Error that says what could not be had
 */
export function buildSuite(): string[] {
  const stamp = join(FOLDER, "stamp");
  const key = createHash("sha256")
    .update(SHA256)
    .update(readFileSync(join(PROJECT, "conformance/oci/tap/tap.go")))
    .update(APPLETS.join())
    .digest("hex");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== key) {
    const archive = fetchSources();
    rmSync(join(FOLDER, "gopath"), { recursive: true, force: true });
    rmSync(TEST_FOLDER, { recursive: true, force: true });
    unpack(archive);
    compile();
    makeRootfs();
    writeFileSync(stamp, key);
  }
  return readdirSync(TEST_FOLDER).sort();
}

function fetchSources(): string {
  const archive = join(FOLDER, FILE);
  mkdirSync(FOLDER, { recursive: true });
  const isRight = (): boolean =>
    existsSync(archive) && createHash("sha256").update(readFileSync(archive)).digest("hex") === SHA256;
  if (isRight()) return archive;
  const mirrors = run("apt-get", ["indextargets", "--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"]);
  const tried: string[] = [];
  for (const line of new Set(mirrors.split("\n"))) {
    const [mirror = "", origin] = line.split(" ");
    if (origin !== "Debian") continue;
    const url = `${mirror}pool/main/g/${NAME}/${FILE}`;
    const done = spawnSync("/usr/lib/apt/apt-helper", ["download-file", url, archive, `SHA256:${SHA256}`], {
      encoding: "utf8",
    });
    if (done.status === 0 && isRight()) return archive;
    tried.push(`${url}: ${done.stderr.trim()}`);
  }
  throw new Error(`no Debian mirror gave ${FILE}: ${tried.join("; ") || "apt knows none"}`);
}

function unpack(archive: string): void {
  const target = join(SOURCES, "opencontainers/runtime-tools");
  mkdirSync(target, { recursive: true });
  run("tar", ["-xf", archive, "-C", target, "--strip-components=1"]);
  const library = join(SOURCES, "mndrix/tap-go");
  mkdirSync(library, { recursive: true });
  copyFileSync(join(PROJECT, "conformance/oci/tap/tap.go"), join(library, "tap.go"));
}

function compile(): void {
  const root = join(SOURCES, "opencontainers/runtime-tools");
  const env = {
    ...process.env,
    GO111MODULE: "off",
    GOFLAGS: "",
    CGO_ENABLED: "0",
    GOPATH: `${join(FOLDER, "gopath")}:/usr/share/gocode`,
    GOCACHE: join(FOLDER, "gocache"),
  };
  const build = (output: string, folder: string): void => {
    run("go", ["build", "-o", output, `./${folder}`], { cwd: root, env });
  };
  mkdirSync(RUN_FOLDER, { recursive: true });
  mkdirSync(TEST_FOLDER, { recursive: true });
  build(join(RUN_FOLDER, "runtimetest"), "cmd/runtimetest");
  for (const entry of readdirSync(join(root, "validation"), { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name !== "util") build(join(TEST_FOLDER, entry.name), `validation/${entry.name}`);
  }
}

/** The root file system that the suite unpacks into each bundle. */
function makeRootfs(): void {
  const folder = join(FOLDER, "rootfs");
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["bin", "dev", "etc", "proc", "sys"]) mkdirSync(join(folder, name), { recursive: true });
  // The entry "./" gives the bundle its mode, which a container's user needs.
  chmodSync(folder, 0o755);
  copyFileSync("/bin/busybox", join(folder, "bin/busybox"));
  for (const name of APPLETS) symlinkSync("busybox", join(folder, "bin", name));
  writeFileSync(join(folder, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  writeFileSync(join(folder, "etc/group"), "root:x:0:\n");
  run("tar", ["-C", folder, "--owner=0", "--group=0", "-czf", join(RUN_FOLDER, "rootfs-amd64.tar.gz"), "./"]);
}

function run(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): string {
  const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26, ...options });
  if (done.error !== undefined) throw new Error(`${command}: ${done.error.message}`);
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr.trim()}`);
  return done.stdout;
}
