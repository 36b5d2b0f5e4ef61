// SPDX-License-Identifier: Apache-2.0
/** Waits for the end of a process in the foreground: forwards signals to it, and reaps the processes that it leaves. */
import { readTextIfExists, syscallError } from "../../sys/files.ts";
import { POLLIN, SIGCHLD, SIGKILL, SIGTERM, SIGWINCH } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { Signals } from "../../sys/signals.ts";
import type { ConsoleRelay } from "./console_relay.ts";
import type { NotifySocket } from "../host/notify_socket.ts";

/**
 * Every signal that a container may want: all except those that cannot be caught, those that report the
 * runtime's own faults, SIGURG and SIGPWR (which the JavaScript engines use), and SIGPIPE.
 */
const FORWARDED = [
  1, 2, 3, 6, 10, 12, 14, 15, 16, 17, 18, 20, 21, 22, 24, 25, 26, 27, 28, 29, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46,
  47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64,
];

/** How often `isForsaken` is asked at least; milliseconds. */
const FORSAKEN_INTERVAL = 500;

/** The source of signals. */
type SignalSource = Pick<Signals, "fd" | "next" | "endWaits">;

/** From now on no signal acts on this process; signals that end a command end its waits, until {@link supervise}. */
export function catchSignals(): Signals {
  return Signals.catch(FORWARDED);
}

/**
 * Waits until process `pid`, a child, has ended, and forwards signals to it. SIGTERM always ends it, unless it handles SIGTERM
 * itself: otherwise a caller that asks this process to end would wait for ever.
 * @param isForsaken whether the process cannot go on, because a helper of the runtime's has been killed: it is killed then
 * @returns its exit status, or 128 and the number of the signal that ended it
 */
export function supervise(
  pid: number,
  pidfd: number,
  signals: SignalSource,
  relay: ConsoleRelay | undefined,
  notify?: NotifySocket,
  isForsaken?: () => boolean,
): number {
  signals.endWaits(false);
  try {
    return followUntilEnd(pid, pidfd, signals, relay, notify, isForsaken);
  } finally {
    // The hooks of the container's end may hang.
    signals.endWaits(true);
  }
}

function followUntilEnd(
  pid: number,
  pidfd: number,
  signals: SignalSource,
  relay: ConsoleRelay | undefined,
  notify: NotifySocket | undefined,
  isForsaken: (() => boolean) | undefined,
): number {
  for (;;) {
    const pairs = [signals.fd, POLLIN];
    relay?.watch(pairs);
    notify?.watch(pairs);
    const events = new Int32Array(pairs);
    for (let signal = signals.next(); signal > 0; signal = signals.next()) {
      if (signal === SIGCHLD) continue;
      if (signal === SIGWINCH && relay !== undefined) relay.resize();
      else native.pidfdKill(pidfd, signal === SIGTERM && isLost(SIGTERM, pid) ? SIGKILL : signal);
    }
    // This comes after the signals, because the wait would miss a SIGCHLD that was taken there. It comes before every wait,
    // because the process may have ended before its SIGCHLD could be caught.
    const status = reap(pid);
    if (status !== undefined) return status;
    if (isForsaken?.() === true) native.pidfdKill(pidfd, SIGKILL);
    native.poll(events, isForsaken === undefined ? -1 : FORSAKEN_INTERVAL);
    relay?.carry(events.subarray(2));
    notify?.carry(events.subarray(2));
  }
}

/**
 * Whether a signal would do nothing: the kernel drops it for the first process of a pid namespace that has no handler, and a
 * process may ignore it, as an interactive shell does. A blocked signal waits for sigwait(2) or signalfd(2), and is not lost.
 */
function isLost(signal: number, pid: number): boolean {
  const status = readTextIfExists(`/proc/${pid}/status`) ?? "";
  const isIn = (name: string): boolean => {
    const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  };
  if (isIn("SigCgt") || isIn("SigBlk")) return false;
  const pids = /^NSpid:((?:\s+\d+)+)/m.exec(status)?.[1]?.trim().split(/\s+/) ?? [];
  return isIn("SigIgn") || (pids.length > 1 && pids.at(-1) === "1");
}

/** Reaps every child that has ended: as a subreaper this process inherits the container's orphans. */
function reap(pid: number): number | undefined {
  let status: number | undefined;
  for (;;) {
    const exited = native.waitpid(-1, true);
    if (exited === null) return status;
    if (typeof exited === "number") {
      // No child is left; without its status by now, the status of this one is lost.
      if (status === undefined) throw syscallError(-exited, `wait for process ${pid}`);
      return status;
    }
    if (exited.pid === pid) status = exited.signaled ? 128 + exited.status : exited.status;
  }
}
