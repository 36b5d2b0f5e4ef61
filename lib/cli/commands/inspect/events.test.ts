// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { eventLine } from "./events.ts";
import { endText } from "./wait.ts";

t.test("an event is a line in runc's order, with exact integers and the names of memory.stat sorted", async (t) => {
  const data = {
    cpu: { usage: { total: 5, kernel: 0, user: 0 } },
    cpuset: { cpus: [0, 1], cpu_exclusive: 0 },
    memory: { usage: { limit: 9223372036854771712n, failcnt: 0 }, raw: { rss: 1, cache: 2 } },
    pids: { current: 1 },
    blkio: {},
    hugetlb: { "2MB": { failcnt: 0 } },
  };
  t.equal(
    eventLine({ type: "stats", id: "<a>", data }),
    '{"type":"stats","id":"\\u003ca\\u003e","data":{"cpu":{"usage":{"total":5,"kernel":0,"user":0}},' +
      '"cpuset":{"cpus":[0,1],"cpu_exclusive":0},"memory":{"usage":{"limit":9223372036854771712,"failcnt":0},' +
      '"raw":{"cache":2,"rss":1}},"pids":{"current":1},"blkio":{},"hugetlb":{"2MB":{"failcnt":0}},' +
      '"intel_rdt":{},"network_interfaces":null}}\n',
  );
  t.equal(eventLine({ type: "oom", id: "a" }), '{"type":"oom","id":"a"}\n');
});

t.test("how a container has ended", async (t) => {
  t.equal(endText({ exitCode: 3, oomKilled: false }), "exit status 3\n");
  t.equal(endText({ exitCode: 143, signal: 15, oomKilled: false }), "killed by signal 15 (SIGTERM)\n");
  t.match(endText({ exitCode: 137, signal: 9, oomKilled: true }), /^killed by signal 9 \(SIGKILL\), by the OOM killer/);
});
