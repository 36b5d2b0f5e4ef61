// SPDX-License-Identifier: Apache-2.0
/**
 * `--trace FILE`: a timeline of one command, of the runtime's system calls and messages, and of init's steps.
 * This module is loaded only then; without it no code reads a clock.
 *
 * @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU the format
 */
import { tracePlans } from "../init/process.ts";
import type { Plan } from "../plan/build.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from "../sys/files.ts";
import { native, replaceNative, type Native } from "../sys/native.ts";
import type { CommandLog } from "./log.ts";

/** One event of the trace format; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly cat: "command" | "call" | "phase" | "step";
  /** "X" has a duration, "i" none, "M" names a line. */
  readonly ph: "X" | "i" | "M";
  readonly ts: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

interface TracedPlan {
  readonly plan: Plan;
  readonly memory: number;
}

const RUNTIME = 1;
const INIT = 2;
const PID = 1;

/**
 * Begins to trace.
 * @param path file for the timeline; replaced
 * @returns a function that ends the trace and writes the file
 * @throws SYSCALL
 */
export function startTrace(path: string, command: string, log: CommandLog): () => void {
  const plain = native;
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  // The file is opened before any work, so that a file that cannot be written is reported at once.
  check(plain.writeFile(AT_FDCWD, path, flags, 0o644, ""), `open ${path}`, { path });
  const events: TraceEvent[] = [];
  const plans: TracedPlan[] = [];
  const began = plain.now() * 1000;
  replaceNative(watched(plain, events));
  watchLog(log, plain, events);
  tracePlans((plan) => {
    const memory = check(plain.memfd("runt:trace"), "memfd_create");
    plain.write(memory, new Uint8Array(8 * (plan.steps.length + 1)));
    plans.push({ plan, memory });
    return memory;
  });
  return () => {
    replaceNative(plain);
    events.push(complete(`runt ${command}`, "command", RUNTIME, began, plain.now() * 1000));
    for (const traced of plans) events.push(...steps(plain, traced));
    events.sort((one, other) => one.ts - other.ts);
    const all = [named("runtime", RUNTIME), named("init", INIT), ...events];
    const text = `[\n${all.map((event) => JSON.stringify(event)).join(",\n")}\n]\n`;
    const result = plain.writeFile(AT_FDCWD, path, flags, 0o644, text);
    if (result < 0) log.warn(`--trace: cannot write ${path}`);
  };
}

function complete(
  name: string,
  cat: TraceEvent["cat"],
  tid: number,
  from: number,
  to: number,
  args?: TraceEvent["args"],
): TraceEvent {
  return { name, cat, ph: "X", ts: round(from), dur: round(to - from), pid: PID, tid, ...(args === undefined ? {} : { args }) };
}

function named(name: string, tid: number): TraceEvent {
  return { name: "thread_name", cat: "command", ph: "M", ts: 0, pid: PID, tid, args: { name } };
}

function round(microseconds: number): number {
  return Math.round(microseconds * 10) / 10;
}

/** The addon, with each call noted. */
function watched(plain: Native, events: TraceEvent[]): Native {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(plain)) {
    const call = value as (...args: readonly unknown[]) => unknown;
    result[name] =
      name === "now"
        ? call
        : (...args: readonly unknown[]): unknown => {
            const from = plain.now() * 1000;
            const returned = call(...args);
            events.push(complete(name, "call", RUNTIME, from, plain.now() * 1000, shown(args, returned)));
            return returned;
          };
  }
  return result as unknown as Native;
}

/** The part of a call that a person wants to see: short texts, numbers, and the errno. */
function shown(args: readonly unknown[], returned: unknown): Readonly<Record<string, unknown>> {
  const short = args.filter((arg) => typeof arg === "number" || (typeof arg === "string" && arg.length <= 256));
  return { arguments: short, ...(typeof returned === "number" ? { returned } : {}) };
}

/** The messages of `--debug` mark the phases. */
function watchLog(log: CommandLog, plain: Native, events: TraceEvent[]): void {
  const debug = log.debug.bind(log);
  log.debug = (text: string): void => {
    events.push({ name: text, cat: "phase", ph: "i", ts: round(plain.now() * 1000), pid: PID, tid: RUNTIME });
    debug(text);
  };
}

/** The steps that init has done, from the memory that it has written to. */
function steps(plain: Native, { plan, memory }: TracedPlan): TraceEvent[] {
  const bytes = new Uint8Array(8 * (plan.steps.length + 1));
  const fd = plain.open(AT_FDCWD, `/proc/self/fd/${memory}`, O_RDONLY | O_CLOEXEC, 0);
  plain.read(fd, bytes);
  for (const each of [fd, memory]) plain.close(each);
  const view = new DataView(bytes.buffer);
  const at = (index: number): number => {
    const nanoseconds = view.getUint32(8 * index, true) + view.getUint32(8 * index + 4, true) * 2 ** 32;
    return nanoseconds / 1000;
  };
  const events: TraceEvent[] = [];
  for (let index = 0; index < plan.steps.length; index++) {
    const step = plan.steps[index];
    const [from, to] = [at(index), at(index + 1)];
    if (step === undefined || from === 0 || to === 0) break;
    const { op, origin, fields } = step;
    const args = {
      index,
      origin,
      ...("path" in fields ? { path: fields.path } : {}),
      ...("target" in fields ? { target: fields.target } : {}),
    };
    events.push(complete(op, "step", INIT, from, to, args));
  }
  return events;
}
