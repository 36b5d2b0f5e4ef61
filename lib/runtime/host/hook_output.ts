// SPDX-License-Identifier: Apache-2.0
/** The output of a runtime hook: it may be endless, and is kept for an error up to a limit. */
import { Errno } from "../../kernel/errno.ts";
import { check, checkValue, O_NONBLOCK } from "../../sys/files.ts";
import { F_SETFL, POLLIN } from "../../kernel/numbers.ts";
import { HOOK_OUTPUT_LIMIT } from "../../plan/steps.ts";
import { native } from "../../sys/native.ts";
import { readable } from "../../sys/waiting.ts";

/** More than a pipe holds by default; bytes. */
const PIECE = 64 << 10;

/** Interval between two checks of a hook that has no pidfd; milliseconds. */
const LOOK_AGAIN = 10;

/** A pipe that is read as long as the hook runs, so that the hook never waits for the runtime. */
export class HookOutput {
  /** The end of the pipe that the hook writes to. */
  readonly end: number;
  readonly #buffer = new Uint8Array(PIECE);
  readonly #kept: Uint8Array[] = [];
  #left = HOOK_OUTPUT_LIMIT;
  #pipe: number;

  /** @throws SYSCALL */
  constructor() {
    [this.#pipe, this.end] = checkValue(native.pipe(), "pipe");
    const made = native.fcntl(this.#pipe, F_SETFL, O_NONBLOCK);
    if (made >= 0) return;
    // A blocking read would wait for ever.
    this.close();
    check(made, "fcntl of the pipe for a hook's output");
  }

  /**
   * Reads until the hook has ended.
   * @param pidfd of the hook
   * @param limit milliseconds; -1 is no limit
   * @returns `false` if the limit has passed
   */
  async follow(pidfd: number, limit: number): Promise<boolean> {
    const either = native.epoll([pidfd, this.#pipe]);
    // Without pidfds (Linux before 5.2) the directory of the process in /proc stands for it, which does not report the end.
    const looks = either === -Errno.EPERM;
    if (!looks) check(either, "epoll");
    const over = limit < 0 ? 0 : native.now() + limit;
    try {
      for (let left = limit; ; left = limit < 0 ? -1 : Math.max(0, Math.ceil(over - native.now()))) {
        const ready = looks ? await this.#look(left) : await readable(either, left);
        this.#drain();
        if (native.poll(new Int32Array([pidfd, POLLIN]), 0) > 0) break;
        if (!ready || (limit >= 0 && native.now() >= over)) return false;
      }
      // Its children may go on printing, but that output is not read.
      this.#drain();
      return true;
    } finally {
      if (!looks) native.close(either);
    }
  }

  /** Waits for output, but only for a moment. */
  async #look(left: number): Promise<boolean> {
    await readable(this.#pipe, left < 0 ? LOOK_AGAIN : Math.min(left, LOOK_AGAIN));
    return true;
  }

  /** The output so far. */
  text(): string {
    const whole = new Uint8Array(HOOK_OUTPUT_LIMIT - this.#left);
    let at = 0;
    for (const piece of this.#kept) {
      whole.set(piece, at);
      at += piece.length;
    }
    return new TextDecoder().decode(whole);
  }

  close(): void {
    native.close(this.end);
    this.#endReading();
  }

  /** Reads one piece; if there is more, the next wait returns at once. */
  #drain(): void {
    if (this.#pipe < 0) return;
    const size = native.read(this.#pipe, this.#buffer);
    if (size === -Errno.EAGAIN) return;
    if (size <= 0) return this.#endReading();
    const kept = Math.min(size, this.#left);
    if (kept > 0) this.#kept.push(this.#buffer.slice(0, kept));
    this.#left -= kept;
  }

  /** A descriptor at end of file would be ready for ever, so it is closed. */
  #endReading(): void {
    if (this.#pipe >= 0) native.close(this.#pipe);
    this.#pipe = -1;
  }
}
