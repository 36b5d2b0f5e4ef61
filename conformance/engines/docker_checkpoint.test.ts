// SPDX-License-Identifier: Apache-2.0
import type { Test } from "tap";
import { waitFor } from "../harness/host.ts";
import { Docker, DOCKER_PACKAGES } from "./docker.ts";
import { engine } from "./engine.ts";
import { whyNoCheckpoint } from "./playground.ts";
import { SHIM } from "./shim.ts";

/** Counts in its output, in the host's network: docker 28 cannot restore a network namespace, whatever the runtime. */
const COUNTER = ["--network", "host", "box", "sh", "-c", "i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done"];

/** The numbers that a counter has printed. */
function numbers(d: Docker, name: string): number[] {
  return d.must("logs", name).split("\n").map(Number);
}

/** Skips where CRIU cannot dump; @returns whether */
function skipped(t: Test, d: Docker): boolean {
  const why = whyNoCheckpoint(d.pg);
  if (why !== undefined) t.plan(0, why);
  return why !== undefined;
}

engine("docker: checkpoints", DOCKER_PACKAGES, (pg) => new Docker(pg, ["--experimental"]), {
  "checkpoint create ends the container, and start --checkpoint goes on where it was"(t, d) {
    if (skipped(t, d)) return;
    d.must("run", "-d", "--name", "counts", ...COUNTER);
    t.ok(waitFor(() => numbers(d, "counts").length > 3, 10_000));
    d.must("checkpoint", "create", "counts", "first");
    // docker asks for the end of containers of the type io.containerd.runc.v2 alone.
    if (SHIM) d.must("kill", "counts");
    t.ok(d.until("counts", "{{.State.Status}}", "exited"));
    t.match(d.must("checkpoint", "ls", "counts"), /^first$/m);
    const before = Math.max(...numbers(d, "counts"));
    d.must("start", "--checkpoint", "first", "counts");
    t.ok(
      waitFor(() => numbers(d, "counts").includes(before + 3), 10_000),
      "it goes on counting",
    );
    t.equal(numbers(d, "counts").filter((each) => each === 1).length, 1, "it has not begun anew");
    d.remove("counts");
  },
  "checkpoint create --leave-running"(t, d) {
    if (skipped(t, d)) return;
    d.must("run", "-d", "--name", "stays", ...COUNTER);
    d.must("checkpoint", "create", "--leave-running", "stays", "one");
    t.equal(d.inspect("stays", "{{.State.Status}}"), "running");
    d.must("checkpoint", "rm", "stays", "one");
    t.equal(d.must("checkpoint", "ls", "stays").includes("one"), false);
    d.remove("stays");
  },
  "start from a checkpoint that is not there"(t, d) {
    d.must("create", "--name", "none", "--network", "none", "box", "sleep", "1000");
    t.not(d.docker("start", "--checkpoint", "nothing", "none").status, 0);
    d.remove("none");
  },
});
