// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { changeLimits, previousValue, previousWrites } from "./rollback.ts";
import { silentLog } from "../../log.ts";

t.test("the previous value of each kind of file", (t) => {
  t.equal(previousValue("memory.limit_in_bytes", "9223372036854771712\n", "1"), "9223372036854771712");
  t.equal(previousValue("cpuset.cpus", "\n", "0"), "");
  t.equal(previousValue("memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 3\n", "0"), "1");
  t.equal(previousValue("memory.oom_control", "oom_kill_disable 0\nunder_oom 1\n", "1"), "0");
  t.equal(previousValue("blkio.bfq.weight", "default 100\n8:0 50\n", "200"), "100");
  const throttle = "blkio.throttle.read_bps_device";
  t.equal(previousValue(throttle, "7:0 1024\n7:1 2048\n", "7:1 9"), "7:1 2048");
  t.equal(previousValue(throttle, "7:10 1024\n", "7:1 9"), "7:1 0");
  t.equal(previousValue(throttle, "", "7:1 9"), "7:1 0");
  t.equal(previousValue("net_prio.ifpriomap", "lo 0\neth0 3\n", "eth0 5"), "eth0 3");
  t.equal(previousValue("rdma.max", "", "mlx4 hca_handle=2"), "mlx4 hca_handle=max hca_object=max");
  t.end();
});

t.test("they are written back in the opposite order, to the file that is there", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "former-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "a"), "1\n");
  writeFileSync(join(directory, "other"), "2\n");
  const paths = { one: directory };
  const writes = [
    { controller: "one", file: "a", value: "5", pointer: "/a" },
    { controller: "one", file: "missing", otherFile: "other", value: "6", pointer: "/b" },
    { controller: "one", file: "gone", value: "7", pointer: "/c" },
    { controller: "two", file: "a", value: "8", pointer: "/d" },
  ];
  t.strictSame(previousWrites(paths, writes), [
    { controller: "one", file: "other", value: "2", pointer: "/b" },
    { controller: "one", file: "a", value: "1", pointer: "/a" },
  ]);
  t.equal(readFileSync(join(directory, "a"), "utf8"), "1\n", "nothing is written");
  t.end();
});

t.test("what was changed is taken back, what the kernel has refused is as it was", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "former-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "a"), "1\n");
  // A file that can be read, and refuses every write.
  const paths = { one: directory, two: "/proc" };
  const writes = [
    { controller: "one", file: "a", value: "5", pointer: "/a" },
    { controller: "two", file: "version", value: "x", pointer: "/b" },
  ];
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  t.throws(() => changeLimits(paths, writes, log), { message: /^b: failed to write "x": write \/proc\/version: / });
  t.equal(readFileSync(join(directory, "a"), "utf8"), "1\n");
  t.strictSame(warnings, []);
  t.end();
});
