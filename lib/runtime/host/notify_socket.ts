// SPDX-License-Identifier: Apache-2.0
/**
 * sd_notify(3) from inside a container: the program writes to a socket of runt's, which is mounted at /run/notify, and runt
 * tells the service manager on the host that it is ready. As with runc only `READY=` is passed on: messages of a container
 * are not trusted with more.
 */
import type { Log } from "../../log.ts";
import type { Config } from "../../spec/types.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, check, O_NONBLOCK } from "../../sys/files.ts";
import { F_SETFL, POLLIN, POLLOUT, SOCK_DGRAM, SOCK_STREAM } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { readable } from "../../sys/waiting.ts";

/** Directory and file in the container's state directory, and the directory in the container. */
const DIRECTORY = "notify";
const FILE = "notify.sock";
const TARGET = "/run/notify";
/** How often the wait for READY checks that the container is still alive; milliseconds. */
const ALIVE_INTERVAL = 100;
/** How long the service manager's queue may be full before the runtime gives up; milliseconds. */
const SEND_PATIENCE = 10_000;
/** How long the service manager may take to process its messages; milliseconds. */
const BARRIER_PATIENCE = 30_000;
/** A longer message is cut. */
const MESSAGE_LIMIT = 4096;

/** The addition to the environment of the program. */
export const NOTIFY_ENV = `NOTIFY_SOCKET=${TARGET}/${FILE}`;

/** The config with the mount of the socket's directory. @param state the container's state directory */
export function withNotifyMount(config: Config, state: string): Config {
  const mount = {
    destination: TARGET,
    source: `${state}/${DIRECTORY}`,
    options: ["bind", "nosuid", "noexec", "nodev", "ro"],
  };
  return { ...config, mounts: [...(config.mounts ?? []), mount] };
}

/** Makes the directory; a container can mount it before there is a socket. @throws SYSCALL */
export function makeNotifyDirectory(state: string): void {
  const path = `${state}/${DIRECTORY}`;
  check(native.mkdir(AT_FDCWD, path, 0o755), `mkdir ${path}`, { path });
  check(native.chmod(AT_FDCWD, path, 0o755), `chmod ${path}`, { path });
}

/** The container's end of the socket, and the connection to the host's. A failure there is a warning: the container runs. */
export class NotifySocket {
  readonly #host: string;
  readonly #log: Log;
  readonly #buffer = new Uint8Array(MESSAGE_LIMIT);
  #fd: number;
  /** The main process that {@link NotifySocket.carry} reports to the service manager; 0 while it reports none. */
  #mainPid = 0;
  /** Messages that the host has yet to get, and the socket for them. */
  #news: Message[] = [];
  #way = -1;

  private constructor(host: string, fd: number, log: Log) {
    this.#host = host;
    this.#fd = fd;
    this.#log = log;
  }

  /**
   * Binds the socket; `undefined` for a container that was made without one.
   * @param host NOTIFY_SOCKET of this process
   * @throws SYSCALL
   */
  static bind(state: string, host: string, log: Log): NotifySocket | undefined {
    if (typeof native.stat(AT_FDCWD, `${state}/${DIRECTORY}`, false) === "number") return undefined;
    const path = `${state}/${DIRECTORY}/${FILE}`;
    // The socket of a `start` that was killed.
    native.unlink(AT_FDCWD, path);
    const fd = check(native.bindUnix(path, SOCK_DGRAM), `bind ${path}`, { path });
    // The container's user may have any id.
    native.chmod(AT_FDCWD, path, 0o777);
    return new NotifySocket(host, fd, log);
  }

