// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { accessSync, closeSync, constants, openSync, readFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { SLOWNESS } from "./host.ts";

/** Root of the project, seen from build/js/conformance/harness. */
export const PROJECT = resolve(import.meta.dirname, "../../../..");

/** How a call of the runtime ended. `status` is 128+signal if a signal ended it, as a shell says. */
export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, for a look at what happened. */
  readonly output: string;
  /** File with the stdout; a container that was left behind goes on writing to it. */
  readonly stdoutPath: string;
}

export interface CallOptions {
  /** Text for stdin; /dev/null without it. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds after which the call is killed, on a usual host. Default 30000. */
  readonly timeout?: number;
  /** Words to put before the runtime, such as `unshare -m`. */
  readonly wrap?: readonly string[];
}

function findExecutable(name: string): string {
  if (name.includes("/")) return resolve(PROJECT, name);
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  throw new Error(`RUNTIME=${name}: no such executable in PATH`);
}

/** Absolute path of the runtime that the cases try: `RUNTIME`, or the one that the build made. */
export const RUNTIME = findExecutable(process.env["RUNTIME"] ?? "dist/bin/runt");

/** First word of `--version`, such as `runt`, `runc` or `crun`. */
export const KIND = firstWord(spawnSync(RUNTIME, ["--version"], { encoding: "utf8" }).stdout);

function firstWord(text: string | null): string {
  return /^\S+/.exec(text ?? "")?.[0] ?? "unknown";
}

/** Whether the runtime is the one of this project. */
export const IS_RUNT = KIND === "runt";

/** A reason to skip a case with every runtime but runt, or `false`. */
export function runtOnly(why: string): string | false {
  return IS_RUNT ? false : `${KIND}: ${why}`;
}

/** A reason to skip a case with the runtime `kind`, or `false`. */
export function notFor(kind: string, why: string): string | false {
  return KIND === kind ? `${KIND}: ${why}` : false;
}

/** The environment of the runtime: little, and the same on every machine. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
};

/** Words before every call of the runtime, after those of the call: `RUNTIME_WRAP`, separated by spaces. */
const WRAP: readonly string[] = (process.env["RUNTIME_WRAP"] ?? "").split(" ").filter((word) => word !== "");

/** A reason to skip a case where `RUNTIME_WRAP` takes a system call away (`helpers/without.c`), or `false`. */
export function needs(call: string, why: string): string | false {
  const lacks = WRAP.some((word) =>
    word
      .replace(/^EPERM:/, "")
      .split(",")
      .includes(call),
  );
  return lacks ? `without ${call}: ${why}` : false;
}

let calls = 0;

/**
 * Calls the runtime and waits for it. Its stdout and stderr are files, not pipes, because a container that
 * `create` leaves behind keeps them open.
 *
 * @param folder directory for the two files
 */
export function callRuntime(folder: string, args: readonly string[], options: CallOptions = {}): Result {
  calls += 1;
  const outPath = join(folder, `out.${calls}`);
  const errPath = join(folder, `err.${calls}`);
  const out = openSync(outPath, "a+");
  const err = openSync(errPath, "a+");
  const words = [...(options.wrap ?? []), ...WRAP, RUNTIME, ...args];
  const done = spawnSync(words[0] ?? RUNTIME, words.slice(1), {
    stdio: [options.input === undefined ? "ignore" : "pipe", out, err],
    ...(options.input === undefined ? {} : { input: options.input }),
    env: { ...ENVIRONMENT, ...options.env },
    cwd: options.cwd ?? "/",
    timeout: (options.timeout ?? 30_000) * SLOWNESS,
    killSignal: "SIGKILL",
  });
  closeSync(out);
  closeSync(err);
  if (done.error !== undefined && done.signal === null) throw done.error;
  const stdout = readFileSync(outPath, "utf8");
  const stderr = readFileSync(errPath, "utf8");
  const status = done.status ?? 128 + signalNumber(done.signal);
  return { status, stdout, stderr, output: `${stdout}${stderr}`, stdoutPath: outPath };
}

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15, SIGABRT: 6 };

function signalNumber(name: string | null): number {
  return name === null ? 0 : (SIGNALS[name] ?? 0);
}

/** A call of the runtime that is still going on. */
export interface Running {
  readonly child: ChildProcess;
  /** File with the stdout so far. */
  readonly stdoutPath: string;
  readonly ended: Promise<Result>;
}

/** Starts a call of the runtime and returns at once. */
export function startRuntime(folder: string, args: readonly string[], options: CallOptions = {}): Running {
  calls += 1;
  const outPath = join(folder, `out.${calls}`);
  const errPath = join(folder, `err.${calls}`);
  const out = openSync(outPath, "a+");
  const err = openSync(errPath, "a+");
  const words = [...(options.wrap ?? []), ...WRAP, RUNTIME, ...args];
  const child = spawn(words[0] ?? RUNTIME, words.slice(1), {
    stdio: [options.input === undefined ? "ignore" : "pipe", out, err],
    env: { ...ENVIRONMENT, ...options.env },
    cwd: options.cwd ?? "/",
  });
  closeSync(out);
  closeSync(err);
  if (options.input !== undefined) child.stdin?.end(options.input);
  const timer = setTimeout(() => child.kill("SIGKILL"), (options.timeout ?? 30_000) * SLOWNESS);
  const ended = new Promise<Result>((settle, fail) => {
    child.on("error", fail);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      const stdout = readFileSync(outPath, "utf8");
      const stderr = readFileSync(errPath, "utf8");
      const status = code ?? 128 + signalNumber(signal);
      settle({ status, stdout, stderr, output: `${stdout}${stderr}`, stdoutPath: outPath });
    });
  });
  return { child, ended, stdoutPath: outPath };
}
