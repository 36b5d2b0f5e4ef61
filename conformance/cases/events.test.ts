// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { scenario, type Box, type Container } from "../harness/box.ts";
import { hasLimits, PURE_V2, readText, waitFor } from "../harness/host.ts";
import { notFor, runtOnly } from "../harness/runtime.ts";

const MIB = 1 << 20;
const noMemory = hasLimits("memory") ? notFor("crun", "has no events") : "no memory controller on this host";

interface Event {
  readonly type: string;
  readonly id: string;
  readonly data?: {
    readonly cpu: { readonly usage: { readonly total: number } };
    readonly cpuset: { readonly cpus: readonly number[] };
    readonly memory: {
      readonly usage: { readonly limit: number; readonly usage: number };
      readonly raw: Record<string, number>;
      readonly oomKills?: number;
    };
    readonly pids: { readonly current: number; readonly limit: number; readonly refused?: number };
    readonly network_interfaces: null;
  };
}

const parse = (text: string): Event[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event);

/** A program that waits for a line on a FIFO, so that the case can begin to watch before it goes on. */
function waiting(box: Box, script: string): Container {
  return box.running((config) => {
    config.root.readonly = false;
    config.process.args = ["sh", "-c", `mkfifo /go; read line < /go; ${script}`];
    config.linux.resources = { ...config.linux.resources, memory: { limit: 16 * MIB, swap: 16 * MIB }, pids: { limit: 20 } };
  });
}

scenario(
  "events --stats: one object with the numbers of the container",
  (t, box) => {
    const container = box.running((config) => {
      // Some kernels count the processor's time in ticks.
      config.process.args = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 1000"];
      config.linux.resources = { ...config.linux.resources, memory: { limit: 64 * MIB }, pids: { limit: 40 } };
    });
    t.ok(
      waitFor(() => readText(`/proc/${container.pid}/comm`) === "sleep\n"),
      "it has worked",
    );
    const done = box.call(["events", "--stats", container.id]);
    t.equal(done.status, 0, done.output);
    const [event, ...rest] = parse(done.stdout);
    t.same(rest, []);
    t.match(event, { type: "stats", id: container.id });
    const data = event?.data;
    t.equal(data?.memory.usage.limit, 64 * MIB);
    t.ok((data?.memory.usage.usage ?? 0) > 0);
    if (PURE_V2) t.ok((data?.memory.raw["anon"] ?? 0) > 0, "memory.stat");
    else t.equal(data?.memory.raw["hierarchical_memory_limit"], 64 * MIB, "memory.stat");
    t.equal(data?.pids.limit, 40);
    t.ok((data?.pids.current ?? 0) >= 1);
    t.ok((data?.cpu.usage.total ?? 0) > 0);
    if (hasLimits("cpuset")) t.ok((data?.cpuset.cpus.length ?? 0) > 0);
    t.equal(data?.network_interfaces, null);
    t.same(
      Object.keys(data ?? {}).slice(0, 8),
      ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"],
      "runc's order",
    );
  },
  { skip: noMemory },
);

scenario(
  "events: statistics in an interval, until the container is deleted",
  async (t, box) => {
    const container = box.running();
    const events = box.begin(["events", "--interval", "50ms", container.id]);
    const seen = (): Event[] => parse(readFileSync(events.stdoutPath, "utf8"));
    t.ok(
      waitFor(() => seen().length >= 3),
      "three of them",
    );
    t.same([...new Set(seen().map(({ type, id }) => `${type} ${id}`))], [`stats ${container.id}`]);
    container.remove("--force");
    const ended = await events.ended;
    t.equal(ended.status, 0, ended.stderr);
  },
  { skip: noMemory },
);

scenario(
  "events: an OOM kill is told",
  async (t, box) => {
    const container = waiting(box, "dd if=/dev/zero of=/dev/shm/fill bs=1M count=60; sleep 1000");
    const events = box.begin(["events", "--interval", "100ms", container.id]);
    const seen = (): Event[] => parse(readFileSync(events.stdoutPath, "utf8"));
    t.ok(
      waitFor(() => seen().length > 0),
      "it watches",
    );
    box.call(["exec", container.id, "sh", "-c", "echo > /go"]);
    t.ok(
      waitFor(() => seen().some(({ type }) => type === "oom")),
      "oom",
    );
    t.same(
      seen().find(({ type }) => type === "oom"),
      { type: "oom", id: container.id },
    );
    container.remove("--force");
    t.equal((await events.ended).status, 0);
  },
  { skip: noMemory },
);

scenario(
  "events: what runc leaves out: OOM kills and refused forks",
  (t, box) => {
    const statistics = (id: string): Event["data"] => parse(box.call(["events", "--stats", id]).stdout)[0]?.data;
    const starved = waiting(box, "dd if=/dev/zero of=/dev/shm/fill bs=1M count=60; exec sleep 1000");
    box.call(["exec", starved.id, "sh", "-c", "echo > /go"]);
    t.ok(
      waitFor(() => (statistics(starved.id)?.memory.oomKills ?? 0) > 0),
      "memory.oomKills",
    );
    const crowded = box.running((config) => {
      config.process.args = ["sh", "-c", "(for n in 1 2 3 4 5 6 7 8; do sleep 1000 & done); exec sleep 1000"];
      config.linux.resources = { ...config.linux.resources, pids: { limit: 5 } };
    });
    t.ok(
      waitFor(() => (statistics(crowded.id)?.pids.refused ?? 0) > 0),
      "pids.refused",
    );
  },
  { skip: noMemory || runtOnly("does not tell") },
);

scenario(
  "events of what is not there or does not run, and intervals that are none",
  (t, box) => {
    const missing = box.call(["events", "--stats", box.id()]);
    t.equal(missing.status, 1);
    t.match(missing.output, /container does not exist/);
    const container = box.running();
    for (const interval of ["0", "-5s"]) {
      const done = box.call(["events", `--interval=${interval}`, container.id]);
      t.equal(done.status, 1);
      t.match(done.output, /duration interval must be greater than 0/);
    }
    const wrong = box.call(["events", "--interval", "soon", container.id]);
    t.equal(wrong.status, 1);
    t.match(wrong.output, /invalid value \\*"soon\\*" for flag -interval/);
    container.kill("KILL");
    container.until("stopped");
    const stopped = box.call(["events", "--stats", container.id]);
    t.equal(stopped.status, 1);
    t.match(stopped.output, /is not running/);
  },
  { skip: noMemory },
);

scenario(
  "events --stats in JSON: exact integers of 64 bits",
  (t, box) => {
    const container = box.running();
    const { stdout } = box.call(["events", "--stats", container.id]);
    // No limit is the largest multiple of a page on version 1, and the largest number on version 2.
    t.match(stdout, PURE_V2 ? /"limit":18446744073709551615\b/ : /"limit":9223372036854771712\b/);
  },
  { skip: noMemory },
);
