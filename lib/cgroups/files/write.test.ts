// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import t from "tap";
import { performWrites, type Write } from "./write.ts";

const write = (file: string, value: string, extra: Partial<Write> = {}): Write => ({
  controller: "cpu",
  file,
  value,
  pointer: `/linux/resources/cpu/${file}`,
  ...extra,
});

t.test("a directory in the place of a cgroup", async (t) => {
  const cpu = t.testdir({ one: "", bfq: "", shares: "" });
  performWrites({ cpu }, [
    write("one", "1"),
    write("absent", "2", { ifMissing: "skip" }),
    write("weight", "3", { otherFile: "bfq" }),
    write("shares", "4", { check: "shares" }),
  ]);
  t.equal(readFileSync(`${cpu}/one`, "utf8"), "1");
  t.equal(readFileSync(`${cpu}/bfq`, "utf8"), "3");
  t.equal(readFileSync(`${cpu}/shares`, "utf8"), "4");
});

t.test("a missing file names the property, the value and the reason", async (t) => {
  const cpu = t.testdir({});
  t.throws(() => performWrites({ cpu }, [write("burst", "5")]), {
    code: "CGROUP",
    message: `linux.resources.cpu.burst: failed to write "5": write ${cpu}/burst: no such file or directory (ENOENT)`,
    facts: { pointer: "/linux/resources/cpu/burst", path: `${cpu}/burst`, errno: 2 },
  });
});

t.test("a value that the kernel cuts to its range", async (t) => {
  // A file of which the old content stays behind the new one reads back as another number.
  const cpu = t.testdir({ "cpu.shares": "0002" });
  const low = write("cpu.shares", "0", { check: "shares" });
  t.throws(() => performWrites({ cpu }, [low]), { code: "CGROUP", message: /minimum allowed cpu-shares is 2/ });
});

t.test("memory nodes that the cgroup above has not are a warning, processors are none that can be done without", async (t) => {
  const cpu = t.testdir({
    "cpuset.mems": "",
    "cpuset.mems.effective": "0\n",
    "cpuset.cpus": "",
    "cpuset.cpus.effective": "0-1\n",
  });
  const told: string[] = [];
  const log = { debug: () => undefined, warn: (text: string) => void told.push(text) };
  performWrites({ cpu }, [write("cpuset.mems", "3", { check: "cpuset", pointer: "/linux/resources/cpu/mems" })], log);
  performWrites({ cpu }, [write("cpuset.mems", "0,3", { check: "cpuset", pointer: "/linux/resources/cpu/mems" })], log);
  t.strictSame(told, [
    'linux.resources.cpu.mems: "3": ignored: the cgroup above has none of these memory nodes: ' +
      `${cpu}/cpuset.mems.effective is 0`,
  ]);
  t.throws(() => performWrites({ cpu }, [write("cpuset.cpus", "7", { check: "cpuset" })], log), {
    code: "CGROUP",
    message: /none of them is allowed in the cgroup above/,
  });
});

t.test("a controller that this host lacks", async (t) => {
  t.throws(() => performWrites({}, [write("shares", "5")]), {
    code: "HOST_UNABLE",
    message: /^linux\.resources\.cpu\.shares: cannot set cpu limit: container could not join or create cgroup/,
    facts: { pointer: "/linux/resources/cpu/shares" },
  });
});
