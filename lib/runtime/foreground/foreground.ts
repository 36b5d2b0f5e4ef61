// SPDX-License-Identifier: Apache-2.0
/**
 * The foreground of `run`, `exec` and `restore`, until their process has ended: its console, the signals of this process, and
 * the terminal of the caller. If detached, it has only the socket for the console.
 */
import { PR_SET_CHILD_SUBREAPER, SOCK_STREAM } from "../../kernel/numbers.ts";
import { checkValue } from "../../sys/files.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { native } from "../../sys/native.ts";
import type { Signals } from "../../sys/signals.ts";
import { openTerminal, type HostTerminal } from "../host/host_terminal.ts";
import type { NotifySocket } from "../host/notify_socket.ts";
import type { StandardStreams } from "../options.ts";
import { ConsoleRelay, receiveMaster } from "./console_relay.ts";
import { connectConsole } from "./console_socket.ts";
import { catchSignals, supervise } from "./supervise.ts";

/** The options that decide where the console of a process is, and whether the caller waits for its end. */
export interface ForegroundOptions extends StandardStreams {
  /** The caller does not wait for the end of the process. Default false. */
  readonly detach?: boolean;
  /** AF_UNIX socket that gets the master of the console. */
  readonly consoleSocket?: string;
}

/** The foreground of a command, in which it waits for a process. */
export class Foreground {
  readonly #descriptors: Descriptors;
  readonly #signals: Signals | undefined;
  readonly #terminal: HostTerminal | undefined;
  /** The socket that the caller has named for the master. */
  readonly #given: number | undefined;
  /** The runtime's end of the socket pair by which the master comes. */
  #pair: number | undefined;
  #master: number | undefined;

  /**
   * From here on no signal ends this process, unless detached: until the program runs a signal ends the waits, after that it is
   * sent to the program.
   * @param hasTerminal the process has a console
   * @param reaps this process becomes the reaper of orphaned descendants of the process, unless detached
   * @throws CONFIG_INVALID, USAGE by runc's rules on terminals; SYSCALL
   */
  static async open(hasTerminal: boolean, options: ForegroundOptions, reaps: boolean): Promise<Foreground> {
    const detach = options.detach === true;
    const descriptors = new Descriptors();
    try {
      const given = await connectConsole(hasTerminal, detach, options);
      if (given !== undefined) descriptors.own(given);
      const terminal = hasTerminal && !detach ? openTerminal() : undefined;
      if (terminal?.isOwn === true) descriptors.own(terminal.fd);
      if (!detach && reaps) native.prctl(PR_SET_CHILD_SUBREAPER, 1);
      return new Foreground(descriptors, detach ? undefined : catchSignals(), terminal, given);
    } catch (error) {
      descriptors.close();
      throw error;
    }
  }

  private constructor(
    descriptors: Descriptors,
    signals: Signals | undefined,
    terminal: HostTerminal | undefined,
    given: number | undefined,
  ) {
    this.#descriptors = descriptors;
    this.#signals = signals;
    this.#terminal = terminal;
    this.#given = given;
  }

  /** The command does not wait for the end. */
  get isDetached(): boolean {
    return this.#signals === undefined;
  }

  /**
   * The socket by which init is to send the console's master: the one that the caller has named, else one that ends here;
   * `undefined` where there is no console. The socket belongs to the foreground.
   * @throws SYSCALL
   */
  openConsoleSocket(): number | undefined {
    if (this.#terminal === undefined) return this.#given;
    const [ours, theirs] = checkValue(native.socketpair(SOCK_STREAM), "socketpair");
    this.#pair = this.#descriptors.own(ours);
    return this.#descriptors.own(theirs);
  }

  /** The socket that the caller has named for the console's master. */
  get namedConsoleSocket(): number | undefined {
    return this.#given;
  }

  /** Takes over the console's master, where it does not come by {@link openConsoleSocket}. */
  takeMaster(fd: number): void {
    this.#master = this.#descriptors.own(fd);
  }

  /**
   * Waits for the end of a process, a child, unless detached.
   * @param notify closed when the process has ended
   * @param isForsaken as for {@link supervise}
   * @returns its exit status, or 128 and the number of the signal that ended it; 0 if detached
   * @throws SYSCALL
   */
  untilEnd(pid: number, pidfd: number, notify?: NotifySocket, isForsaken?: () => boolean): number {
    if (this.#signals === undefined) return 0;
    let relay: ConsoleRelay | undefined;
    try {
      relay = this.#openRelay();
      return supervise(pid, pidfd, this.#signals, relay, notify, isForsaken);
    } finally {
      notify?.close();
      relay?.close();
    }
  }

  #openRelay(): ConsoleRelay | undefined {
    if (this.#terminal === undefined) return undefined;
    if (this.#pair !== undefined) this.takeMaster(receiveMaster(this.#pair));
    if (this.#master === undefined) return undefined;
    return new ConsoleRelay(this.#descriptors.release(this.#master), this.#terminal);
  }

  /** Closes the open descriptors; the process goes on. */
  close(): void {
    this.#descriptors.close();
  }
}
