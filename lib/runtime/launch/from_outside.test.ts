// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { hostId } from "./from_outside.ts";

t.test("an id of a user namespace, as the host knows it", async (t) => {
  const map = "         0       1000          1\n         1     100000      65535\n";
  t.equal(hostId(map, 0), 1000);
  t.equal(hostId(map, 1), 100000);
  t.equal(hostId(map, 65535), 165534);
  t.equal(hostId(map, 65536), undefined, "it has none");
  t.equal(hostId("", 0), undefined, "nothing is mapped yet");
});
