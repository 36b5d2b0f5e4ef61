// SPDX-License-Identifier: Apache-2.0
/**
 * Many containers and processes through one containerd and one long-lived shim: exit codes are right, memory and descriptors stay
 * flat, nothing is left behind.
 *
 *   node shim.js [--containers N] [--execs N] [--workers N]
 *
 * To be started by `scripts/stress.mjs`. Prints a line a batch; the exit status is 1 if anything was wrong.
 */
import { SHIM_ROOT, SHIM_RUNTIME, installShim } from "../engines/shim.ts";
import { Ctr } from "../engines/ctr.ts";
import { Playground } from "../engines/playground.ts";
import { waitFor } from "../harness/host.ts";

/** Batches after which memory and descriptors are looked at; those of the first ones are what the last are compared with. */
const BATCHES = 10;
const WARM = 3;
/** Growth that is no leak; kilobytes. */
const SLACK = 512;
const LONG = "long";
const IMAGE = "localhost/box:latest";
const SHIMS = "^[^ ]*containerd-shim-runt-v2";

interface Usage {
  /** Memory that the shim alone has written to; kilobytes. */
  readonly memory: number;
  /** Its descriptors. */
  readonly fds: number;
  readonly shims: number;
  readonly mounts: number;
  readonly cgroups: number;
  readonly states: number;
}

interface Wanted {
  readonly containers: number;
  readonly execs: number;
  readonly workers: number;
}

/** Words of a shell that make `containers` containers with `execs` processes each, half of these in the long-lived container. */
function batchScript(ctr: string, number: number, { containers, execs, workers }: Wanted): string {
  const each = Math.ceil(containers / workers);
  const worker = `work() {
  i=0
  while [ $i -lt ${each} ]; do
    i=$((i+1)); id=b${number}w$1n$i; code=$((i % 200 + 1))
    ${ctr} run -d --runtime ${SHIM_RUNTIME} ${IMAGE} $id sleep 100000 || echo "run $id failed"
    e=0
    while [ $e -lt ${execs} ]; do
      e=$((e+1)); if [ $((e % 2)) = 0 ]; then in=${LONG}; else in=$id; fi
      ${ctr} task exec --exec-id $id-$e $in sh -c "exit $code"; got=$?
      [ $got = $code ] || echo "exec $e of $id in $in: $got for $code"
    done
    ${ctr} task kill -s SIGKILL $id || echo "kill $id failed"
    # The client's exit status is that of the task.
    ${ctr} task rm -f $id >/dev/null 2>&1; got=$?
    [ $got = 137 ] || [ $got = 0 ] || echo "rm $id: $got"
    ${ctr} container rm $id || echo "container rm $id failed"
  done
}`;
  return `${worker}\nw=0; while [ $w -lt ${workers} ]; do w=$((w+1)); work $w & done; wait`;
}

function lookAt(c: Ctr, shim: number): Usage {
  const count = (script: string): number => Number(c.pg.run(["sh", "-c", script]).stdout.trim());
  return {
    memory: count(`awk '/^Private_Dirty/ {print $2}' /proc/${shim}/smaps_rollup`),
    fds: count(`ls /proc/${shim}/fd | wc -l`),
    shims: count(`pgrep -f '${SHIMS}' | wc -l`),
    mounts: count("wc -l </proc/mounts"),
    cgroups: count("find /sys/fs/cgroup -type d | wc -l"),
    states: count(`ls ${SHIM_ROOT}/default | wc -l`),
  };
}

/** The differences that show a leak. */
function growth(before: Usage, after: Usage): string[] {
  const found: string[] = [];
  if (after.memory > before.memory + SLACK) found.push(`memory of the shim: ${before.memory} kB, then ${after.memory} kB`);
  for (const name of ["fds", "shims", "mounts", "cgroups", "states"] as const) {
    if (after[name] > before[name]) found.push(`${name}: ${before[name]}, then ${after[name]}`);
  }
  return found;
}

function soak(c: Ctr, { containers, execs, workers }: Wanted): string[] {
  const problems: string[] = [];
  const started = c.pg.run(["sh", "-c", `${c.words} run -d --runtime ${SHIM_RUNTIME} ${IMAGE} ${LONG} sleep 100000`]);
  if (started.status !== 0) throw new Error(started.output);
  const shim = Number(c.pg.run(["pgrep", "-f", SHIMS]).stdout.trim());
  const batch = { containers: Math.ceil(containers / BATCHES), execs: Math.round(execs / containers), workers };
  const quiet = (): boolean => c.pg.run(["sh", "-c", `pgrep -f '${SHIMS}' | wc -l`]).stdout.trim() === "1";
  let before: Usage | undefined;
  let total = 0;
  for (let number = 1; number <= BATCHES; number++) {
    const began = performance.now();
    const done = c.pg.run(["sh", "-c", batchScript(c.words, number, batch)], { timeout: 3_600_000 });
    total += Math.ceil(batch.containers / workers) * workers;
    for (const line of done.output.split("\n")) if (line !== "") problems.push(line);
    if (!waitFor(quiet, 10_000)) problems.push("a shim is left");
    const usage = lookAt(c, shim);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`${total} containers, ${total * batch.execs} execs, ${seconds} s: ${JSON.stringify(usage)}`);
    if (number === WARM) before = usage;
    if (number === BATCHES && before !== undefined) problems.push(...growth(before, usage));
  }
  c.remove(LONG);
  if (!waitFor(() => c.pg.run(["pgrep", "-f", SHIMS]).stdout === "", 10_000)) problems.push("the last shim does not end");
  return problems;
}

function argument(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
}

const wanted: Wanted = {
  containers: argument("--containers", 5000),
  execs: argument("--execs", 20_000),
  workers: argument("--workers", 4),
};
const playground = new Playground();
let problems: string[];
try {
  installShim(playground);
  problems = soak(new Ctr(playground), wanted);
} finally {
  const left = playground.close();
  if (left.length > 0) console.error(`left behind: ${left.join(" ")}`);
}
for (const each of problems.slice(0, 50)) console.log(`PROBLEM ${each}`);
console.log(problems.length === 0 ? "flat, and nothing is left" : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
