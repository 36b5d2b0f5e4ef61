// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { cgroupStats } from "../../cgroups/open.ts";
import { Errno } from "../../kernel/errno.ts";
import { watchNative } from "../native.ts";
import { HeldFiles } from "./held_files.ts";

/** A directory in the place of a cgroup of v2. */
function unified(t: Test): { readonly paths: Record<string, string>; write(file: string, text: string): void } {
  const paths = { "": join(t.testdir({}), "cgroup") };
  mkdirSync(paths[""]);
  return { paths, write: (file, text) => writeFileSync(join(paths[""], file), text) };
}

t.test("statistics are those of the files at each reading", async (t) => {
  const { paths, write } = unified(t);
  write("pids.current", "3\n");
  write("memory.current", "4096\n");
  const files = new HeldFiles(paths);
  t.strictSame(files.stats(), cgroupStats(paths));
  const [first, second] = [files.stats(), files.stats()];
  t.equal(first.memory, second.memory, "what has not changed is the same object");
  write("pids.current", "4\n");
  const third = files.stats();
  t.match(third.pids, { current: 4 });
  t.equal(third.memory, first.memory, "a part of other files stays");
  t.strictSame(third, cgroupStats(paths));
  files.close();
});

t.test("files that come, go, and come again", async (t) => {
  const { paths, write } = unified(t);
  write("pids.current", "3\n");
  const files = new HeldFiles(paths);
  t.notOk("usage" in files.stats().memory);
  write("memory.current", "4096\n");
  write("misc.current", "res 5\n");
  t.match(files.stats(), { memory: { usage: { usage: 4096 } }, misc: { res: { usage: 5 } } }, "a controller was added");
  rmSync(paths[""] ?? "", { recursive: true });
  mkdirSync(paths[""] ?? "");
  write("pids.current", "9\n");
  // Of a file that was removed an ordinary file system still gives the text; one of a cgroup gives ENODEV.
  t.ok(files.stats());
  files.close();
});

t.test("a text that is no number is an error, once and again, and the right text is none", async (t) => {
  const { paths, write } = unified(t);
  write("pids.current", "3\n");
  const files = new HeldFiles(paths);
  files.stats();
  write("pids.current", "many\n");
  for (let round = 0; round < 2; round++) t.throws(() => files.stats(), { code: "CGROUP" });
  write("pids.current", "5\n");
  t.match(files.stats().pids, { current: 5 });
  files.close();
});

t.test("the program's own descriptors stay as they are", async (t) => {
  const { paths, write } = unified(t);
  write("pids.current", "3\n");
  const count = (): number => readdirSync("/proc/self/fd").length;
  const before = count();
  const many = Array.from({ length: 50 }, () => new HeldFiles(paths));
  HeldFiles.refresh(many);
  for (const each of many) t.match(each.stats().pids, { current: 3 });
  t.equal(count(), before);
  for (const each of many) each.close();
  t.strictSame(watchNative.changedFiles(Int32Array.of(...many.map(({ set }) => set))), [], "closed sets have no files");
});

t.test("what cannot be read is an errno, and arguments are checked", async (t) => {
  t.equal(watchNative.holdFile(1_000_000, "/nonexistent/file"), -Errno.ENOENT);
  t.equal(watchNative.holdFile(1_000_000, "/proc"), -Errno.EISDIR);
  watchNative.dropFiles(1_000_000);
  t.throws(() => watchNative.holdFile("1" as unknown as number, "/"), TypeError);
  t.throws(() => watchNative.changedFiles([] as unknown as Int32Array), TypeError);
  t.throws(() => watchNative.dropFiles("" as unknown as number), TypeError);
});
