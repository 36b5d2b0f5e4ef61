// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { RUNTIME } from "../harness/runtime.ts";
import { imageArchive } from "./image.ts";
import { installShim, SHIM, SHIM_RUNTIME } from "./shim.ts";
import { SLOW, type Done, type Playground, type RunOptions } from "./playground.ts";

/** Debian packages that the scenarios of containerd's own client need. */
export const CTR_PACKAGES = ["containerd"];

const CTR = "ctr";
/** What `ctr run` needs to use the runtime under test. */
export const RUNTIME_FLAGS: readonly string[] = SHIM ? ["--runtime", SHIM_RUNTIME] : ["--runc-binary", RUNTIME];

const IMAGE = "localhost/box:latest";

/** containerd in a playground, with the image `box`, driven by `ctr`. */
export class Ctr {
  readonly pg: Playground;
  /** Name of its files; a playground can have several. */
  readonly name: string;

  /** @param options without `daemon`, the containerd that an engine has started in the playground already is used */
  constructor(pg: Playground, { daemon = true, name = "containerd" }: { daemon?: boolean; name?: string } = {}) {
    this.pg = pg;
    this.name = name;
    pg.streams.engineWrites(/level=warning msg="task \S+ exit with non-zero exit code \d+"/);
    if (SHIM) installShim(pg);
    if (daemon) this.startDaemon();
    this.must("images", "import", imageArchive(pg, IMAGE, ["sh"]));
  }

  /** Where containerd listens. */
  get socket(): string {
    return join(this.pg.dir, `${this.name}.sock`);
  }

  /** Starts containerd, also once more after it was killed. */
  startDaemon(): void {
    const { name } = this;
    const { dir } = this.pg;
    const places = ["--root", join(dir, name), "--state", `/run/${name}`, "--address", this.socket];
    this.pg.start(name, ["containerd", ...places]);
    const up = waitFor(() => existsSync(this.socket) && this.ctr("version").status === 0, 15_000 * SLOW);
    if (!up) throw new Error(`containerd did not come up: ${this.pg.run(["tail", "-n", "20", join(dir, `${name}.log`)]).stdout}`);
  }

  ctr(...args: string[]): Done {
    return this.call(args);
  }

  /** As {@link ctr}, with stdin and other options. */
  call(args: readonly string[], options: RunOptions = {}): Done {
    return this.pg.run([CTR, "-a", this.socket, ...args], options);
  }

  /** The words of `ctr run FLAGS IMAGE ID COMMAND`, for the playground. */
  runCommand(flags: readonly string[], id: string, ...command: string[]): string[] {
    return [CTR, "-a", this.socket, "run", ...flags, IMAGE, id, ...command];
  }

  /** As {@link ctr}; @returns what it printed, without the newline; throws if it fails. */
  must(...args: string[]): string {
    const done = this.ctr(...args);
    if (done.status !== 0) throw new Error(`ctr ${args.join(" ")}: exit ${done.status}: ${done.output}`);
    return done.stdout.trim();
  }

  /** `ctr run FLAGS IMAGE ID COMMAND` with the runtime under test. */
  start(flags: readonly string[], id: string, ...command: string[]): Done {
    return this.pg.run(this.runCommand([...RUNTIME_FLAGS, ...flags], id, ...command));
  }

  /** Leaves the container `id` running. */
  background(id: string, ...command: string[]): void {
    const done = this.start(["-d"], id, ...command);
    if (done.status !== 0) throw new Error(`ctr run ${id}: ${done.output}`);
  }

  /** Words of a shell that runs `ctr` many times. */
  get words(): string {
    return `ctr -a ${this.socket}`;
  }

  /** Words of a shell for {@link start} up to the id. */
  get runWords(): string {
    return `${this.words} run ${RUNTIME_FLAGS.join(" ")} -d ${IMAGE}`;
  }

  /** RUNNING, STOPPED, PAUSED, or nothing without a task. */
  status(id: string): string {
    const line = this.must("task", "ls")
      .split("\n")
      .find((each) => each.startsWith(`${id} `));
    return line?.trim().split(/\s+/)[2] ?? "";
  }

  /** Pid of the task, as the playground counts. */
  pid(id: string): number {
    const line = this.must("task", "ls")
      .split("\n")
      .find((each) => each.startsWith(`${id} `));
    return Number(line?.trim().split(/\s+/)[1] ?? 0);
  }

  /** Ends and removes the task and the container. */
  remove(id: string): void {
    this.must("task", "rm", "-f", id);
    this.must("container", "rm", id);
  }
}
