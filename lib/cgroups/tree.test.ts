import { mkdirSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import t from "tap";
import { childCgroups, inheritCpuset, makeCgroup, parentOf, processesBelow, removeTree } from "./tree.ts";

t.test("the directory above", async (t) => {
  t.equal(parentOf("/a/b"), "/a");
  t.equal(parentOf("/a"), "/");
  t.equal(parentOf("/"), "/");
});

t.test("making and removing", async (t) => {
  const root = t.testdir({});
  const made: string[] = [];
  t.equal(makeCgroup(`${root}/a/b/c`, made), 0);
  t.strictSame(made, [`${root}/a`, `${root}/a/b`, `${root}/a/b/c`]);
  t.equal(makeCgroup(`${root}/a/b/c`, made), 17);
  t.equal(makeCgroup("/proc/none/a", made), 2, "a file system that makes no directories");
  t.equal(made.length, 3);
  mkdirSync(`${root}/a/with.dot`);
  t.strictSame(childCgroups(`${root}/a`).sort(), [`${root}/a/b`, `${root}/a/with.dot`]);
  t.strictSame(childCgroups(`${root}/none`), []);
  t.equal(removeTree(`${root}/a`, { left: 0 }), 0);
  t.notOk(existsSync(`${root}/a`));
  t.equal(removeTree(`${root}/a`, { left: 0 }), 0, "gone already");
});

t.test("processes, with those below", async (t) => {
  const root = t.testdir({
    "cgroup.procs": "1\n20\n",
    below: { "cgroup.procs": "300\n" },
    vanished: {},
  });
  t.strictSame(processesBelow(root), [1, 20, 300]);
  t.strictSame(processesBelow(`${root}/none`), []);
});

t.test("cpusets are taken over from the nearest cgroup above that has them", async (t) => {
  for (const prefix of ["cpuset.", ""]) {
    const empty = { [`${prefix}cpus`]: "\n", [`${prefix}mems`]: "\n" };
    const root = t.testdir({
      [`${prefix}cpus`]: "0-3\n",
      [`${prefix}mems`]: "0\n",
      a: { ...empty, [`${prefix}cpus`]: "1-2\n", b: { ...empty, c: empty } },
    });
    inheritCpuset(`${root}/a/b/c`);
    const read = (path: string): string => readFileSync(`${root}/${path}`, "utf8").trim();
    t.equal(read(`a/${prefix}cpus`), "1-2", "one that is set stays");
    t.equal(read(`a/b/${prefix}cpus`), "1-2");
    t.equal(read(`a/b/c/${prefix}cpus`), "1-2");
    t.equal(read(`a/${prefix}mems`), "0");
    t.equal(read(`a/b/c/${prefix}mems`), "0");
  }
  const none = t.testdir({});
  t.throws(() => inheritCpuset(none), {
    code: "CGROUP",
    message: /take over the cpuset of the cgroup above: read .*cpus: no such file or directory/,
  });
});

t.test("a directory that is not empty for another reason", async (t) => {
  const root = t.testdir({ a: {} });
  writeFileSync(`${root}/a/file`, "");
  t.equal(removeTree(`${root}/a`, { left: 0 }), 39);
});
