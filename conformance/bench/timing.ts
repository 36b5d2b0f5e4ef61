// SPDX-License-Identifier: Apache-2.0
/** One runtime doing one thing once, timed. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { sleep } from "../harness/host.ts";
import { ENVIRONMENT } from "../harness/runtime.ts";
import { type BundleName, shape } from "./bundles.ts";
import { find, type Subject } from "./subjects.ts";

/** What a call has taken. */
export interface Taken {
  readonly milliseconds: number;
  /** Peak resident set of the process and of the children that it has waited for. */
  readonly kibibytes: number;
}

/** Milliseconds of each part of a container's life. */
export interface Life {
  readonly create: number;
  readonly start: number;
  readonly delete: number;
}

/** Milliseconds in which /bin/true of the floor program has ended; it has no command that tells. */
const FLOOR_ENDS = 10;

const isFloor = ({ name }: Subject): boolean => name === "floor";

export class Timing {
  readonly #measure = helper("helpers/measure.c");
  readonly #floor = helper("bench/floor.c");
  readonly #folder: string;
  #sandbox: ChildProcess | undefined;
  #count = 0;

  /** @param folder an empty directory, for bundles and states */
  constructor(folder: string) {
    this.#folder = folder;
    makeRootfs(join(folder, "rootfs"));
  }

  close(): void {
    this.#sandbox?.kill("SIGKILL");
  }

  /** Makes a bundle; its directory. */
  bundle(name: BundleName, args: readonly string[] = ["/bin/true"], change: (config: Config) => void = () => undefined): string {
    const folder = join(this.#folder, `bundle-${(this.#count += 1)}`);
    mkdirSync(folder);
    const writer = find("runc") ?? find("runt");
    if (writer === undefined) throw new Error("neither runc nor runt is there to write a config");
    spawnSync(writer.path, ["spec", "--bundle", folder], { stdio: "inherit" });
    const path = join(folder, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8")) as Config;
    config.process.terminal = false;
    config.process.args = [...args];
    config.root.path = join(this.#folder, "rootfs");
    if (name === "pod") this.#sandbox ??= spawn("unshare", ["--net", "--ipc", "--uts", "sleep", "100000"], { stdio: "ignore" });
    shape(name, config, join(this.#folder, "files"), this.#sandbox?.pid ?? 0);
    change(config);
    writeFileSync(path, JSON.stringify(config));
    return folder;
  }

  root(subject: Subject): string[] {
    return ["--root", join(this.#folder, `state-${subject.name}`)];
  }

  id(): string {
    this.#count += 1;
    return `bench-${process.pid}-${this.#count}`;
  }

  /** Runs a program; throws if it fails. */
  take(words: readonly string[]): Taken {
    const done = spawnSync(this.#measure, words, { encoding: "utf8", env: ENVIRONMENT });
    const [nanoseconds = 0, status = -1, kibibytes = 0] = done.stdout.split(" ").map(Number);
    if (status !== 0) {
      const again = spawnSync(words[0] ?? "", words.slice(1), { encoding: "utf8", env: ENVIRONMENT });
      throw new Error(`${words.join(" ")}: status ${status}; once more: ${again.stderr}`);
    }
    return { milliseconds: nanoseconds / 1e6, kibibytes };
  }

  /** One command of a runtime. */
  call(subject: Subject, ...words: readonly string[]): Taken {
    return this.take([subject.path, ...this.root(subject), ...words]);
  }

  /** `run` of a bundle; the floor program has the spec's bundle in mind, whatever it gets. */
  run(subject: Subject, bundle: string): Taken {
    if (isFloor(subject)) return this.#onFloor("run");
    return this.call(subject, "run", "--bundle", bundle, this.id());
  }

  /** As {@link run}, without cgroups; of runt and of the floor program. */
  runWithoutCgroups(subject: Subject, bundle: string): Taken {
    if (isFloor(subject)) return this.#onFloor("run-without-cgroups");
    return this.call(subject, "--cgroup-manager", "disabled", "run", "--bundle", bundle, this.id());
  }

  /** A command of the floor program; it knows a container by its directory. */
  #onFloor(command: string, ...id: readonly string[]): Taken {
    return this.take([this.#floor, this.#folder, command, ...id.map((each) => join(this.#folder, each))]);
  }

  /** `create`, `start` and `delete`; those of the floor program are of the spec's bundle. */
  life(subject: Subject, bundle: string): Life {
    const id = this.id();
    if (isFloor(subject)) {
      const create = this.#onFloor("create", id).milliseconds;
      const start = this.#onFloor("start", id).milliseconds;
      sleep(FLOOR_ENDS);
      return { create, start, delete: this.#onFloor("delete", id).milliseconds };
    }
    const create = this.call(subject, "create", "--bundle", bundle, id).milliseconds;
    const start = this.call(subject, "start", id).milliseconds;
    this.#untilStopped(subject, id);
    return { create, start, delete: this.call(subject, "delete", id).milliseconds };
  }

  /** /bin/true ends within a millisecond or two; `delete` would fail before that. */
  #untilStopped(subject: Subject, id: string): void {
    for (let tries = 0; tries < 100; tries += 1) {
      const asked = spawnSync(subject.path, [...this.root(subject), "state", id], { encoding: "utf8", env: ENVIRONMENT });
      if (asked.stdout.includes("stopped")) return;
    }
    throw new Error(`${subject.name}: ${id} does not stop`);
  }

  /** A running container for `exec`, `state` and `kill`; its id. */
  running(subject: Subject): string {
    const id = this.id();
    if (isFloor(subject)) {
      this.#onFloor("keep", id);
      return id;
    }
    this.call(subject, "run", "-d", "--bundle", this.bundle("spec", ["/bin/sleep", "1000"]), id);
    return id;
  }

  /** `exec` of /bin/true by the floor program. */
  floorExec(id: string): Taken {
    return this.#onFloor("exec", id);
  }

  remove(subject: Subject, id: string): void {
    if (isFloor(subject)) return void this.#onFloor("delete", id);
    spawnSync(subject.path, [...this.root(subject), "delete", "--force", id], { env: ENVIRONMENT });
  }

  /** A file for `exec --process`: /bin/true, else as the process of the spec's bundle. */
  processFile(): string {
    const { process: init } = JSON.parse(readFileSync(join(this.bundle("spec"), "config.json"), "utf8")) as Config;
    const file = join(this.#folder, "process.json");
    writeFileSync(file, JSON.stringify(init));
    return file;
  }
}
