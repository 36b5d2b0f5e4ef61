// SPDX-License-Identifier: Apache-2.0
/** The standard streams of a process of a container: the process's ends, and the caller's ends. */
import type { Readable, Stream, Writable } from "node:stream";
import { RuntimeError } from "../errors.ts";
import { Errno } from "../kernel/errno.ts";
import { AT_FDCWD, check, checkValue, O_CLOEXEC } from "../sys/files.ts";
import type { StandardStreams } from "../runtime/options.ts";
import { native } from "../sys/native.ts";
import { show } from "./options/kinds.ts";
import { Descriptor, DescriptorReadable, DescriptorWritable } from "./streams.ts";

/**
 * One standard stream, as in `child_process.spawn`: `pipe` is a stream of the caller's (so is nothing at all), `inherit` the
 * caller's
 * own of the same number, `ignore` is /dev/null, a number an open descriptor of the caller's, such as that of a file, and a
 * stream
 * of Node's stands for its descriptor.
 */
export type Stdio = "pipe" | "inherit" | "ignore" | number | Stream | null | undefined;

/** A size in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** One for all three standard streams, or each. */
export type StdioChoice = Stdio | readonly [Stdio, Stdio, Stdio];
/** Whether there is a terminal, and how large. */
export type TerminalChoice = boolean | TerminalSize;

/** The standard streams and the terminal that a process is to have. */
export interface StdioOptions<Choice extends StdioChoice = StdioChoice, Terminal extends TerminalChoice = TerminalChoice> {
  /** Standard input, output and error; one for all three, or each. Default `pipe`. Not looked at with `terminal`. */
  readonly stdio?: Choice;
  /** A pseudo terminal, where the process wants one (`process.terminal`), and how large; `true`: as config.json says. */
  readonly terminal?: Terminal;
}

/** The types of a process's streams. */
export interface StreamTypes {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
}

type Pipe = "pipe" | null | undefined;

/** The caller's end of a stream: there with `pipe`; perhaps there where the type does not say. */
type EndOf<Choice, End> = [Choice] extends [Pipe] ? End : [Extract<Choice, Pipe>] extends [never] ? undefined : End | undefined;

/** The caller's ends, by the types of `stdio` and `terminal`. */
export type StreamsOf<Choice, Terminal> = [Terminal] extends [false | undefined]
  ? Choice extends readonly [infer Input, infer Output, infer Errors]
    ? {
        readonly stdin: EndOf<Input, Writable>;
        readonly stdout: EndOf<Output, Readable>;
        readonly stderr: EndOf<Errors, Readable>;
      }
    : {
        readonly stdin: EndOf<Choice, Writable>;
        readonly stdout: EndOf<Choice, Readable>;
        readonly stderr: EndOf<Choice, Readable>;
      }
  : [Terminal] extends [true | TerminalSize]
    ? { readonly stdin: Writable; readonly stdout: Readable; readonly stderr: undefined }
    : StreamTypes;

/** The caller's ends. */
export interface Streams {
  readonly stdin: DescriptorWritable | undefined;
  readonly stdout: DescriptorReadable | undefined;
  readonly stderr: DescriptorReadable | undefined;
  /** Descriptor of the terminal's master end. */
  readonly master: Descriptor | undefined;
}

/** The process that had the other ends has ended: no descriptor stays open for a stream without a user. */
export function settle({ stdin, stdout, stderr }: Streams): void {
  stdin?.destroy();
  stdout?.settle();
  stderr?.settle();
}

/** Streams that are being given to a process. */
export interface OpenStdio {
  /** The streams as the runtime takes them. */
  readonly options: StandardStreams;
  /** The process has them. */
  given(): Streams;
  /** There is no such process. */
  close(): void;
}

const O_RDWR = 2;
const SOCK_STREAM = 1;
const PIPE_END = { stdin: 1, other: 0 } as const;

/** @throws USAGE, SYSCALL */
export function openStdio({ stdio = "pipe", terminal = false }: StdioOptions): OpenStdio {
  return terminal === false ? openPipes(stdio) : openTerminal(terminal === true ? undefined : terminal);
}

