// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import t from "tap";
import { pointerNames, pointerStep } from "./pointer.ts";

t.test("a step escapes what separates, and what escapes", async (t) => {
  t.equal(pointerStep("limit"), "/limit");
  t.equal(pointerStep(0), "/0");
  t.equal(pointerStep("net/ipv4~x"), "/net~1ipv4~0x");
  t.equal(pointerStep("~1"), "/~01", "which is no slash when it is read");
});

t.test("the names of a pointer", async (t) => {
  t.same(pointerNames(""), []);
  t.same(pointerNames("/"), [""]);
  t.same(pointerNames("/linux/sysctl/net~1ipv4"), ["linux", "sysctl", "net/ipv4"]);
  t.same(pointerNames("/~01"), ["~1"]);
});

t.test("what is made can be read", async (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom("~", "/", "~1", "~0", "~01"))), (names) => {
      t.same(pointerNames(names.map(pointerStep).join("")), names);
    }),
    { numRuns: 200 },
  );
});
