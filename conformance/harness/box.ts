// SPDX-License-Identifier: Apache-2.0
import t, { type Test } from "tap";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Config } from "./config.ts";
import {
  cgroupDirsUnder,
  parseMountinfo,
  processesOf,
  readText,
  removeCgroups,
  SLOWNESS,
  temporaryFolder,
  tryKill,
  waitFor,
} from "./host.ts";
import { Given, propertiesOf, withoutProperty, type Property } from "./properties.ts";
import { makeRootfs } from "./rootfs.ts";
import { callRuntime, startRuntime, type CallOptions, type Result, type Running } from "./runtime.ts";

const PARENT = temporaryFolder();
/**
 * Takes one property out of every config.json; scenarios that do not say that they prove it are left out. Those that do
 * have to fail then: see `npm run properties -- --doubt`.
 */
const DOUBTED = process.env["RUNT_TEST_WITHOUT"];
let defaultText: string | undefined;

/** The config that the runtime's own `spec` writes, for a process without a terminal. */
export function defaultConfig(): Config {
  if (defaultText === undefined) {
    const folder = mkdtempSync(join(PARENT, "runt-spec-"));
    try {
      const made = callRuntime(folder, ["spec", "--bundle", folder]);
      if (made.status !== 0) throw new Error(`spec: ${made.output}`);
      defaultText = readFileSync(join(folder, "config.json"), "utf8");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const config = JSON.parse(defaultText) as Config;
  config.process.terminal = false;
  return config;
}

/** What a case changes in the default config. */
export type Edit = (config: Config) => void;

/** A directory with config.json and a root file system. */
export interface Bundle {
  readonly dir: string;
  readonly rootfs: string;
  /** Writes `config`, or any text, as config.json. */
  write(config: Config | string): void;
}

/** State as the command `state` prints it. */
export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly rootfs?: string;
  readonly created?: string;
  readonly annotations?: Record<string, string>;
}

/** A container that a case made. */
export interface Container {
  readonly id: string;
  readonly bundle: Bundle;
  /** Result of `create`. */
  readonly made: Result;
  /** Pid of its first process, from the pid file. */
  readonly pid: number;
  start(): Result;
  kill(signal?: string): Result;
  remove(...flags: string[]): Result;
  state(): State;
  /** Waits until its status is `status`; throws after 10 s. */
  until(status: string): void;
  /** Starts it, waits until it has stopped, and returns what it wrote on stdout. */
  finish(): string;
}

/**
 * A place for one case: a temporary directory, a `--root`, a cgroup, and everything that is made in them. It is
 * emptied by {@link Box.close}.
 */
export class Box {
  readonly dir: string;
  readonly root: string;
  /** Path of the cgroup, below each hierarchy, under which every container of the box gets its own. */
  readonly cgroup: string;
  /** Unique text in every path and id of the box. */
  readonly marker: string;
  /** What every config.json of the box has, and every file for `exec --process`. */
  readonly given = new Given();
  /** Global options of every call, after `--root`. */
  readonly globals: string[] = [];
  #count = 0;
  #undo: (() => void)[] = [];

  constructor() {
    this.dir = mkdtempSync(join(PARENT, "runt-case-"));
    // Users of a container, and of a user namespace, must get through to the root file systems.
    chmodSync(this.dir, 0o711);
    this.root = join(this.dir, "state");
    this.marker = basename(this.dir);
    this.cgroup = `/${this.marker}`;
  }

  /** A new id. */
  id(): string {
    this.#count += 1;
    return `${this.marker}-${this.#count}`;
  }

  /** A new path in the directory of the box; nothing is made. */
  path(name = "file"): string {
    this.#count += 1;
    return join(this.dir, `${name}.${this.#count}`);
  }

  /** A new empty directory in the directory of the box. */
  folder(name = "folder"): string {
    const path = this.path(name);
    mkdirSync(path);
    return path;
  }

  /** Runs `action` when the box is closed, before all else; last one first. */
  atClose(action: () => void): void {
    this.#undo.unshift(action);
  }

  /** Text of the file `name` in a new place; returns its path. */
  file(text: string, name = "file"): string {
    const path = this.path(name);
    writeFileSync(path, text);
    return path;
  }

  /**
   * Takes down what of config.json is in a text.
   *
   * @param where the property that the text is the value of; without it, it is all of config.json
   * @returns the text to give to the runtime
   */
  document(text: string, where?: "process"): string {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return text;
    }
    const whole = where === undefined ? value : { [where]: value };
    this.given.add(whole);
    const [doubted] = DOUBTED === undefined ? [] : propertiesOf([DOUBTED]);
    if (doubted === undefined) return text;
    const left = withoutProperty(whole, doubted.parts);
    return JSON.stringify(where === undefined ? left : (left as Record<string, unknown>)[where], null, 2);
  }

  bundle(edit: Edit = () => undefined): Bundle {
    const dir = this.folder("bundle");
    const rootfs = join(dir, "rootfs");
    makeRootfs(rootfs);
    const config = defaultConfig();
    config.linux.cgroupsPath = join(this.cgroup, basename(dir));
    edit(config);
    const write = (next: Config | string): void => {
      const text = typeof next === "string" ? next : JSON.stringify(next, null, 2);
      writeFileSync(join(dir, "config.json"), this.document(text));
    };
    write(config);
    return { dir, rootfs, write };
  }

  /** Calls the runtime with the `--root` of the box. */
  call(args: readonly string[], options?: CallOptions): Result {
    return callRuntime(this.dir, ["--root", this.root, ...this.globals, ...args], options);
  }

  /** As {@link Box.call}, without waiting for the end. */
  begin(args: readonly string[], options?: CallOptions): Running {
    const running = startRuntime(this.dir, ["--root", this.root, ...this.globals, ...args], options);
    this.atClose(() => running.child.kill("SIGKILL"));
    return running;
  }

  /** `create` that is expected to fail, or not; nothing is thrown. */
  tryCreate(bundle: Bundle, flags: readonly string[] = [], options?: CallOptions): Result {
    return this.call(["create", "--bundle", bundle.dir, ...flags, this.id()], options);
  }

  /** A created container; throws if `create` fails. */
  create(from: Bundle | Edit, flags: readonly string[] = [], options?: CallOptions): Container {
    const bundle = typeof from === "function" ? this.bundle(from) : from;
    const id = this.id();
    const pidFile = this.path("pid");
    const args = ["create", "--bundle", bundle.dir, "--pid-file", pidFile, ...flags, id];
    const made = this.call(args, options);
    if (made.status !== 0) throw new Error(`create: status ${made.status}: ${made.output}`);
    const pid = Number(readFileSync(pidFile, "utf8"));
    const call = (...words: string[]): Result => this.call(words);
    const state = (): State => {
      const asked = call("state", id);
      if (asked.status !== 0) throw new Error(`state: ${asked.output}`);
      return JSON.parse(asked.stdout) as State;
    };
    const until = (status: string): void => {
      if (!waitFor(() => state().status === status)) throw new Error(`${id} is not ${status}`);
    };
    const start = (): Result => call("start", id);
    return {
      id,
      bundle,
      made,
      pid,
      start,
      state,
      until,
      kill: (signal = "KILL") => call("kill", id, signal),
      remove: (...words) => call("delete", ...words, id),
      finish: () => {
        const started = start();
        if (started.status !== 0) throw new Error(`start: ${started.output}`);
        until("stopped");
        return readFileSync(made.stdoutPath, "utf8");
      },
    };
  }

  /** A container that runs `sleep` (or what `edit` says) by now. */
  running(edit: Edit = () => undefined): Container {
    const container = this.create((config) => {
      config.process.args = ["sleep", "1000"];
      edit(config);
    });
    const started = container.start();
    if (started.status !== 0) throw new Error(`start: ${started.output}`);
    return container;
  }

  /** `run` of a bundle, in the foreground, until it ends. */
  run(from: Bundle | Edit, flags: readonly string[] = [], options?: CallOptions): Result {
    const bundle = typeof from === "function" ? this.bundle(from) : from;
    return this.call(["run", "--bundle", bundle.dir, ...flags, this.id()], options);
  }

  /** `run` of a shell script as the container's program; its stdout. Throws if the status is not 0. */
  sh(script: string, edit: Edit = () => undefined, options?: CallOptions): string {
    const done = this.run(
      (config) => {
        config.process.args = ["sh", "-c", script];
        edit(config);
      },
      [],
      options,
    );
    if (done.status !== 0) throw new Error(`run: status ${done.status}: ${done.output}`);
    return done.stdout;
  }

  /** Ids in the state directory, whatever their state; a name with @ is no id but a cache. */
  ids(): string[] {
    return existsSync(this.root) ? readdirSync(this.root).filter((name) => !name.startsWith("@")) : [];
  }

  /** What a call that failed has left: state, cgroups, mounts, processes. Empty if all is clean. */
  leftovers(): string[] {
    const left = this.ids().map((id) => `state ${id}`);
    for (const folder of cgroupDirsUnder(this.cgroup)) {
      if (!folder.endsWith(this.cgroup)) left.push(`cgroup ${folder}`);
    }
    for (const mount of parseMountinfo(readText("/proc/self/mountinfo"))) {
      if (mount.target.includes(this.marker)) left.push(`mount ${mount.target}`);
    }
    for (const line of processesOf(this.marker)) left.push(`process ${line}`);
    return left;
  }

  /**
   * Deletes all containers by force, then looks for what is left, removes it, and returns it.
   */
  close(): string[] {
    const problems: string[] = [];
    for (const action of this.#undo) action();
    for (const id of this.ids()) {
      const done = this.call(["delete", "--force", id]);
      if (done.status !== 0) problems.push(`delete --force ${id}: ${done.output}`);
    }
    waitFor(() => processesOf(this.marker).length === 0, 2000);
    problems.push(...this.leftovers());
    // Over and over: what forks meanwhile comes up after a look.
    waitFor(() => {
      const left = processesOf(this.marker);
      for (const line of left) tryKill(Number.parseInt(line, 10));
      return left.length === 0;
    }, 3000);
    removeCgroups(this.cgroup);
    rmSync(this.dir, { recursive: true, force: true });
    return problems;
  }
}

/** What a scenario is besides its name and body. */
export interface ScenarioOptions {
  readonly skip?: string | false;
  /** Milliseconds on a usual host. Default 60000. */
  readonly timeout?: number;
  /**
   * Properties of config.json that would not work if the scenario passed all the same; the name of an object stands for
   * all that it has. The scenario has to set each of them.
   */
  readonly proves?: readonly string[];
  /** Why it passes without them, too. Such a proof is not doubted. */
  readonly passesWithout?: string;
  /** Why no host that there is takes what it proves: a refusal is all that can be tried, and the table says so. */
  readonly refused?: string;
}

/** One case: gets a box of its own, and must leave nothing behind, whether it passes or fails. */
export function scenario(name: string, body: (t: Test, box: Box) => void | Promise<void>, options: ScenarioOptions = {}): void {
  const { skip = false } = options;
  const timeout = (options.timeout ?? 60_000) * SLOWNESS;
  const proves = propertiesOf(options.proves ?? []);
  const doubted = DOUBTED !== undefined && options.passesWithout === undefined;
  if (DOUBTED !== undefined && !(doubted && proves.some((each) => each.name === DOUBTED))) return;
  // With properties it is skipped from within, so that it can tell of them.
  const early = proves.length === 0 ? skip : false;
  void t.test(name, { skip: early, timeout }, async (tt) => {
    if (skip !== false) {
      sayProven(tt, proves, new Given(), options.refused);
      tt.plan(0, skip);
      return;
    }
    const box = new Box();
    try {
      await body(tt, box);
      const missing = proves.filter((each) => !box.given.has(each));
      if (proves.length > 0)
        tt.same(
          missing.map((each) => each.name),
          [],
          "it sets what it proves",
        );
    } finally {
      sayProven(tt, proves, box.given, options.refused);
      tt.same(box.close(), [], "nothing is left behind");
    }
  });
}

/** Tells `npm run properties` of them. */
function sayProven(tt: Test, proves: readonly Property[], given: Given, refused?: string): void {
  if (proves.length === 0) return;
  if (refused !== undefined) tt.comment(`refused: ${refused}`);
  tt.comment(`proves ${JSON.stringify(Object.fromEntries(proves.map((each) => [each.name, given.listed(each)])))}`);
}
