// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { SIGTERM } from "../kernel/numbers.ts";
import { native } from "./native.ts";
import { Signals } from "./signals.ts";
import { readable } from "./waiting.ts";

t.test("what is waited for comes before a signal that would end the wait", async (t) => {
  const signals = Signals.catch();
  const counter = native.eventfd();
  const silent = native.eventfd();
  native.write(counter, new Uint8Array(new BigUint64Array([1n]).buffer));
  native.kill(process.pid, SIGTERM);
  t.equal(await readable(counter, -1), true, "both have come");
  t.equal(signals.next(), SIGTERM, "it is kept for the container");
  native.kill(process.pid, SIGTERM);
  await t.rejects(
    async () => readable(silent, -1),
    { code: "INTERRUPTED", facts: { signal: SIGTERM } },
    "with nothing there it ends the wait",
  );
  for (const fd of [counter, silent]) native.close(fd);
});
