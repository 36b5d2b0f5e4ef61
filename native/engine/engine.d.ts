// SPDX-License-Identifier: Apache-2.0
/**
 * The globals of the program besides ECMAScript: globals.cc defines exactly these. `tsconfig.engine.json` checks `lib`
 * (without `lib/library`) against this file and without the types of Node.js; a test compares the names with those of the engine.
 */

/** The process. A module must not read `argv`, `title`, `execPath`, `env` and `pid` while it is loaded: the build loads it. */
interface EngineProcess {
  /** The program's path twice, then the arguments. */
  readonly argv: readonly string[];
  /** `argv[0]` as the caller gave it. */
  readonly title: string;
  /** Absolute path of the program. */
  readonly execPath: string;
  /** The variables of environment.h that are set, and `RUNT_INHERITED_FDS`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly arch: "x64" | "arm64";
  readonly versions: { readonly quickjs: string; readonly [name: string]: string | undefined };
  /** Ends the process at once. */
  exit(status?: number): never;
  /**
   * From now on the program does not end when no promise can make progress: the engine then calls `wait`, each time again. An
   * exception of `wait` ends the process.
   */
  whenIdle(wait: () => void): void;
  /** From now on the engine collects garbage when so many more bytes are in use than at the start. */
  collectAfter(bytes: number): void;
  /** @throws Error where the directory is gone */
  cwd(): string;
  getuid(): number;
  getgid(): number;
  geteuid(): number;
  getegid(): number;
  /** Gives `module.exports` the functions of a linked-in addon, by the last part of its path. */
  dlopen(module: { exports: object }, path: string): void;
}

declare var process: EngineProcess;

/** UTF-8; each lone surrogate becomes U+FFFD. */
declare class TextEncoder {
  encode(text?: string): Uint8Array;
  /** Writes only characters that fit whole. */
  encodeInto(text: string, into: Uint8Array): { readonly written: number };
}

/** UTF-8 alone; a byte order mark at the start is left out. */
declare class TextDecoder {
  constructor(encoding?: "utf-8", options?: { readonly fatal?: boolean });
  readonly fatal: boolean;
  /**
   * With `stream` the bytes of a character that is not complete are kept for the next call.
   * @throws TypeError with `fatal`, where the bytes are no UTF-8
   */
  decode(bytes?: Uint8Array, options?: { readonly stream?: boolean }): string;
}

/** A property of a module of the library; the build removes the branches that read it from the program. */
interface ImportMeta {
  readonly dirname: string;
  resolve(specifier: string): string;
}
