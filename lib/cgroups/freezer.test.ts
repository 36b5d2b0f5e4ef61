import { readFileSync } from "node:fs";
import t from "tap";
import { freeze, readFreezer } from "./freezer.ts";

t.test("states", async (t) => {
  const state = (files: Record<string, string>) => readFreezer(t.testdir(files));
  t.equal(state({ "freezer.state": "THAWED\n" }), "thawed");
  t.equal(state({ "freezer.state": "FROZEN\n", "freezer.self_freezing": "1\n" }), "frozen");
  t.equal(state({ "freezer.state": "FROZEN\n", "freezer.self_freezing": "0\n" }), "thawed");
  t.equal(state({ "freezer.state": "FROZEN\n" }), "frozen", "a kernel without self_freezing");
  t.equal(state({}), undefined);
});

t.test("a state that never comes leaves the cgroup thawed", async (t) => {
  // The rest of the old content stays behind what is written.
  const directory = t.testdir({ "freezer.state": "FROZEN_NOT" });
  t.throws(() => freeze(directory), { code: "CGROUP", message: /freeze: unexpected state FROZEN_NOT/ });
  t.match(readFileSync(`${directory}/freezer.state`, "utf8"), /^THAWED/);
});
