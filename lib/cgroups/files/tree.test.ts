// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import t from "tap";
import { inheritCpuset, makeCgroup, parentOf, populationBelow, processesBelow, removeTree } from "./tree.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_PATH, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

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

t.test("a process of an outer pid namespace counts, and is none that could be signalled", async (t) => {
  const root = t.testdir({ "cgroup.procs": "0\n20\n0\n", below: { "cgroup.procs": "0\n" } });
  t.strictSame(processesBelow(root), [20]);
  t.equal(populationBelow(root), 4);
});

t.test("cgroups that are nested deeper than a path can name", async (t) => {
  const root = t.testdir({ a: { "cgroup.procs": "1\n" } });
  const name = "d".repeat(200);
  const levels = 100;
  let fd = native.open(AT_FDCWD, `${root}/a`, O_PATH | O_CLOEXEC, 0);
  for (let level = 0; level < levels; level++) {
    t.equal(native.mkdir(fd, name, 0o755), 0);
    const next = native.open(fd, name, O_PATH | O_CLOEXEC, 0);
    native.close(fd);
    fd = next;
  }
  native.writeFile(fd, "cgroup.procs", O_WRONLY | O_CREAT, 0o644, "7\n");
  t.strictSame(processesBelow(`${root}/a`), [1, 7]);
  native.unlink(fd, "cgroup.procs");
  native.close(fd);
  native.unlink(AT_FDCWD, `${root}/a/cgroup.procs`);
  t.equal(removeTree(`${root}/a`, { left: 0 }), 0);
  t.notOk(existsSync(`${root}/a`));
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
