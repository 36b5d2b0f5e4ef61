// SPDX-License-Identifier: Apache-2.0
/**
 * Every test of the OCI validation suite. What runt does not pass stands in `conformance/known-gaps.json`, with the
 * reason; a gap that passes is a failure, so that the list stays true.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { cgroupDirsUnder, removeCgroups } from "../harness/host.ts";
import { IS_RUNT, KIND, PROJECT, RUNTIME } from "../harness/runtime.ts";
import { buildSuite, RUN_FOLDER, TEST_FOLDER } from "./suite.ts";

/** Why a test of the suite does not pass. */
interface Gap {
  readonly test: string;
  /** `suite`: the test is wrong; `host`: this kind of machine cannot run it; `runt`: a decision of this project. */
  readonly cause: "suite" | "host" | "runt";
  /** Section of the runtime specification that the test is about. */
  readonly section: string;
  readonly why: string;
  /** Its result depends on who is faster: then it is not run. */
  readonly races?: boolean;
}

const LIMIT_MS = 60_000;
/** Tests that tell of a failure in nothing but a diagnostic. */
const TOLD_BY_DIAGNOSTIC = /^(hooks|prestart|poststart|poststop)/;

interface Verdict {
  readonly passed: boolean;
  readonly output: string;
}

function tryTest(name: string): Verdict {
  const folder = mkdtempSync(join(tmpdir(), "oci-"));
  const before = containers();
  // Users of a user namespace must get through to the bundle.
  chmodSync(folder, 0o711);
  try {
    // One of them leaves mounts behind, hence a mount namespace.
    const done = spawnSync("unshare", ["--mount", "--propagation", "private", join(TEST_FOLDER, name)], {
      cwd: RUN_FOLDER,
      env: { ...process.env, RUNTIME, TMPDIR: folder },
      encoding: "utf8",
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
      maxBuffer: 1 << 26,
    });
    const output = `${done.stdout}${done.stderr}`;
    const told = TOLD_BY_DIAGNOSTIC.test(name) && /^\s*"error":/m.test(output);
    return { passed: done.status === 0 && !/^not ok/m.test(output) && !told, output };
  } finally {
    for (const id of containers()) {
      if (!before.includes(id)) spawnSync(RUNTIME, ["delete", "--force", id]);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ids in the runtime's usual root directory, which the suite uses; some of its tests leave containers there. */
function containers(): string[] {
  const listed = spawnSync(RUNTIME, ["list", "--quiet"], { encoding: "utf8" });
  return (listed.stdout ?? "").split("\n").filter((id) => id !== "");
}

function complaints(output: string): string {
  const lines = output.split("\n").filter((line) => /^not ok|^\s*"(error|msg|reference)":|level=error/.test(line));
  return (lines.length > 0 ? lines : output.split("\n")).slice(0, 6).join("; ").slice(0, 1500);
}

/** The cgroup that the suite names as the parent of its containers. */
const PARENT = "testdir";

// All of them, one after another, take a minute or two.
t.setTimeout(600_000);

let names: readonly string[] = [];
let missing: string | undefined;
try {
  names = buildSuite();
} catch (error) {
  missing = error instanceof Error ? error.message : String(error);
}

if (missing !== undefined) {
  void t.test("the OCI validation suite", { skip: missing.split("\n")[0] ?? missing }, () => undefined);
} else {
  const gaps = JSON.parse(readFileSync(join(PROJECT, "conformance/known-gaps.json"), "utf8")) as readonly Gap[];
  void t.test("known-gaps.json names tests of the suite, each once", (t) => {
    const named = gaps.map(({ test }) => test);
    t.strictSame(named, [...new Set(named)].sort());
    t.strictSame(
      named.filter((name) => !names.includes(name)),
      [],
    );
    for (const gap of gaps) t.ok(gap.section !== "" && gap.why !== "" && gap.cause !== undefined, gap.test);
    t.end();
  });
  const atFirst = containers();
  // A runtime leaves the cgroups above a container's own, as runc does; these are the suite's.
  const hadParents = cgroupDirsUnder(PARENT).length > 0;
  let score = 0;
  for (const name of names) {
    const gap = gaps.find(({ test }) => test === name);
    // A gap is tried with runt, to see whether it still is one.
    const isSkipped = gap !== undefined && (gap.races === true || (!IS_RUNT && gap.cause !== "runt"));
    const skip = isSkipped ? `${gap.cause}: ${gap.why}` : false;
    void t.test(name, { skip, timeout: 2 * LIMIT_MS }, (t) => {
      const { passed, output } = tryTest(name);
      if (passed) score += 1;
      if (gap === undefined) t.ok(passed, complaints(output));
      else if (IS_RUNT) t.notOk(passed, `a known gap (${gap.cause}: ${gap.why}): if it passes, take it off the list`);
      else t.ok(passed, complaints(output));
      t.end();
    });
  }
  void t.test("nothing is left of the suite's containers", (t) => {
    t.strictSame(
      containers().filter((id) => !atFirst.includes(id)),
      [],
    );
    if (!hadParents) {
      removeCgroups(PARENT);
      t.strictSame(cgroupDirsUnder(PARENT), []);
    }
    t.end();
  });
  t.teardown(() => console.log(`# ${KIND}: ${score} of ${names.length} tests of the suite pass`));
}
