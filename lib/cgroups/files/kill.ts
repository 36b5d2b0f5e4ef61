// SPDX-License-Identifier: Apache-2.0
/** Signals for all processes of a cgroup, of either version. */
import { SIGKILL } from "../../kernel/numbers.ts";
import type { Log } from "../../log.ts";
import { signalListed } from "../../sys/send_signals.ts";
import type { FreezerState } from "../cgroup.ts";
import { pause, processesBelow } from "./tree.ts";

/** The most rounds if freezing failed: each finds the processes that forked during the round before. */
const ROUNDS = 10;

/** The freezer that makes processes stand still while they are signalled. */
export interface SignalFreezer {
  readonly directory: string;
  /** `undefined`: the cgroup has no freezer. */
  read(): FreezerState | undefined;
  freeze(): void;
  thaw(): void;
}

/** The processes to signal. */
export interface Signalled {
  list(): readonly number[];
  /** `undefined`: nothing can make them stand still. */
  readonly freezer: SignalFreezer | undefined;
  readonly log: Log;
}

/**
 * Sends a signal to every process, also to those that are forked meanwhile. A program that handles it gets it once. SIGKILL apart, a
 * cgroup that was frozen before stays so, and its processes get the signal when they are thawed.
 */
export function signalAll(signal: number, { list, freezer, log }: Signalled): void {
  const told = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const before = freezer === undefined ? undefined : tryFreeze(freezer, log);
    const still = new Set(freezer === undefined || before === undefined ? [] : processesBelow(freezer.directory));
    const pids = signalListed(list, signal, (pid) => signal === SIGKILL || !told.has(pid));
    // SIGKILL works on frozen processes, other signals wait until they are thawed.
    if (before !== undefined && (signal === SIGKILL || before !== "frozen")) freezer?.thaw();
    // Those that did not stand still may have forked meanwhile.
    if (pids.every((pid) => still.has(pid) || told.has(pid))) return;
    for (const pid of pids) told.add(pid);
    if (round > 0) pause(1);
  }
}

/** @returns the state before; `undefined` where the processes do not stand still */
function tryFreeze(freezer: SignalFreezer, log: Log): FreezerState | undefined {
  try {
    const before = freezer.read();
    if (before !== undefined) freezer.freeze();
    return before;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.debug(`kill: processes are signalled without freezing them: ${why}`);
    return undefined;
  }
}
