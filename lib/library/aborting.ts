// SPDX-License-Identifier: Apache-2.0
/** AbortSignals: one listener for each, however many operations one of them can end. */
import { RuntimeError } from "../errors.ts";

const heard = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `act` once when `signal` comes, or soon if it has come. Many operations of a program share one signal, and Node takes
 * eleven listeners for a
 * leak.
 * @returns takes it back
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    // It has come while something else was waited for, and does not come again.
    let wanted = true;
    queueMicrotask(() => wanted && act());
    return () => void (wanted = false);
  }
  let acts = heard.get(signal);
  if (acts === undefined) {
    const all = new Set<() => void>();
    const listener = (): void => {
      heard.delete(signal);
      for (const each of [...all]) each();
      all.clear();
    };
    signal.addEventListener("abort", listener, { once: true });
    heard.set(signal, all);
    acts = all;
  }
  const all = acts;
  // The same function may be given twice.
  const own = (): void => act();
  all.add(own);
  return () => void all.delete(own);
}

/** Calls `act` when `signal` comes before `end`. */
export function whileAlive(signal: AbortSignal, end: Promise<unknown>, act: () => void): void {
  const forget = onAbort(signal, act);
  end.then(forget, forget);
}

/** The error of an operation that `signal` has ended. */
export function aborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError("ABORTED", "the operation was aborted", {}, signal.reason);
}
