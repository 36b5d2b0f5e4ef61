// SPDX-License-Identifier: Apache-2.0
/** Two containerds on one host, with roots, states and addresses of their own, and the same namespace. */
import "./with_shim.ts";
import { Ctr, CTR_PACKAGES } from "../engines/ctr.ts";
import { engine, type Scenario } from "../engines/engine.ts";
import type { Playground } from "../engines/playground.ts";
import { waitFor } from "../harness/host.ts";

class Two {
  readonly pg: Playground;
  readonly one: Ctr;
  readonly other: Ctr;

  constructor(pg: Playground) {
    this.pg = pg;
    this.one = new Ctr(pg);
    this.other = new Ctr(pg, { name: "second" });
  }

  /** Pids of the shims that belong to a containerd. */
  shims(c: Ctr): string[] {
    const found = this.pg.run(["pgrep", "-f", `^containerd-shim-runt-v2 .*-address ${c.socket}( |$)`]).stdout;
    return found.split("\n").filter((line) => line !== "");
  }
}

function ids(c: Ctr): string[] {
  return c
    .must("task", "ls", "-q")
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}

const scenarios: Readonly<Record<string, Scenario<Two>>> = {
  "each sees its own tasks, hears of their ends alone, and has shims of its own"(t, two) {
    const { one, other } = two;
    one.background("first", "sleep", "1000");
    other.background("second", "sh", "-c", "sleep 1; exit 5");
    t.same(ids(one), ["first"]);
    t.same(ids(other), ["second"]);
    t.equal(two.shims(one).length, 1);
    t.equal(two.shims(other).length, 1);
    t.ok(waitFor(() => other.status("second") === "STOPPED", 10_000));
    t.match(other.ctr("task", "rm", "second").output, "exit code 5");
    other.must("container", "rm", "second");
    t.equal(one.status("first"), "RUNNING");
    t.equal(one.ctr("task", "exec", "--exec-id", "e", "first", "sh", "-c", "exit 7").status, 7);
    one.remove("first");
    t.ok(
      waitFor(() => two.shims(one).length + two.shims(other).length === 0, 10_000),
      "no shim is left",
    );
  },
  "the same id in both: the second is refused, and what cleans up after it leaves the first alone"(t, two) {
    const { one, other } = two;
    one.background("same", "sleep", "1000");
    const pid = one.pid("same");
    const refused = other.start(["-d"], "same", "sleep", "1000");
    t.not(refused.status, 0, refused.output);
    t.match(refused.stderr, /already exists|exists/i);
    t.same(ids(other), []);
    other.ctr("task", "rm", "-f", "same");
    other.ctr("container", "rm", "same");
    t.equal(one.status("same"), "RUNNING");
    t.equal(one.pid("same"), pid);
    t.equal(one.ctr("task", "exec", "--exec-id", "e", "same", "sh", "-c", "exit 7").status, 7);
    t.ok(
      waitFor(() => two.shims(other).length === 0, 10_000),
      "the second's shim has gone",
    );
    one.remove("same");
    other.background("same", "sleep", "1000");
    t.equal(other.status("same"), "RUNNING", "the id is free again");
    other.remove("same");
  },
  "many at once in both: every exit code is right"(t, two) {
    const run = (c: Ctr, name: string): string => `for i in $(seq 10); do
      ${c.words} run --rm --runtime io.containerd.runt.v2 localhost/box:latest ${name}$i sh -c "exit $i"; [ $? = $i ] || echo ${name}$i: $?
    done &`;
    const done = two.pg.run(["sh", "-c", `${run(two.one, "a")} ${run(two.other, "b")} wait`]);
    t.equal(done.stdout, "");
    t.same([...ids(two.one), ...ids(two.other)], []);
  },
  "kill -9 of one containerd: the containers of the other go on, and its own are there after its start"(t, two) {
    const { one, other } = two;
    one.background("kept", "sleep", "1000");
    other.background("other", "sleep", "1000");
    const killed = one.pg.run(["pgrep", "-f", `^containerd .*--address ${one.socket}`]).stdout.trim();
    one.pg.run(["sh", "-c", `kill -9 ${killed}; while kill -0 ${killed} 2>/dev/null; do sleep 0.01; done`]);
    t.equal(other.ctr("task", "exec", "--exec-id", "e", "other", "sh", "-c", "exit 7").status, 7);
    other.remove("other");
    one.startDaemon();
    t.equal(one.status("kept"), "RUNNING");
    one.remove("kept");
    t.ok(
      waitFor(() => two.shims(one).length + two.shims(other).length === 0, 10_000),
      "no shim is left",
    );
  },
};

engine("two containerds with the shim", CTR_PACKAGES, (pg) => new Two(pg), scenarios);
