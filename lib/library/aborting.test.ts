// SPDX-License-Identifier: Apache-2.0
import { getEventListeners } from "node:events";
import t from "tap";
import { aborted, onAbort, whileAlive } from "./aborting.ts";

t.test("each is called once, one that was taken back is not, and the signal has one listener", async (t) => {
  const given = new AbortController();
  const calls: string[] = [];
  const forget = onAbort(given.signal, () => calls.push("forgotten"));
  for (let at = 0; at < 20; at++) onAbort(given.signal, () => calls.push(`${at}`));
  t.equal(getEventListeners(given.signal, "abort").length, 1);
  forget();
  given.abort();
  t.same(
    calls,
    Array.from({ length: 20 }, (_, at) => `${at}`),
  );
});

t.test("a signal that has come already is heard", async (t) => {
  const signal = AbortSignal.abort(new Error("why"));
  let calls = 0;
  onAbort(signal, () => calls++);
  onAbort(signal, () => (calls += 100))();
  t.equal(calls, 0, "but not from within");
  await Promise.resolve();
  t.equal(calls, 1);
  t.match(aborted(signal), { code: "ABORTED", cause: { message: "why" } });
});

t.test("what has ended is not ended again", async (t) => {
  const given = new AbortController();
  whileAlive(given.signal, Promise.resolve(), () => t.fail("it has ended"));
  await new Promise(setImmediate);
  given.abort();
});
