/**
 * What `run` does in the foreground: waits for the container, hands signals on, and carries bytes between
 * the terminal and the container's console.
 */
import { Errno } from "../../kernel/errno.ts";
import { check, checkValue, O_NONBLOCK, readTextIfExists, syscallError } from "../../sys/files.ts";
import { POLLIN, POLLOUT, F_GETFL, F_SETFL, SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { Signals } from "../../sys/signals.ts";
import type { HostTerminal } from "../host/host_terminal.ts";
import type { NotifySocket } from "./notify_socket.ts";

const SIGTERM = 15;
const SIGCHLD = 17;
const SIGWINCH = 28;

/**
 * Every signal that a container may want: all but those that cannot be caught, those that tell of the
 * runtime's own faults, SIGURG and SIGPWR (which the JavaScript engines use), and SIGPIPE.
 */
const FORWARDED = [
  1, 2, 3, 6, 10, 12, 14, 15, 16, 17, 18, 20, 21, 22, 24, 25, 26, 27, 28, 29, 34, 35, 36, 37, 38, 39, 40, 41, 42,
  43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64,
];

/** Where signals come from. */
type SignalSource = Pick<Signals, "fd" | "next" | "endWaits">;

/** From now on no signal acts on this process; those that end a command end its waits, until {@link supervise}. */
export function catchSignals(): Signals {
  return Signals.catch(FORWARDED);
}

/** The container's console and the terminal that this process stands on. */
export class ConsoleRelay {
  readonly #master: number;
  /** The terminal that the console has the size of: stdin may be something else, as in `echo ls | runt exec -t web sh`. */
  readonly #terminal: HostTerminal;
  readonly #buffer = new Uint8Array(32768);
  #pending: Uint8Array = new Uint8Array(0);
  #inputOpen = true;
  #outputOpen = true;
  #saved: Uint8Array | undefined;

  /** Puts the terminal on stdin into raw mode. One that is on stdout alone keeps its keys: ^C has to reach this process. */
  constructor(master: number, terminal: HostTerminal) {
    this.#master = master;
    this.#terminal = terminal;
    const flags = native.fcntl(master, F_GETFL, 0);
    // A container that does not read its terminal must not keep us from reading what it prints.
    native.fcntl(master, F_SETFL, flags | O_NONBLOCK);
    const saved = native.isatty(0) ? native.ttyRaw(0) : -1;
    if (typeof saved !== "number") this.#saved = saved;
    this.resize();
  }

  /** The console gets the size of the terminal. */
  resize(): void {
    const size = native.ttyGetSize(this.#terminal.fd);
    if (typeof size !== "number" && size[0] > 0) native.ttySetSize(this.#master, size[0], size[1]);
  }

  /** Appends what has to be watched to pairs for poll(2). */
  watch(pairs: number[]): void {
    if (this.#inputOpen && this.#pending.length === 0) pairs.push(0, POLLIN);
    if (this.#outputOpen) pairs.push(this.#master, POLLIN | (this.#pending.length > 0 ? POLLOUT : 0));
  }

  /** Carries what is there. */
  carry(events: Int32Array): void {
    for (let index = 0; index < events.length; index += 2) {
      const happened = events[index + 1] ?? 0;
      if (happened === 0) continue;
      if (events[index] === 0) this.#readInput();
      if (events[index] === this.#master) {
        if (this.#pending.length > 0) this.#writeInput();
        if ((happened & ~POLLOUT) !== 0) this.#readOutput();
      }
    }
  }

  /** Carries the rest of the output, and gives the terminal back, which stays open. */
  close(): void {
    while (this.#outputOpen && native.poll(new Int32Array([this.#master, POLLIN]), 0) > 0) this.#readOutput();
    if (this.#saved !== undefined) native.ttyRestore(0, this.#saved);
    native.close(this.#master);
  }

  #readInput(): void {
    const size = native.read(0, this.#buffer);
    // Whoever shares the terminal may have made it O_NONBLOCK, and have read what was there.
    if (size === -Errno.EAGAIN) return;
    if (size <= 0) this.#inputOpen = false;
    else {
      this.#pending = this.#buffer.slice(0, size);
      this.#writeInput();
    }
  }

  #writeInput(): void {
    const written = native.write(this.#master, this.#pending);
    if (written > 0) this.#pending = this.#pending.subarray(written);
    else if (written !== -Errno.EAGAIN) this.#pending = new Uint8Array(0);
  }

  #readOutput(): void {
    const size = native.read(this.#master, this.#buffer);
    if (size === -Errno.EAGAIN) return;
    // EIO is how a master says that nobody has the slave open any more.
    if (size <= 0) this.#outputOpen = false;
    else writeAll(1, this.#buffer.subarray(0, size));
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  let rest = data;
  while (rest.length > 0) {
    const written = native.write(fd, rest);
    // Somebody has made it O_NONBLOCK, as Node.js does with pipes: nothing is to be lost by that.
    if (written === -Errno.EAGAIN) {
      native.poll(new Int32Array([fd, POLLOUT]), -1);
      continue;
    }
    if (written < 0) return;
    rest = rest.subarray(written);
  }
}

/**
 * Waits until process `pid`, a child, has ended, and hands signals on to it. SIGTERM always ends it, unless it handles that
 * itself: who asks this process to end would wait for ever.
 * @returns its exit status, or 128 and the number of the signal that ended it
 */
export function supervise(
  pid: number,
  pidfd: number,
  signals: SignalSource,
  relay: ConsoleRelay | undefined,
  notify?: NotifySocket,
): number {
  signals.endWaits(false);
  try {
    return followUntilEnd(pid, pidfd, signals, relay, notify);
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
    // After the signals, or a SIGCHLD that was taken there would be missed by the wait; and before every wait: the process may
    // have ended before its SIGCHLD could be caught.
    const status = reap(pid);
    if (status !== undefined) return status;
    native.poll(events, -1);
    relay?.carry(events.subarray(2));
    notify?.carry(events.subarray(2));
  }
}

/**
 * Whether a signal would do nothing: the kernel drops it for the first process of a pid namespace that has no handler, and a
 * process may ignore it, as an interactive shell does. One that is blocked waits for sigwait(2) or signalfd(2).
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

/** Reaps every child that has ended: as a subreaper we inherit the container's orphans. */
function reap(pid: number): number | undefined {
  let status: number | undefined;
  for (;;) {
    const exited = native.waitpid(-1, true);
    if (exited === null) return status;
    if (typeof exited === "number") {
      // Where no child is left: what became of this one nobody can say any more.
      if (status === undefined) throw syscallError(-exited, `wait for process ${pid}`);
      return status;
    }
    if (exited.pid === pid) status = exited.signaled ? 128 + exited.status : exited.status;
  }
}

/** The console's master, which init sends to the other end of `socket`. */
export function receiveMaster(socket: number): number {
  const { fds } = checkValue(native.receiveMessage(socket, new Uint8Array(256)), "recvmsg");
  return check(fds[0] ?? -1, "receive the console from init");
}
