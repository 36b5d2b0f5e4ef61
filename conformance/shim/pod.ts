// SPDX-License-Identifier: Apache-2.0
/** A shim without containerd: started as containerd starts it, with the test as its client. */
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as M from "../../lib/shim/proto/messages.gen.ts";
import type { Box, Bundle, Edit } from "../harness/box.ts";
import { isAlive, tryKill } from "../harness/host.ts";
import { RUNTIME } from "../harness/runtime.ts";
import { Client, EventSink } from "./client.ts";

export const NAMESPACE = "conformance";

export interface Called {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Paths of FIFOs, or "" for none. */
export interface Fifos {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a shim is started. */
export interface Begin {
  /** Words before the program. */
  readonly wrap?: readonly string[];
  /** Options that containerd has when it starts the shim. */
  readonly options?: Parameters<typeof M.writeRuncOptions>[0];
}

/** A shim, its client, and the sink of its events. */
export class Pod {
  readonly box: Box;
  readonly sink: EventSink;
  /** Link to the program with the name that containerd looks for. */
  readonly program: string;
  /** Where the state of its containers lies. */
  readonly root: string;
  readonly sockets: string;
  client: Client | undefined;
  address = "";
  #count = 0;
  #wrap: readonly string[] = [];

  private constructor(box: Box) {
    this.box = box;
    this.sink = new EventSink(box.path("events"));
    this.program = join(box.folder("bin"), "containerd-shim-runt-v2");
    symlinkSync(RUNTIME, this.program);
    this.root = box.path("runtimes");
    this.sockets = box.path("sockets");
  }

