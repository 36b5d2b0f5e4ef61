// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import t from "tap";
import { freeze, readFreezer, refuseFrozen, thawTree } from "./freezer.ts";

t.test("states", async (t) => {
  const state = (files: Record<string, string>) => readFreezer(t.testdir(files));
  t.equal(state({ "freezer.state": "THAWED\n" }), "thawed");
  t.equal(state({ "freezer.state": "FROZEN\n", "freezer.self_freezing": "1\n" }), "frozen");
  t.equal(state({ "freezer.state": "FROZEN\n", "freezer.self_freezing": "0\n" }), "thawed");
  t.equal(state({ "freezer.state": "FROZEN\n" }), "frozen", "a kernel without self_freezing");
  t.equal(state({}), undefined);
});

t.test("a cgroup in which a process would stand still", async (t) => {
  const refuse = (files: Record<string, string>) => () => refuseFrozen(t.testdir(files));
  const frozen = { "freezer.state": "FROZEN\n" };
  t.throws(refuse({ ...frozen, "freezer.self_freezing": "1\n" }), { code: "CGROUP_FROZEN", message: /unexpectedly frozen$/ });
  const above = { ...frozen, "freezer.self_freezing": "0\n", "freezer.parent_freezing": "1\n" };
  t.throws(refuse(above), { code: "CGROUP_FROZEN", message: /frozen, by a cgroup above it/ });
  t.doesNotThrow(refuse({ "freezer.state": "THAWED\n", "freezer.parent_freezing": "0\n" }));
});

t.test("what is frozen below is thawed as well", async (t) => {
  const cold = { "freezer.state": "FROZEN", "freezer.self_freezing": "1\n" };
  const root = t.testdir({ ...cold, a: { b: cold, c: { "freezer.state": "FROZEN", "freezer.self_freezing": "0\n" } } });
  thawTree(root);
  const state = (path: string): string => readFileSync(`${root}/${path}freezer.state`, "utf8");
  t.strictSame([state(""), state("a/b/"), state("a/c/")], ["THAWED", "THAWED", "FROZEN"]);
});

t.test("a state that never comes leaves the cgroup thawed", async (t) => {
  // The rest of the old content stays behind the new text.
  const directory = t.testdir({ "freezer.state": "FROZEN_NOT" });
  t.throws(() => freeze(directory), { code: "CGROUP", message: /freeze: unexpected state FROZEN_NOT/ });
  t.match(readFileSync(`${directory}/freezer.state`, "utf8"), /^THAWED/);
});
