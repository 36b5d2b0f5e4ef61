// SPDX-License-Identifier: Apache-2.0
/**
 * The standard streams of one process.
 *
 * Without a terminal the process gets containerd's FIFOs themselves, and no byte passes through the shim. It keeps both ends of
 * each open as long as the process lives: a restart of containerd costs the process neither a SIGPIPE nor a line.
 */
import { RuntimeError } from "../errors.ts";
import { F_GETFL, F_SETFL, POLLERR, S_IFIFO, S_IFMT, SIGKILL, SOCK_STREAM } from "../kernel/numbers.ts";
import { AT_FDCWD, check, checkValue, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { Loop } from "./loop.ts";
import { type Location, type Logger, makePipe, openLogFile, parseLocation, startLogger } from "./logger.ts";
import { Pump } from "./pump.ts";

/** The client's destinations of the streams: paths of FIFOs, locations of logs, "" for none. */
export interface StreamPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

/** The interval of checks on a reader that is behind: the first, and the longest; milliseconds. */
const SOON = 1;
const LATER = 100;
/** The time that a log program has for the rest of the output; milliseconds. */
const LOGGER_PATIENCE = 10_000;

type Three = [number, number, number];

/** A client's FIFO for output. */
interface Output {
  readonly path: string;
  /** Both ends; after the process's end the one for writing. */
  fd: number;
  isForWriting: boolean;
  /** Bytes of a terminal may still come. */
  isFed: boolean;
}

export class Streams {
  readonly paths: StreamPaths;
  readonly #loop: Loop;
  /** Descriptors for the process, until it has them. */
  #theirs: number[] = [];
  /** Both ends of the FIFO of stdin. */
  #input: number | undefined;
  #output: Output[] = [];
  #pumps: Pump[] = [];
  #logger: Logger | undefined;
  #console: number | undefined;
  #master: number | undefined;
  #hasExited = false;
  #isClosed = false;
  stdio: Three = [-1, -1, -1];
  /** The socket to which init sends the terminal, for a process that has one. */
  consoleFd: number | undefined;

  private constructor(loop: Loop, paths: StreamPaths) {
    this.#loop = loop;
    this.paths = paths;
  }

  /** @throws SYSCALL, USAGE, HOST_UNABLE; then nothing is left open */
  static async open(loop: Loop, paths: StreamPaths, id: string, namespace: string): Promise<Streams> {
    const streams = new Streams(loop, paths);
    try {
      if (paths.terminal) streams.#openConsole();
      else await streams.#open(id, namespace);
      return streams;
    } catch (error) {
      streams.started();
      streams.close();
      throw error;
    }
  }

  /** The process has its descriptors. */
  started(): void {
    for (const fd of this.#theirs) native.close(fd);
    this.#theirs = [];
    this.consoleFd = undefined;
  }

  /** Takes the terminal that init has sent, and begins to carry its bytes. @throws SYSCALL */
  async attachConsole(id: string, namespace: string): Promise<void> {
    if (this.#console === undefined) return;
    const { fds } = checkValue(native.receiveMessage(this.#console, new Uint8Array(256)), "recvmsg");
    native.close(this.#console);
    this.#console = undefined;
    const master = check(fds[0] ?? -1, "receive the console from init");
    this.#master = master;
    native.fcntl(master, F_SETFL, native.fcntl(master, F_GETFL, 0) | O_NONBLOCK);
    const { stdin, stdout } = this.paths;
    if (stdin !== "") {
      this.#input = openBoth(stdin);
      this.#pumps.push(new Pump(this.#loop, duplicate(this.#input), duplicate(master)));
    }
    const to = stdout === "" ? open("/dev/null", O_WRONLY) : await this.#consoleOutput(parseLocation(stdout), id, namespace);
    this.#pumps.push(new Pump(this.#loop, duplicate(master), to, () => this.#terminalEnded()));
  }

  /** Clients tell the size before there is a terminal, and after it has gone: then nothing is done. @throws SYSCALL */
  resize(width: number, height: number): void {
    if (this.#master !== undefined) check(native.ttySetSize(this.#master, height, width), "set the size of the terminal");
  }

  /** End of file for the process, as soon as the client has closed its end too. */
  closeStdin(): void {
    if (this.#input === undefined) return;
    native.close(this.#input);
    this.#input = undefined;
  }

  /** The process has ended: the rest of the output goes to the reader, and then comes the end of file. */
  exited(): void {
    this.#hasExited = true;
    this.closeStdin();
    for (const output of [...this.#output]) this.#release(output, SOON);
  }

  /** Closes the streams; no client asks for the rest any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.closeStdin();
    for (const pump of this.#pumps) pump.finish();
    const outputs = this.#output.map(({ fd }) => fd);
    for (const fd of [...outputs, this.#console, this.#master]) if (fd !== undefined) native.close(fd);
    this.#pumps = [];
    this.#output = [];
    this.#console = undefined;
    this.#master = undefined;
    this.#endLogger();
  }

  /** No byte of the terminal comes any more. */
  #terminalEnded(): void {
    for (const output of [...this.#output]) {
      output.isFed = false;
      if (this.#hasExited) this.#release(output, SOON);
    }
  }

  /**
   * Closes a FIFO once a reader has it open and has taken all. A busy client may open its end only after the process has ended: it
   * would wait for a writer for ever if the shim's end were closed before. A reader that went away may come back, too.
   */
  #release(output: Output, delay: number): void {
    const index = this.#output.indexOf(output);
    if (index < 0 || output.isFed) return;
    if (native.readableBytes(output.fd) > 0 || !hasReader(output)) {
      this.#loop.after(delay, () => this.#release(output, Math.min(2 * delay, LATER)));
      return;
    }
    this.#output.splice(index, 1);
    native.close(output.fd);
  }

  #openConsole(): void {
    const [ours, theirs] = checkValue(native.socketpair(SOCK_STREAM), "socketpair");
    this.#console = ours;
    this.#theirs.push(theirs);
    this.consoleFd = theirs;
    const none = this.#give(open("/dev/null", O_RDWR));
    this.stdio = [none, none, none];
  }

  async #open(id: string, namespace: string): Promise<void> {
    const { stdin, stdout, stderr } = this.paths;
    const input = stdin === "" ? open("/dev/null", O_RDONLY) : this.#openInput(parseLocation(stdin).path);
    this.stdio[0] = this.#give(input);
    const [out, err] = [parseLocation(stdout), parseLocation(stderr)];
    const isProgram = out.scheme === "binary" || out.scheme === "binary-v2";
    if (isProgram) {
      const logger = await startLogger(out, id, namespace);
      this.#logger = logger;
      this.stdio = [input, this.#give(logger.stdout), this.#give(logger.stderr)];
      return;
    }
    this.stdio[1] = this.#give(this.#openOutput(out));
    // One file for both keeps their order.
    const isShared = out.scheme === "file" && err.scheme === "file" && out.path === err.path;
    this.stdio[2] = isShared ? this.stdio[1] : this.#give(this.#openOutput(err));
  }

  #give(fd: number): number {
    this.#theirs.push(fd);
    return fd;
  }

  #openInput(path: string): number {
    this.#input = openBoth(path);
    // The other end is ours, so that this does not wait for it.
    return open(path, O_RDONLY);
  }

  #openOutput({ scheme, path }: Location): number {
    if (path === "") return open("/dev/null", O_WRONLY);
    if (scheme === "fifo" && isFifo(path)) {
      this.#output.push({ path, fd: openBoth(path), isForWriting: false, isFed: false });
      return open(path, O_WRONLY);
    }
    if (scheme !== "file" && scheme !== "fifo") throw unknownScheme(scheme);
    // A container that has the file itself could cut it short, and change its mode and owner.
    const [ours, theirs] = makePipe();
    this.#pumps.push(new Pump(this.#loop, ours, openLogFile(path)));
    return theirs;
  }

  /** The descriptor that a terminal's output is written to. */
  async #consoleOutput(location: Location, id: string, namespace: string): Promise<number> {
    const { scheme, path } = location;
    if (scheme === "file") return openLogFile(path);
    if (scheme === "fifo") {
      const both = openBoth(path);
      this.#output.push({ path, fd: both, isForWriting: false, isFed: true });
      return duplicate(both);
    }
    if (scheme !== "binary" && scheme !== "binary-v2") throw unknownScheme(scheme);
    this.#logger = await startLogger(location, id, namespace);
    native.close(this.#logger.stderr);
    native.fcntl(this.#logger.stdout, F_SETFL, O_NONBLOCK);
    return this.#logger.stdout;
  }

  #endLogger(): void {
    const logger = this.#logger;
    if (logger === undefined) return;
    this.#logger = undefined;
    // It reads to the end of file, which it has got by now.
    this.#loop.after(LOGGER_PATIENCE, () => {
      native.pidfdKill(logger.pidfd, SIGKILL);
      native.close(logger.pidfd);
    });
  }
}

function open(path: string, flags: number): number {
  return check(native.open(AT_FDCWD, path, flags | O_CLOEXEC, 0), `open ${path}`, { path });
}

/** Both ends of a FIFO in one descriptor, which never waits and never gets a SIGPIPE. */
function openBoth(path: string): number {
  if (!isFifo(path)) throw new RuntimeError("USAGE", `${path} is no FIFO`, { path });
  return open(path, O_RDWR | O_NONBLOCK);
}

/** Whether another process reads a FIFO, or none ever can: it is gone from its path. */
function hasReader(output: Output): boolean {
  if (!output.isForWriting) {
    // With both ends open there is always a reader: the shim.
    const writer = native.open(AT_FDCWD, output.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
    if (writer < 0) return true;
    native.close(output.fd);
    output.fd = writer;
    output.isForWriting = true;
  }
  const found = new Int32Array([output.fd, 0]);
  native.poll(found, 0);
  return ((found[1] ?? 0) & POLLERR) === 0;
}

function isFifo(path: string): boolean {
  const stat = native.stat(AT_FDCWD, path, true);
  return typeof stat !== "number" && (stat.mode & S_IFMT) === S_IFIFO;
}

function duplicate(fd: number): number {
  return check(native.dup(fd), "dup");
}

function unknownScheme(scheme: string): RuntimeError {
  return new RuntimeError("NOT_SUPPORTED", `unknown STDIO scheme ${scheme}: known are fifo, file, binary and binary-v2`);
}
