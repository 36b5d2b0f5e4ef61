/**
 * sd_notify(3) from inside a container: the program writes to a socket of runt's, which is mounted at /run/notify, and runt
 * tells the service manager on the host that it is ready. As with runc nothing but `READY=` is handed on: what a container
 * says is not to be trusted with more.
 */
import type { Config } from "../spec/types.ts";
import { AT_FDCWD, check, checkValue } from "../sys/files.ts";
import { POLLIN } from "../sys/linux.ts";
import { native } from "../sys/native.ts";

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
/** Directory and file in the container's state directory, and the directory in the container. */
const DIRECTORY = "notify";
const FILE = "notify.sock";
const TARGET = "/run/notify";
/** How often the wait for READY looks whether the container is still alive; milliseconds. */
const ALIVE_INTERVAL = 100;
/** How long the service manager may take for what it was told; milliseconds. */
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

/** Makes the directory, which a container can be mounted with before there is a socket. @throws SYSCALL */
export function makeNotifyDirectory(state: string): void {
  const path = `${state}/${DIRECTORY}`;
  check(native.mkdir(AT_FDCWD, path, 0o755), `mkdir ${path}`, { path });
  check(native.chmod(AT_FDCWD, path, 0o755), `chmod ${path}`, { path });
}

/** The container's end of the socket, and the way to the host's. */
export class NotifySocket {
  readonly #host: string;
  readonly #buffer = new Uint8Array(MESSAGE_LIMIT);
  #fd: number;
  /** Whom the service manager is told to watch from now on, when it is told by {@link NotifySocket.carry}. */
  #mainPid = 0;

  private constructor(host: string, fd: number) {
    this.#host = host;
    this.#fd = fd;
  }

  /**
   * Binds the socket; `undefined` for a container that was made without one.
   * @param host NOTIFY_SOCKET of this process
   * @throws SYSCALL
   */
  static bind(state: string, host: string): NotifySocket | undefined {
    if (typeof native.stat(AT_FDCWD, `${state}/${DIRECTORY}`, false) === "number") return undefined;
    const path = `${state}/${DIRECTORY}/${FILE}`;
    // Of a `start` that was killed.
    native.unlink(AT_FDCWD, path);
    const fd = check(native.bindUnix(path, SOCK_DGRAM), `bind ${path}`, { path });
    // The container's user may be any.
    native.chmod(AT_FDCWD, path, 0o777);
    return new NotifySocket(host, fd);
  }

  /** Waits until the program is ready, as long as `isAlive`, and tells the host, with `pid` as the main one. */
  wait(pid: number, isAlive: () => boolean): void {
    for (;;) {
      const ready = this.#receive(ALIVE_INTERVAL);
      if (ready !== undefined) return this.#tell(ready, pid, BARRIER_PATIENCE);
      if (!isAlive()) return;
    }
  }

  /** From now on {@link NotifySocket.carry} tells the host, with `pid` as the main one. */
  follow(pid: number): void {
    this.#mainPid = pid;
  }

  /** Appends what has to be watched to pairs for poll(2). */
  watch(pairs: number[]): void {
    if (this.#fd >= 0 && this.#mainPid !== 0) pairs.push(this.#fd, POLLIN);
  }

  /** Hands on what is there. This process stays, so nothing has to be waited for. */
  carry(events: Int32Array): void {
    for (let index = 0; index < events.length; index += 2) {
      if (events[index] !== this.#fd || events[index + 1] === 0) continue;
      const ready = this.#receive(0);
      if (ready === undefined) continue;
      this.#tell(ready, this.#mainPid, 0);
      this.close();
    }
  }

  close(): void {
    if (this.#fd >= 0) native.close(this.#fd);
    this.#fd = -1;
  }

  /** The line that says READY, if a message with one comes within `patience`. */
  #receive(patience: number): string | undefined {
    if (native.poll(new Int32Array([this.#fd, POLLIN]), patience) <= 0) return undefined;
    const received = native.receiveMessage(this.#fd, this.#buffer);
    if (typeof received === "number") return undefined;
    for (const fd of received.fds) native.close(fd);
    const text = new TextDecoder().decode(this.#buffer.subarray(0, received.size));
    return text.split("\n").find((line) => line.startsWith("READY="));
  }

  #tell(ready: string, pid: number, patience: number): void {
    const socket = check(native.connectUnix(this.#host, SOCK_DGRAM), `connect to NOTIFY_SOCKET ${this.#host}`);
    try {
      check(native.sendMessage(socket, `${ready}\n`, []), `send to NOTIFY_SOCKET ${this.#host}`);
      check(native.sendMessage(socket, `MAINPID=${pid}\n`, []), `send to NOTIFY_SOCKET ${this.#host}`);
      // sd_notify_barrier(3): the other end is closed once all before it has been read.
      const [ours, theirs] = checkValue(native.socketpair(SOCK_STREAM), "socketpair");
      native.sendMessage(socket, "BARRIER=1", [theirs]);
      native.close(theirs);
      native.poll(new Int32Array([ours, POLLIN]), patience);
      native.close(ours);
    } finally {
      native.close(socket);
    }
  }
}