  /** A shim for a bundle, started, with a client. */
  static async of(box: Box, bundle: Bundle, id: string, begin: Begin = {}): Promise<Pod> {
    const pod = new Pod(box);
    pod.#wrap = begin.wrap ?? [];
    await pod.sink.listen();
    box.atClose(() => pod.#end());
    const started = pod.call(["-id", id, "start"], { cwd: bundle.dir, input: pod.params(id, begin.options) });
    if (started.status !== 0) throw new Error(`start: ${started.stderr}`);
    pod.address = M.readBootstrapResult(started.stdout).address;
    pod.client = await Client.to(pod.address);
    return pod;
  }

  /** A shim, started, for a new bundle whose process is a shell with a script; `edit` changes its config.json. */
  static async forScript(
    box: Box,
    script: string,
    edit?: Edit,
  ): Promise<{ readonly bundle: Bundle; readonly id: string; readonly pod: Pod; readonly client: Client }> {
    const bundle = shell(box, script, edit);
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    return { bundle, id, pod, client: pod.connected };
  }

  /** A shim that nobody has started. */
  static none(box: Box): Pod {
    const pod = new Pod(box);
    box.atClose(() => pod.#end());
    return pod;
  }

  /** What containerd 2.3 sends when it starts a shim. */
  params(instanceId: string, given?: Begin["options"]): Uint8Array {
    const { sockets: socketDir } = this;
    const value = { typeUrl: "containerd.runc.v1.Options", value: M.writeRuncOptions(given ?? {}) };
    const extensions = given === undefined ? [] : [{ value }];
    return M.writeBootstrapParams({ instanceId, namespace: NAMESPACE, socketDir, containerdGrpcAddress: "/c.sock", extensions });
  }

  /** Calls the program as containerd does. */
  call(args: readonly string[], options: { cwd: string; input?: Uint8Array; env?: Record<string, string> }): Called {
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TTRPC_ADDRESS: this.sink.path, ...options.env };
    const [program = "", ...words] = [...this.#wrap, this.program, "-namespace", NAMESPACE, "-address", "/c.sock", ...args];
    const done = spawnSync(program, words, { cwd: options.cwd, env, input: options.input ?? "", timeout: 20_000 });
    return { status: done.status ?? -1, stdout: done.stdout, stderr: done.stderr.toString() };
  }

  get connected(): Client {
    if (this.client === undefined) throw new Error("no client");
    return this.client;
  }

  /** Options as containerd hands them over. */
  get options(): M.Any {
    return this.with({});
  }

  /** The same with others. */
  with(given: Parameters<typeof M.writeRuncOptions>[0]): M.Any {
    return { typeUrl: "containerd.runc.v1.Options", value: M.writeRuncOptions({ root: this.root, ...given }) };
  }

  /** Creates a container in this shim. */
  async create(bundle: Bundle, id: string, streams: Partial<Fifos> & { terminal?: boolean } = {}): Promise<number> {
    return this.connected.create({ id, bundle: bundle.dir, options: this.options, ...streams });
  }

  /** Creates and starts one that runs a shell script. */
  async run(script: string, streams: Partial<Fifos> = {}): Promise<string> {
    const id = this.box.id();
    await this.create(shell(this.box, script), id, streams);
    await this.connected.start(id);
    return id;
  }

  async exec(id: string, script: string, streams: Partial<Fifos> & { terminal?: boolean } = {}): Promise<string> {
    const execId = `exec${++this.#count}`;
    const spec = { user: { uid: 0, gid: 0 }, args: ["sh", "-c", script], env: ["PATH=/bin"], cwd: "/" };
    const value = new TextEncoder().encode(JSON.stringify(spec));
    await this.connected.task("Exec", M.writeExecProcessRequest({ id, execId, spec: { typeUrl: "process", value }, ...streams }));
    return execId;
  }

  async pid(): Promise<number> {
    return M.readConnectResponse(await this.connected.about("Connect", "")).shimPid;
  }

  /** The command `list` sees the containers of a shim. */
  ids(): string[] {
    return this.box
      .call(["--root", `${this.root}/${NAMESPACE}`, "list", "-q"])
      .stdout.split("\n")
      .filter((id) => id !== "");
  }

  fifos(terminal = false): Fifos {
    const make = (name: string): string => {
      const path = this.box.path(name);
      spawnSync("mkfifo", [path]);
      return path;
    };
    return { stdin: make("stdin"), stdout: make("stdout"), stderr: terminal ? "" : make("stderr") };
  }

  #end(): void {
    this.client?.close();
    this.sink.close();
    const found = spawnSync("pgrep", ["-f", "^containerd-shim-runt-v2 .*-address /c.sock"], { encoding: "utf8" }).stdout;
    for (const pid of found.split("\n").map(Number)) if (pid > 0 && isOf(pid, this.box.marker)) tryKill(pid);
    for (const id of this.ids()) this.box.call(["--root", `${this.root}/${NAMESPACE}`, "delete", "--force", id]);
  }
}

function isOf(pid: number, marker: string): boolean {
  const ls = spawnSync("readlink", [`/proc/${pid}/cwd`], { encoding: "utf8" }).stdout;
  return ls.includes(marker) && isAlive(pid);
}

/** A bundle that runs a shell script. */
export function shell(box: Box, script: string, edit: Edit = () => undefined): Bundle {
  return box.bundle((config) => {
    config.process.args = ["sh", "-c", script];
    edit(config);
  });
}

/** A reader of a FIFO, as containerd has one. */
export class Reader {
  readonly #fd: number;
  #text = "";
  #isEnded = false;
  readonly #most: number;

  /** @param most how much a look takes from the FIFO, bytes: without it a writer that is as fast as the reader is read to its end */
  constructor(path: string, most = Number.POSITIVE_INFINITY) {
    this.#most = most;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** What has come so far. */
  get text(): string {
    this.#take();
    return this.#text;
  }

  /** Whether the end of file has come. */
  get isEnded(): boolean {
    this.#take();
    return this.#isEnded;
  }

  #take(): void {
    const buffer = Buffer.alloc(Math.min(this.#most, 65536));
    for (let taken = 0; taken < this.#most;) {
      let size: number;
      try {
        size = readSync(this.#fd, buffer);
      } catch {
        return;
      }
      if (size === 0) {
        this.#isEnded = true;
        return;
      }
      taken += size;
      this.#text += buffer.toString("latin1", 0, size);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
