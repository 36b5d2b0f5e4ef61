// SPDX-License-Identifier: Apache-2.0
// Test files in the virtual machine with cgroup v2 and systemd (conformance/vm): what `npm run test:v2` and
// `npm run properties` share.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { boot } from "../conformance/vm/boot.mjs";
import { PACKAGES, prepare, ROOT } from "./prepare.mjs";

/** Why there can be no machine here, as far as that shows before it is built; `undefined` if all is well. */
export function missingForMachine() {
  if (process.arch !== "x64") return "user-mode-linux of Debian is for x86_64 only";
  if (process.getuid?.() !== 0) return "the machine is built by root";
  const names = prepare({ packages: PACKAGES.v2 });
  return names.length === 0 ? undefined : `what needs the Debian package ${names.join(" ")}`;
}

/** Each runtime with each file, in order; `runt` is the one of this checkout, and `shim` the same as containerd's shim. */
export function machineRuns(runtimes, files) {
  return runtimes
    .map((name) => (name === "runt" ? "dist/bin/runt" : name))
    .flatMap((runtime) => files.map((file) => ({ runtime, file, name: `${basename(runtime)}-${basename(file, ".test.ts")}` })));
}

/** What the guest runs: it writes NAME.tap, NAME.err and then NAME.status for each run. */
function script(runs, seconds, { before, wrap, slowness = 1 }) {
  const lines = [
    `export TAP=1 TAP_TIMEOUT=${Math.max(300, seconds)} RUNT_TEST_DIR=/dev/shm RUNT_TEST_CLOCK=1 RUNT_TEST_SLOWNESS=${slowness}`,
    "mkdir -p /run/work/tap /run/work/host",
    ...(before === undefined ? [] : [before]),
    "uname -r > /run/work/host/kernel",
    "cat /proc/self/mountinfo > /run/work/host/mounts",
    "cat /sys/fs/cgroup/cgroup.controllers > /run/work/host/controllers 2>/dev/null",
  ];
  for (const { runtime, file, name } of runs) {
    const compiled = join("build/js", file.replace(/\.ts$/, ".js"));
    const out = `/run/work/tap/${name}`;
    lines.push(
      `${runtime === "shim" ? "RUNT_SHIM=1 RUNTIME=dist/bin/runt" : `RUNTIME=${runtime}`} timeout --kill-after=5 ${seconds} ${wrap === undefined ? "" : `${wrap} `}node --enable-source-maps ${compiled} >${out}.tap 2>${out}.err; echo $? >${out}.done; mv ${out}.done ${out}.status`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The guest has no compiler. */
async function makeHelpers() {
  const { helper } = await import(join(ROOT, "build/js/conformance/harness/helpers.js"));
  for (const name of readdirSync(join(ROOT, "conformance/helpers"))) if (name.endsWith(".c")) helper(`helpers/${name}`);
}

/**
 * Boots the machine and runs files of the compiled checkout in it.
 *
 * @param parts what `machine()` has built
 * @param runs of {@link machineRuns}
 * @param seconds how long one run may take
 * @param options.memory of the machine, in MiB
 * @param report is called with each run and its `{ out, err, status }`, as soon as it has ended
 * @param options.kernelWords of boot()
 * @param options.before a shell script before all runs
 * @param options.wrap words before each run
 * @param options.slowness how many times slower than the host it is; the scenarios have as much more time
 * @param options.look is called with what there is to know of the machine: a name (`kernel`, `mounts`, `controllers`) and a text
 * @returns the runs that have not ended, and why the machine did, if that is to be told
 */
export async function runInMachine(parts, runs, seconds, report, options = {}) {
  const { kernelWords, memory, look: tell } = options;
  await makeHelpers();
  const waiting = [...runs];
  const facts = ["kernel", "mounts", "controllers"];
  const look = (work) => {
    // The last one is complete when the first run has ended.
    if (tell !== undefined && existsSync(join(work, "tap", `${runs[0].name}.status`))) {
      for (const name of facts.splice(0)) tell(name, readFileSync(join(work, "host", name), "utf8"));
    }
    const text = (name, kind) => readFileSync(join(work, "tap", `${name}.${kind}`), "utf8");
    while (waiting[0] !== undefined && existsSync(join(work, "tap", `${waiting[0].name}.status`))) {
      const run = waiting.shift();
      report(run, { out: text(run.name, "tap"), err: text(run.name, "err"), status: text(run.name, "status").trim() });
    }
  };
  const timeout = 120 + waiting.length * seconds;
  const onOutput = (text) => process.stdout.write(text);
  const done = await boot({
    machine: parts,
    project: ROOT,
    script: script(runs, seconds, options),
    timeout,
    kernelWords,
    memory,
    onOutput,
    look,
  });
  return { left: waiting, why: done.why };
}
