// SPDX-License-Identifier: Apache-2.0
// --trace and `trace`: where the time goes, on both sides.
import { existsSync, readFileSync } from "node:fs";
import { scenario, type Box } from "../harness/box.ts";
import { KIND } from "../harness/runtime.ts";

interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur?: number;
  readonly tid: number;
  readonly args?: { readonly origin?: string; readonly arguments?: readonly unknown[] };
}

const skip = KIND === "runt" ? false : "runt alone has it";

function traced(box: Box, args: readonly string[], status = 0): readonly TraceEvent[] {
  const file = box.path("trace");
  const done = box.call(["--trace", file, ...args]);
  if (done.status !== status) throw new Error(`status ${done.status}: ${done.output}`);
  return JSON.parse(readFileSync(file, "utf8")) as TraceEvent[];
}

scenario(
  "run: the command, its calls, and init's steps, each in its time",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["true"];
    });
    const events = traced(box, ["run", "--bundle", bundle.dir, box.id()]);
    const whole = events.find(({ cat, ph }) => cat === "command" && ph === "X");
    t.equal(whole?.name, "runt run");
    const [from, to] = [whole?.ts ?? 0, (whole?.ts ?? 0) + (whole?.dur ?? 0)];
    const calls = events.filter(({ cat }) => cat === "call").map(({ name }) => name);
    for (const name of ["spawn", "mkdir", "sendMessage", "poll"]) t.ok(calls.includes(name), name);
    t.ok(
      events.some(({ cat, name }) => cat === "phase" && name.includes("init is ready")),
      "the phases of --debug",
    );
    const steps = events.filter(({ cat }) => cat === "step");
    for (const name of ["rootfs", "mount", "enterRoot", "maskPath", "credentials", "ready"]) {
      t.ok(
        steps.some((step) => step.name === name),
        name,
      );
    }
    t.ok(
      steps.every(({ ts, dur = -1 }) => dur >= 0 && ts >= from && ts + dur <= to),
      "within the command",
    );
    let last = from;
    for (const { ts, dur = 0 } of steps) {
      // Each begins where the one before it ends; a tenth of a microsecond is rounding.
      t.ok(ts > last - 0.5);
      last = ts + dur;
    }
    t.equal(steps.find(({ name }) => name === "mount")?.args?.origin, "/mounts/0");
  },
  { skip },
);

scenario(
  "create, exec and a failure are traced as well",
  (t, box) => {
    const { id } = box.running();
    const names = traced(box, ["exec", id, "true"]).map(({ name }) => name);
    t.ok(names.includes("joinContainer"));
    t.ok(names.includes("runt exec"));
    t.ok(traced(box, ["state", "nobody"], 1).some(({ name }) => name === "runt state"));
    const bundle = box.bundle((config) => {
      config.mounts.push({ destination: "/nothing", type: "nosuchfs", source: "none" });
    });
    const failed = traced(box, ["create", "--bundle", bundle.dir, box.id()], 1);
    t.ok(
      failed.some(({ cat, name }) => cat === "step" && name === "rootfs"),
      "the steps up to it",
    );
  },
  { skip },
);

scenario(
  "trace draws it",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["true"];
    });
    const file = box.path("trace");
    t.equal(box.call(["--trace", file, "run", "--bundle", bundle.dir, box.id()]).status, 0);
    const drawn = box.call(["trace", file]).stdout;
    t.match(drawn, /^ +0\.000 +\d+\.\d{3} {2}runt {2}#{40} {2}runt run$/m);
    t.match(drawn, / {2}init {2} *#+ +mount \/proc \/mounts\/0$/m);
    t.match(box.call(["trace", bundle.dir + "/config.json"]).stderr, /has no timeline/);
  },
  { skip },
);

scenario(
  "a file that cannot be written is told before anything is done",
  (t, box) => {
    const bundle = box.bundle();
    const done = box.call(["--trace", "/nowhere/file", "create", "--bundle", bundle.dir, box.id()]);
    t.equal(done.status, 1);
    t.match(done.stderr, /open \/nowhere\/file: it is not there/);
    t.same(box.ids(), []);
    t.notOk(existsSync("/nowhere"));
  },
  { skip },
);
