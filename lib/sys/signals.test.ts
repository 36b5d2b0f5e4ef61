// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { SIGTERM, SIGWINCH } from "../kernel/numbers.ts";
import { native, replaceNative } from "./native.ts";
import { Signals } from "./signals.ts";
import { readable } from "./waiting.ts";

let made: Signals | undefined;

/** A process catches signals once; within a test, because tap takes SIGTERM for itself when the first one begins. */
function caught(): Signals {
  return (made ??= Signals.catch([SIGTERM, SIGWINCH]));
}

t.test("what is waited for comes before a signal that would end the wait", async (t) => {
  const signals = caught();
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

t.test("a signal that ends no wait leaves the wait as long as it was", async (t) => {
  const signals = caught();
  const real = native;
  for (const timeout of [-1, 60_000]) {
    const counter = native.eventfd();
    const waits: number[] = [];
    const poll = (fds: Int32Array, timeoutMs: number): number => {
      waits.push(timeoutMs);
      if (waits.length === 2) real.write(counter, new Uint8Array(new BigUint64Array([1n]).buffer));
      return real.poll(fds, timeoutMs);
    };
    replaceNative(Object.create(real, { poll: { value: poll } }) as typeof real);
    native.kill(process.pid, SIGWINCH);
    t.equal(await readable(counter, timeout), true);
    replaceNative(real);
    t.equal(waits.length, 2, "one wait until the signal, and one after it");
    const [, second = 0] = waits;
    t.ok(timeout < 0 ? second === -1 : second > 1, `the second one sleeps: ${waits.join(" ")}`);
    t.equal(signals.next(), SIGWINCH);
    native.close(counter);
  }
});
