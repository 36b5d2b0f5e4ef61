// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { isWholeMap } from "./user_namespace.ts";

t.test("the machine's own map, and others", async (t) => {
  t.equal(isWholeMap("         0          0 4294967295\n"), true);
  t.equal(isWholeMap("         0       1000          1\n         1     100000      65536\n"), false);
  t.equal(isWholeMap("0 0 65536\n"), false);
  t.equal(isWholeMap(""), false);
});
