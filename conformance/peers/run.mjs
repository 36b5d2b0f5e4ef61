// SPDX-License-Identifier: Apache-2.0
// Runs one file of a peer's suite with one runtime, in namespaces of its own, and reads the TAP that it prints.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** A line of shell; @returns status, stdout and stderr as text */
export function sh(line, options = {}) {
  return spawnSync("sh", ["-c", line], { encoding: "utf8", maxBuffer: 1 << 28, ...options });
}

export function firstLine(text) {
  return text.trim().split("\n")[0];
}

/** Path of bats, or nothing. */
export function batsPath() {
  return firstLine(sh(`command -v "\${BATS:-bats}"`).stdout);
}

/** What makes bats run the tests of these names. */
export function filterOf(names) {
  return `^(${names.map((name) => name.replaceAll(/[^A-Za-z0-9 _]/g, "\\$&")).join("|")})$`;
}

/**
 * For a shell in the file's namespace, before anything else mounts on /run: another tmpfs under the hierarchies of cgroup v1. podman
 * and buildah make directories and files there for controllers that are not mounted, which would stay on the host.
 */
export const OWN_CGROUP_FOLDER = `mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/lock
if [ "$(stat -fc %T /sys/fs/cgroup)" = tmpfs ]; then
  mkdir /run/cgroup; mount --rbind /sys/fs/cgroup /run/cgroup; mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for at in /run/cgroup/*; do
    mountpoint -q $at && mkdir /sys/fs/cgroup/$(basename $at) && mount --bind $at /sys/fs/cgroup/$(basename $at)
  done
  umount -R -l /run/cgroup
fi
`;

/** In new mount, pid and network namespaces: whatever a test leaves running ends with its file. */
const UNSHARE = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
// The shell stays the first process of its namespace: it reaps what the tests leave.
const HIDE_UNIFIED = "if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; ";
// As systemd leaves a host; what the tests mount stays in their namespace all the same.
const SHARED = "mount --make-rshared /; ";
const LOOPBACK = "ip link set lo up 2>/dev/null; ";

/**
 * Runs one file. A suite that knows the names of its tests goes on after one that hangs.
 *
 * @param suite the module of the suite
 * @param paths.work the suite's directory, shared by its files; paths.directory where this file runs
 * @returns `{ rows: [{ name, verdict, detail }], out }`
 */
export async function runFile(suite, paths, file, runtime) {
  let names = suite.testsOf?.(paths.clone, file);
  const all = { rows: [], out: "" };
  for (let round = 0; ; round++) {
    // A suite that was ended leaves its directory, which has the same name in the next namespace.
    const directory = `${paths.directory}-${round}`;
    mkdirSync(directory, { recursive: true });
    const { out, isLate } = await runOnce(suite, { ...paths, directory }, file, runtime, names);
    const rows = rowsOf(out);
    all.out += out;
    all.rows.push(...rows);
    if (!isLate) {
      if (rows.length === 0 && rows.planned !== 0)
        all.rows.push({ name: "(all of it)", verdict: "FAILED", detail: firstLine(out) });
      return all;
    }
    const hanging = names?.[rows.length] ?? `(after ${rows.at(-1)?.name ?? "the start"})`;
    all.rows.push({ name: hanging, verdict: "hangs", detail: "" });
    names = names?.slice(rows.length + 1);
    if (names === undefined || names.length === 0) return all;
  }
}

/** @param names the tests to run; undefined are all */
async function runOnce(suite, { clone, work, directory }, file, runtime, names) {
  const { words, env, stallMs, keepsInput = false } = suite.command(clone, work, file, runtime, names);
  const setup = `${SHARED}${LOOPBACK}${suite.cgroupV1Alone ? HIDE_UNIFIED : ""}`;
  const child = spawn(UNSHARE[0], [...UNSHARE.slice(1), "sh", "-c", `${setup}"$@"; exit $?`, "sh", ...words], {
    cwd: directory,
    env: { ...process.env, ...env },
    // "script" types a character into its terminal at the end of its input, which the containers then echo.
    stdio: [keepsInput ? "pipe" : "ignore", "pipe", "pipe"],
  });
  let out = "";
  let isLate = false;
  const stop = () => {
    isLate = !isComplete(out);
    suite.release?.();
    child.kill("SIGKILL");
  };
  let timer = setTimeout(stop, stallMs);
  const add = (text) => {
    out += text;
    clearTimeout(timer);
    // What a test has frozen cannot end with its namespace, and a helper of a test may outlive all of them.
    timer = setTimeout(stop, isComplete(out) ? Math.min(stallMs, ENDING_MS) : stallMs);
  };
  child.stdout.setEncoding("utf8").on("data", add);
  child.stderr.setEncoding("utf8").on("data", add);
  await new Promise((settle) => child.on("close", settle));
  clearTimeout(timer);
  suite.release?.();
  return { out, isLate };
}

/** Time for a file to end once all its tests have. */
const ENDING_MS = 10_000;
const RESULT = /^(not )?ok (\d+) (?:- )?(.*)$/;
const PLAN = /^1\.\.(\d+)/m;
const SKIP = /#\s*skip\b(.*)$/i;
const TIMES = /\s*#\s*(?:in )?[\d.]+\s*(?:s|sec|ms)\s*$/;

function isComplete(out) {
  const rows = rowsOf(out);
  return rows.length > 0 && rows.length === rows.planned;
}

/** The tests in a text of TAP, and in `planned` how many it says there are. */
function rowsOf(out) {
  const rows = [];
  rows.planned = Number(PLAN.exec(out)?.[1] ?? -1);
  for (const line of out.replaceAll("\r", "").split("\n")) {
    const match = RESULT.exec(line);
    if (match === null) continue;
    const text = match[3].replace(TIMES, "");
    const skip = SKIP.exec(text);
    const name = text.replace(SKIP, "").replace(TIMES, "").trim();
    const verdict = match[1] !== undefined ? "FAILED" : skip === null ? "ok" : "skipped";
    rows.push({ name, verdict, detail: skip?.[1].trim() ?? "" });
  }
  return rows;
}

/** The log of one file, in the folder that holds those of the other tests. */
export function logOf(folder, suite, runtime, file) {
  mkdirSync(folder, { recursive: true });
  return join(folder, `peers-${suite}-${runtime}-${file}.tap`);
}
