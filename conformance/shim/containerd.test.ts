// SPDX-License-Identifier: Apache-2.0
import type { Test } from "tap";
import "./with_shim.ts";
import { Ctr, CTR_PACKAGES } from "../engines/ctr.ts";
import { engine, type Scenario } from "../engines/engine.ts";
import { SHIM_ROOT } from "../engines/shim.ts";
import { waitFor } from "../harness/host.ts";

/** How often the shim, containerd, or both are killed; `RUNT_KILLS` says how often else. */
const KILLS = Number(process.env["RUNT_KILLS"] ?? "8");

/** Words of a shell that kill containerd, and wait until it is gone: one that still dies would be taken for one that runs. */
const KILL_DAEMON = "p=$(pidof containerd); kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done";

/** What of a container is left; nothing where all is well. */
function left(c: Ctr, name: string): string {
  const looks = [
    `find /sys/fs/cgroup -path '*/default/${name}*' -type d`,
    `grep /${name}/rootfs /proc/mounts`,
    `find ${SHIM_ROOT} -name '${name}*' 2>/dev/null`,
    `pgrep -f '[s]leep 7777'`,
  ];
  return c.pg.run(["sh", "-c", looks.join("; ")]).stdout;
}

/** What a kill, and what comes after it, may take on a busy machine; milliseconds. */
const A_KILL = 10_000;

/** Whether containerd has a task that was started, which must then have the exit code `code`; it may have been killed before. */
function endedRightly(t: Test, c: Ctr, name: string, code: number): boolean {
  const states = ["", "CREATED"];
  waitFor(() => [...states, "STOPPED"].includes(c.status(name)), 10_000);
  if (states.includes(c.status(name))) return false;
  t.match(c.ctr("task", "rm", name).output, `exit code ${code}`);
  return true;
}

const scenarios: Readonly<Record<string, Scenario<Ctr>>> = {
  "kill -9 of the shim: containerd tells the end, and nothing is left"(t, c) {
    c.background("orphan", "sleep", "7777");
    const shim = c.pg.run(["pgrep", "-f", "[c]ontainerd-shim-runt-v2.*orphan"]).stdout.trim();
    c.pg.run(["kill", "-9", shim]);
    t.ok(
      waitFor(() => c.status("orphan") !== "RUNNING", 10_000),
      "the task is over",
    );
    c.ctr("task", "rm", "-f", "orphan");
    c.must("container", "rm", "orphan");
    t.ok(
      waitFor(() => left(c, "orphan") === "", 10_000),
      left(c, "orphan"),
    );
  },
  [`${KILLS} kills of shim, containerd, or both, at any moment: nothing is left, and no exit code is wrong`](t, c) {
    const shim = "pkill -9 -f '^(/[^ ]*/)?containerd-shim-runt-v2'";
    const kinds = [shim, KILL_DAEMON, `${shim}; ${KILL_DAEMON}`, KILL_DAEMON];
    const codes = { right: 0, none: 0 };
    // On this machine, at this time: from the start of the client to some time after its end.
    const began = performance.now();
    c.background("timed", "sleep", "1000");
    const moments = 1.3 * (performance.now() - began);
    c.remove("timed");
    for (let round = 0; round < KILLS; round++) {
      const name = `victim${round}`;
      const kind = round % kinds.length;
      const moment = Math.floor(Math.random() * moments);
      const code = 1 + (round % 120);
      // In the last kind the container ends by itself while containerd is away, or before, or after.
      const program = kind === 3 ? `sh -c 'sleep 0.1; exit ${code}'` : "sleep 7777";
      // The client may fail: what it was at is what was killed.
      const run = `${c.runWords} ${name} ${program} >/dev/null 2>&1 & sleep ${moment / 1000}`;
      c.pg.run(["sh", "-c", `${run}; ${kinds[kind]}; wait`]);
      if (c.pg.run(["pidof", "containerd"]).stdout === "") c.startDaemon();
      if (kind === 3) codes[endedRightly(t, c, name, code) ? "right" : "none"]++;
      t.ok(
        waitFor(() => {
          c.ctr("task", "rm", "-f", name);
          c.ctr("container", "rm", name);
          return left(c, name) === "" && !c.must("container", "ls", "-q").split("\n").includes(name);
        }, 15_000),
        `round ${round}, kind ${kind}, after ${moment} ms: ${left(c, name)}`,
      );
    }
    t.comment(`moments in ${moments.toFixed(0)} ms; exit codes: ${JSON.stringify(codes)}`);
    // One that was just started when its containerd was killed ends by itself.
    t.ok(
      waitFor(() => c.pg.run(["pgrep", "-f", "^containerd-shim-runt-v2"]).stdout === "", 40_000),
      "no shim is left",
    );
    // The FIFOs of the streams are ctr's, which leaves them where its task has gone by itself.
    const bundles = (): string => c.pg.run(["ls", "/run/containerd/io.containerd.runtime.v2.task/default"]).stdout;
    t.ok(
      waitFor(() => bundles() === "", 10_000),
      `bundles are left: ${bundles()}`,
    );
  },
  "a restart of containerd in the middle of output: no exit code is lost, and no line"(t, c) {
    const log = `${c.pg.dir}/flood.log`;
    const script = "i=0; while [ $i -lt 30000 ]; do echo $i; i=$((i+1)); done; exit 6";
    t.equal(c.start(["-d", "--log-uri", `file://${log}`], "flood", "sh", "-c", script).status, 0);
    c.pg.run(["sh", "-c", KILL_DAEMON]);
    c.startDaemon();
    t.ok(waitFor(() => c.status("flood") === "STOPPED", 20_000));
    t.match(c.ctr("task", "rm", "flood").output, "exit code 6");
    c.must("container", "rm", "flood");
    t.equal(
      c.pg
        .run(["sh", "-c", `wc -l <${log}; tail -n 1 ${log}`])
        .stdout.trim()
        .split(/\s+/)
        .join(" "),
      "30000 29999",
    );
  },
};

engine("containerd with the shim: kills", CTR_PACKAGES, (pg) => new Ctr(pg), scenarios, { patience: 60_000 + KILLS * A_KILL });
