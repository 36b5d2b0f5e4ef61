// SPDX-License-Identifier: Apache-2.0
import "./with_shim.ts";
import { Ctr, CTR_PACKAGES } from "../engines/ctr.ts";
import { engine, type Scenario } from "../engines/engine.ts";
import { SHIM_ROOT } from "../engines/shim.ts";
import { waitFor } from "../harness/host.ts";

/** How often the shim, containerd, or both are killed; `RUNT_KILLS` says how often else. */
const KILLS = Number(process.env["RUNT_KILLS"] ?? "6");

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
  [`${KILLS} kills of shim, containerd, or both, at any moment: nothing is left`](t, c) {
    for (let round = 0; round < KILLS; round++) {
      const name = `victim${round}`;
      const delay = String((round * 37) % 150);
      const kind = round % 3;
      // The client may fail: what it was at is what was killed.
      const kill = ["pkill -9 -f '^(/[^ ]*/)?containerd-shim-runt-v2'", KILL_DAEMON];
      const run = `${c.runWords} ${name} sleep 7777 >/dev/null 2>&1 & sleep 0.${delay.padStart(3, "0")}`;
      const script = `${run}; ${kind === 2 ? kill.join("; ") : kill[kind]}; wait`;
      c.pg.run(["sh", "-c", script]);
      if (c.pg.run(["pidof", "containerd"]).stdout === "") c.startDaemon();
      t.ok(
        waitFor(() => {
          c.ctr("task", "rm", "-f", name);
          c.ctr("container", "rm", name);
          return left(c, name) === "" && !c.must("container", "ls", "-q").includes(name);
        }, 15_000),
        `round ${round}: ${left(c, name)}`,
      );
    }
    // One that was just started when its containerd was killed ends by itself.
    t.ok(
      waitFor(() => c.pg.run(["pgrep", "-f", "^containerd-shim-runt-v2"]).stdout === "", 40_000),
      "no shim is left",
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
