// SPDX-License-Identifier: Apache-2.0
// npm run demo: installs what is missing (--setup), builds runt, makes a bundle, runs a container and shows it from inside.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureNpmPackages, environment, PACKAGES, prepare, ROOT } from "./prepare.mjs";

const RUNT = join(ROOT, "dist/bin/runt");
const BUSYBOX = "/bin/busybox";
const MEMORY_BYTES = 64 * 1024 * 1024;
const PIDS = 32;

/** Ends the demo with what the person can do about it. */
function giveUp(problem, advice) {
  console.error(`demo: ${problem}`);
  console.error(`      ${advice}`);
  process.exit(1);
}

const say = (text) => console.log(`\n== ${text}`);

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: ROOT, stdio: "inherit", env: environment(), ...options });
}

/** "v1", "v2", or undefined: the cgroups that a memory limit can be set in. */
function cgroupVersion() {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  if (/ - cgroup2 /.test(mounts) && existsSync("/sys/fs/cgroup/cgroup.controllers")) return "v2";
  return / - cgroup \S+ \S*\bmemory\b/.test(mounts) ? "v1" : undefined;
}

function install() {
  if (process.getuid?.() !== 0) {
    giveUp("this demo needs root, to limit memory with a cgroup.", "Run it as root: sudo npm run demo");
  }
  if (cgroupVersion() === undefined) {
    giveUp(
      "no cgroup file system with a memory controller is mounted here.",
      "In a container, start it with the host's /sys/fs/cgroup (docker run --privileged); on a machine, see cgroups(7).",
    );
  }
  const missing = prepare({ packages: [...PACKAGES.build, ...PACKAGES.demo] });
  if (missing.length > 0) {
    giveUp(`these Debian packages are missing: ${missing.join(" ")}.`, "Install them, or set up a Debian mirror in /etc/apt.");
  }
  if (!ensureNpmPackages()) {
    giveUp("the npm packages could not be had.", "Point npm at a registry that you reach: npm config set registry URL");
  }
  if (run(process.execPath, ["scripts/build.mjs"], { env: process.env }).status !== 0) {
    giveUp("the build failed.", "Its last lines, above, say why; once that is seen to, run npm run demo again.");
  }
}

/** What the container runs: a look around. */
const SCRIPT = `#!/bin/sh
echo "my pid:              $$"
echo "my host name:        $(hostname)"
echo "who I am:            $(id)"
echo
echo "all processes I see:"; ps -o pid,args
echo
echo "all mounts I see:"; while read -r what where type rest; do echo "  $where ($type)"; done < /proc/mounts
echo
read_first() { for f in "$@"; do if [ -r "$f" ]; then echo "$(cat "$f")   ($f)"; return; fi; done; echo "not found"; }
echo "my memory limit:     $(read_first /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max)"
echo "my limit of pids:    $(read_first /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max)"
`;

function makeBundle(folder) {
  const rootfs = join(folder, "rootfs");
  for (const name of ["bin", "dev", "etc", "proc", "sys", "tmp"]) mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync(BUSYBOX, join(rootfs, "bin/busybox"));
  chmodSync(join(rootfs, "bin/busybox"), 0o755);
  run("chroot", [rootfs, "/bin/busybox", "--install", "-s", "/bin"]);
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\n");
  writeFileSync(join(rootfs, "bin/look"), SCRIPT, { mode: 0o755 });
  if (run(RUNT, ["spec", "--bundle", folder]).status !== 0) giveUp("runt spec failed.", "See above.");
  const path = join(folder, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  config.hostname = "demo";
  config.process.terminal = false;
  config.process.args = ["/bin/look"];
  config.linux.resources.memory = { limit: MEMORY_BYTES };
  config.linux.resources.pids = { limit: PIDS };
  writeFileSync(path, JSON.stringify(config, null, 2));
}

function main() {
  install();
  const folder = mkdtempSync(join(tmpdir(), "runt-demo-"));
  try {
    makeBundle(folder);
    const processes = readdirSync("/proc").filter((name) => Number(name) > 0).length;
    say(`the host: ${processes} processes, host name ${readFileSync("/proc/sys/kernel/hostname", "utf8").trim()}`);
    console.log(`limits in config.json: memory ${MEMORY_BYTES} bytes, ${PIDS} pids`);
    say(`runt run --bundle ${folder} demo   (what follows is printed by the container)`);
    const done = run(RUNT, ["--root", join(folder, "state"), "run", "--bundle", folder, `demo-${process.pid}`]);
    const left = spawnSync(RUNT, ["--root", join(folder, "state"), "list", "-q"], { encoding: "utf8" }).stdout.trim();
    say(`the container has ended with status ${done.status}; containers left: ${left === "" ? "none" : left}`);
    process.exitCode = done.status === 0 && left === "" ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main();