function openPipes(stdio: StdioChoice): OpenStdio {
  const wanted: readonly Stdio[] = isList(stdio) ? stdio : [stdio, stdio, stdio];
  const theirs: [number, number, number] = [-1, -1, -1];
  const ours: (number | undefined)[] = [undefined, undefined, undefined];
  const close = (): void => {
    closeAll(theirs);
    closeAll(ours);
  };
  try {
    for (let at = 0; at < 3; at++) {
      const one = wanted[at] ?? "pipe";
      if (one === "pipe") {
        const ends = checkValue(native.pipe(), "pipe2");
        const end = at === 0 ? PIPE_END.stdin : PIPE_END.other;
        ours[at] = ends[end];
        theirs[at] = ends[1 - end] ?? -1;
      } else if (one === "ignore") {
        theirs[at] = check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null");
      } else {
        // A duplicate: the caller may close his own before the process has it.
        theirs[at] = check(native.dup(one === "inherit" ? at : descriptorOf(one, `stdio[${at}]`)), `stdio[${at}]: dup`);
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  const stream = (fd: number | undefined): DescriptorReadable | undefined =>
    fd === undefined ? undefined : new DescriptorReadable(new Descriptor(fd));
  return {
    options: { stdio: theirs },
    given() {
      closeAll(theirs);
      // From here on the streams own the descriptors.
      const [input, output, error] = ours.splice(0);
      return {
        stdin: input === undefined ? undefined : new DescriptorWritable(new Descriptor(input)),
        stdout: stream(output),
        stderr: stream(error),
        master: undefined,
      };
    },
    close,
  };
}

function isList(stdio: StdioChoice): stdio is readonly [Stdio, Stdio, Stdio] {
  return Array.isArray(stdio);
}

/** @throws USAGE */
function descriptorOf(one: number | Stream, at: string): number {
  if (typeof one === "number") return one;
  const { fd, _handle: handle } = one as { readonly fd?: unknown; readonly _handle?: { readonly fd?: unknown } | null };
  for (const number of [fd, handle?.fd]) if (Number.isInteger(number) && (number as number) >= 0) return number as number;
  const isFile = fd === null;
  const remedy = isFile
    ? 'it is not open yet: wait for its "open" event'
    : 'say "pipe" and connect the two with pipe() or pipeline()';
  throw new RuntimeError("USAGE", `${at}: ${show(one)} has no descriptor, so a process cannot have it: ${remedy}`);
}

/** Closes each once, however often it is called: by the next time another thread may have a file of that number. */
function closeAll(fds: (number | undefined)[]): void {
  for (const fd of fds.splice(0)) if (fd !== undefined && fd >= 0) native.close(fd);
}

/** The container's console comes through a socket, as with `--console-socket`; init puts it over the three streams. */
function openTerminal(size: TerminalSize | undefined): OpenStdio {
  const none = check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null");
  const fds = [none];
  const close = (): void => closeAll(fds);
  let ours: number;
  let theirs: number;
  try {
    [ours, theirs] = checkValue(native.socketpair(SOCK_STREAM), "socketpair");
  } catch (error) {
    close();
    throw error;
  }
  fds.push(ours, theirs);
  return {
    options: { stdio: [none, none, none], consoleFd: theirs },
    given() {
      // It is there: init sends it long before the container is ready.
      const received = native.receiveMessage(ours, new Uint8Array(256));
      close();
      const [console = -Errno.EMFILE] = checkValue(received, "recvmsg").fds;
      const master = new Descriptor(check(console, "receive the console from init"), 2);
      if (size !== undefined) resize(master, size);
      return { stdin: new DescriptorWritable(master), stdout: new DescriptorReadable(master), stderr: undefined, master };
    },
    close,
  };
}

/** @throws USAGE for a terminal that is closed, SYSCALL */
export function resize(master: Descriptor | undefined, { rows, columns }: TerminalSize): void {
  if (master === undefined || master.fd < 0) throw new RuntimeError("USAGE", "resize: the process has no terminal");
  check(native.ttySetSize(master.fd, rows, columns), "ioctl(TIOCSWINSZ)");
}
