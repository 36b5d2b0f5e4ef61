// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A line as runtimes (and engines written in Go) log it, in text and in JSON. */
const LOGGED = /\blevel=(debug|info|warning|error|fatal)\b|"level": ?"(debug|info|warning|error|fatal)"/;

/** What a call of an engine wrote, as far as it matters here. */
interface Written {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== "");
}

/** Files below `folder`, or none while it is not there. */
function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  } catch {
    return [];
  }
}

/**
 * Watches what programs write in a playground. Of a call that ends well the standard error is the program's alone, as a
 * scenario declares it, but for the lines that the engine itself writes; and no line of any stream or of a container's log
 * is one of a log. So a warning of the runtime fails the scenario, in whichever call it comes.
 */
export class Streams {
  readonly #engine: RegExp[] = [];
  #program: string[] = [];
  #strange: string[] = [];
  readonly #folders: { readonly path: string; readonly name: RegExp }[] = [];
  /** How much of each log has been read. */
  readonly #read = new Map<string, number>();

  /** Lines of standard error that the engine itself writes, whatever the runtime. */
  engineWrites(...lines: RegExp[]): void {
    this.#engine.push(...lines);
  }

  /** Lines of standard error that the programs of this scenario write. */
  programWrites(...lines: string[]): void {
    this.#program.push(...lines);
  }

  /** The folder in which the engine keeps what detached containers write. @param name of such files */
  watchLogs(path: string, name: RegExp): void {
    this.#folders.push({ path, name });
  }

  #isOfEngine(line: string): boolean {
    return this.#engine.some((pattern) => pattern.test(line));
  }

  /** Looks at what a call wrote. */
  look(words: readonly string[], { status, stdout, stderr }: Written): void {
    this.#lookAtLogs();
    // What failed says why, and how is for the scenario to compare.
    if (status !== 0) return;
    const logged = linesOf(stdout).filter((line) => LOGGED.test(line) && !this.#isOfEngine(line));
    const more = linesOf(stderr).filter((line) => !this.#program.includes(line) && !this.#isOfEngine(line));
    for (const line of [...logged, ...more]) this.#strange.push(`${words.slice(0, 6).join(" ")}: ${line}`);
  }

  #lookAtLogs(): void {
    for (const { path, name } of this.#folders) {
      for (const file of filesBelow(path)) if (name.test(file)) this.#lookAtLog(file);
    }
  }

  #lookAtLog(file: string): void {
    try {
      const size = statSync(file).size;
      const before = this.#read.get(file) ?? 0;
      if (size === before) return;
      this.#read.set(file, size);
      const added = readFileSync(file)
        .subarray(size < before ? 0 : before, size)
        .toString();
      // Docker's logs are JSON, in which the line is a string.
      const lines = linesOf(added.replaceAll('\\"', '"'));
      for (const line of lines) if (LOGGED.test(line)) this.#strange.push(`${file}: ${line}`);
    } catch {
      // The engine has removed it meanwhile.
    }
  }

  /** What is neither the program's nor the engine's since the last time; the next scenario declares anew. */
  strange(): string[] {
    this.#lookAtLogs();
    const found = this.#strange;
    this.#strange = [];
    this.#program = [];
    return found;
  }
}
