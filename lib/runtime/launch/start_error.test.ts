// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../../errors.ts";
import { startError } from "./start_error.ts";

t.test("what goes wrong inside has the words that clients look for", async (t) => {
  for (const code of ["STEP_FAILED", "INIT_DIED", "HOOK_FAILED"] as const) {
    const error = startError(new RuntimeError(code, "why", { pointer: "/x" }));
    t.match(error, { code, message: "unable to start container process: why", facts: { pointer: "/x" } });
  }
});

t.test("what goes wrong outside does not", async (t) => {
  const outside = new RuntimeError("CONFIG_INVALID", "why");
  t.equal(startError(outside), outside);
  const other = new Error("a defect");
  t.equal(startError(other), other);
});
