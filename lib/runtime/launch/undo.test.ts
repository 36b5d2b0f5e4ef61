// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Log } from "../../log.ts";
import { attempt, Undo } from "./undo.ts";

function logTo(lines: string[]): Log {
  return { debug: () => undefined, warn: (text) => void lines.push(text) };
}

t.test("the last thing that was made goes first, the first one last", async (t) => {
  const done: string[] = [];
  const undo = new Undo(logTo(done));
  undo.add(() => void done.push("directory"));
  undo.addLast(() => void done.push("poststop"));
  undo.add(async () => {
    await Promise.resolve();
    done.push("process");
  });
  await undo.run();
  t.same(done, ["process", "directory", "poststop"]);
  await undo.run();
  t.equal(done.length, 3, "once");
});

t.test("what cannot be taken back is a warning, and the rest goes on", async (t) => {
  const done: string[] = [];
  const undo = new Undo(logTo(done));
  undo.add(() => void done.push("directory"));
  undo.add(() => Promise.reject(new Error("busy")));
  await undo.run();
  t.same(done, ["clean-up: busy", "directory"]);
});

t.test("an attempt that succeeds keeps its way back for later, and none of its descriptors", async (t) => {
  const done: string[] = [];
  const made = await attempt(
    logTo(done),
    async (undo, descriptors) => {
      undo.add(() => void done.push("undone"));
      descriptors.attach({ close: () => void done.push("closed") });
      return undo;
    },
    (error) => error,
  );
  t.same(done, ["closed"]);
  await made.run();
  t.same(done, ["closed", "undone"]);
});

t.test("an attempt that fails is taken back while its descriptors are open", async (t) => {
  const done: string[] = [];
  const failed = attempt(
    logTo(done),
    async (undo, descriptors) => {
      descriptors.attach({ close: () => void done.push("closed") });
      undo.add(() => void done.push("undone"));
      throw new Error("why");
    },
    (error) => new Error(`explained: ${error instanceof Error ? error.message : ""}`),
  );
  await t.rejects(failed, { message: "explained: why" });
  t.same(done, ["undone", "closed"]);
});