  /** Waits until the program is ready, as long as `isAlive`, and tells the host, with `pid` as the main process. */
  async wait(pid: number, isAlive: () => boolean): Promise<void> {
    for (;;) {
      const ready = (await readable(this.#fd, ALIVE_INTERVAL)) ? this.#receive() : undefined;
      if (ready !== undefined) return this.#tell(ready, pid);
      if (!isAlive()) return;
    }
  }

  /** From now on {@link NotifySocket.carry} tells the host, with `pid` as the main process. */
  follow(pid: number): void {
    this.#mainPid = pid;
  }

  /** Appends the descriptors to watch to pairs for poll(2). */
  watch(pairs: number[]): void {
    if (this.#way >= 0) pairs.push(this.#way, POLLOUT);
    else if (this.#fd >= 0 && this.#mainPid !== 0) pairs.push(this.#fd, POLLIN);
  }

  /** Passes on a message that has come. This process stays, so it need not wait for the host. */
  carry(events: Int32Array): void {
    for (let index = 0; index < events.length; index += 2) {
      const fd = events[index] ?? -1;
      if (fd < 0 || events[index + 1] === 0) continue;
      if (fd === this.#fd && this.#way < 0) {
        const ready = this.#receive();
        if (ready !== undefined) this.#begin(ready, this.#mainPid);
      }
      if (fd === this.#way || fd === this.#fd) this.#send();
      if (this.#fd < 0) return;
    }
  }

  close(): void {
    for (const fd of [this.#fd, this.#way]) if (fd >= 0) native.close(fd);
    for (const { fds } of this.#news) for (const fd of fds) native.close(fd);
    this.#fd = -1;
    this.#way = -1;
    this.#news = [];
  }

  /** The line with READY of the message that has come; `undefined` without one. */
  #receive(): string | undefined {
    const received = native.receiveMessage(this.#fd, this.#buffer);
    if (typeof received === "number") return undefined;
    for (const fd of received.fds) native.close(fd);
    const text = new TextDecoder().decode(this.#buffer.subarray(0, received.size));
    return text.split("\n").find((line) => line.startsWith("READY="));
  }

  /** Tells the host, and waits until it has read all; both with a time limit. */
  async #tell(ready: string, pid: number): Promise<void> {
    const heard = this.#begin(ready, pid);
    try {
      const end = native.now() + SEND_PATIENCE;
      while (!this.#send()) {
        if (native.now() > end) return this.#giveUp("its queue is full");
        await readable(-1, ALIVE_INTERVAL);
      }
      if (heard !== undefined) await readable(heard, BARRIER_PATIENCE);
    } finally {
      if (heard !== undefined) native.close(heard);
    }
  }

  /**
   * Connects to the host, and makes the messages.
   * @returns for a main process that is not this one: a descriptor that is readable once the host has read all
   */
  #begin(ready: string, pid: number): number | undefined {
    const way = native.connectUnix(this.#host, SOCK_DGRAM);
    if (way < 0) {
      this.#giveUp(errnoText(-way));
      return undefined;
    }
    // A host that does not read must not block the container's supervisor.
    native.fcntl(way, F_SETFL, O_NONBLOCK);
    this.#way = way;
    // sd_notify_barrier(3): the other end is closed once all messages before it have been read.
    const pair = native.socketpair(SOCK_STREAM);
    if (typeof pair === "number") {
      this.#giveUp(errnoText(-pair));
      return undefined;
    }
    const [ours, theirs] = pair;
    this.#news = [
      { text: `${ready}\n`, fds: [] },
      { text: `MAINPID=${pid}\n`, fds: [] },
      { text: "BARRIER=1", fds: [theirs] },
    ];
    if (this.#mainPid === 0) return ours;
    native.close(ours);
    return undefined;
  }

  /** Sends the messages that the host accepts now. @returns whether none is left */
  #send(): boolean {
    for (let next = this.#news[0]; next !== undefined; next = this.#news[0]) {
      const sent = native.sendMessage(this.#way, next.text, next.fds);
      if (sent === -Errno.EAGAIN) return false;
      if (sent < 0) {
        this.#giveUp(errnoText(-sent));
        return true;
      }
      for (const fd of next.fds) native.close(fd);
      this.#news.shift();
    }
    if (this.#way >= 0) this.close();
    return true;
  }

  #giveUp(why: string): void {
    this.#log.warn(`cannot tell NOTIFY_SOCKET ${this.#host} that the container is ready: ${why}`);
    this.close();
  }
}

/** One datagram, and its descriptors; they are this side's until it is sent. */
interface Message {
  readonly text: string;
  readonly fds: readonly number[];
}
