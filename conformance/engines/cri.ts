// SPDX-License-Identifier: Apache-2.0
import { Client, credentials, type ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sleep, waitFor } from "../harness/host.ts";
import { KIND, PROJECT, RUNTIME } from "../harness/runtime.ts";
import { imageArchive } from "./image.ts";
import { SLOW, type Playground } from "./playground.ts";
import { installShim, SHIM, SHIM_RUNTIME } from "./shim.ts";

/** The network of pods; critest's have the same. */
const NETWORK = join(PROJECT, "conformance/engines/pods.conflist");

/** Debian packages that the CRI scenarios need. */
export const CRI_PACKAGES = ["containerd", "containernetworking-plugins", "iptables", "iproute2"];

/** What a node's administrator writes to make containerd's CRI plugin use the runtime; docs/engines.md shows the same. */
export function containerdConfig(pg: Playground, { systemd = false }: { readonly systemd?: boolean } = {}): string {
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  const own = `  runtime_type = "io.containerd.runc.v2"
  [${cri}.containerd.runtimes.${KIND}.options]
    BinaryName = "${RUNTIME}"
${systemd ? "    SystemdCgroup = true\n" : ""}`;
  const ofShim = `  runtime_type = "${SHIM_RUNTIME}"
${systemd ? `  [${cri}.containerd.runtimes.${KIND}.options]\n    SystemdCgroup = true\n` : ""}`;
  return `version = 2
root = "${pg.dir}/containerd"
state = "/run/containerd"
[grpc]
  address = "${pg.dir}/containerd.sock"
[${cri}]
  sandbox_image = "localhost/pause:latest"
  restrict_oom_score_adj = true
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${pg.dir}/cni"
[${cri}.containerd]
  default_runtime_name = "${KIND}"
[${cri}.containerd.runtimes.${KIND}]
${SHIM ? ofShim : own}`;
}

/** How an `ExecSync` ended. */
export interface ExecDone {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Part of `ContainerStatus`. */
export interface ContainerStatus {
  readonly state: string;
  readonly exit_code: number;
  readonly reason: string;
  readonly message: string;
}

/** A pod sandbox: its id and the config that it was made with, which each of its containers needs again. */
export interface Pod {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface CriOptions {
  /** The whole of containerd's configuration; default: one of version 2. */
  readonly config?: string;
  /** Path of another containerd than the machine's. */
  readonly daemon?: string;
}

/** containerd with its CRI plugin in a playground, called as the kubelet calls it. */
export class Cri {
  readonly pg: Playground;
  readonly #client: Client;
  readonly #service: ServiceDefinition;
  #count = 0;

  readonly #options: CriOptions;

  constructor(pg: Playground, options: CriOptions = {}) {
    this.pg = pg;
    this.#options = options;
    if (SHIM) installShim(pg);
    mkdirSync(join(pg.dir, "cni"));
    copyFileSync(NETWORK, join(pg.dir, "cni/10-pods.conflist"));
    const config = join(pg.dir, "containerd.toml");
    writeFileSync(config, options.config ?? containerdConfig(pg));
    pg.streams.watchLogs(join(pg.dir, "logs"), /\.log$/);
    this.startDaemon();
    const socket = join(pg.dir, "containerd.sock");
    const images = { "localhost/box:latest": ["sh"], "localhost/pause:latest": ["sleep", "100000"] };
    for (const [name, command] of Object.entries(images)) {
      const done = this.ctr("-n", "k8s.io", "images", "import", imageArchive(pg, name, command));
      if (done.status !== 0) throw new Error(`ctr images import: ${done.output}`);
    }
    const loaded = loadSync(join(PROJECT, "conformance/engines/cri.proto"), {
      keepCase: true,
      enums: String,
      longs: Number,
      defaults: true,
    });
    this.#service = loaded["runtime.v1.RuntimeService"] as ServiceDefinition;
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure());
  }

  /** Starts containerd, and waits until it answers. */
  startDaemon(): void {
    const { pg } = this;
    const { daemon = "containerd" } = this.#options;
    const script = `echo $$ >${pg.dir}/containerd.pid; exec ${daemon} -c ${pg.dir}/containerd.toml`;
    // A containerd of its own has its shim beside it.
    const path = `${dirname(daemon)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    pg.start("containerd", ["sh", "-c", script], daemon.includes("/") ? { env: { PATH: path } } : {});
    const up = waitFor(() => existsSync(join(pg.dir, "containerd.sock")) && this.ctr("version").status === 0, 15_000 * SLOW);
    if (!up)
      throw new Error(`containerd did not come up: ${pg.run(["tail", "-n", "20", join(pg.dir, "containerd.log")]).stdout}`);
  }

  /** Ends containerd as an update of it does; the shims, and with them the containers, stay. */
  stopDaemon(): void {
    const pid = readFileSync(join(this.pg.dir, "containerd.pid"), "utf8").trim();
    this.pg.run(["kill", "-TERM", pid]);
    const gone = waitFor(() => this.pg.run(["grep", "-q", "^State:\t[^ZX]", `/proc/${pid}/status`]).status !== 0, 10_000 * SLOW);
    if (!gone) throw new Error("containerd does not end");
    rmSync(join(this.pg.dir, "containerd.sock"), { force: true });
  }

  /** Waits until the plugin answers, as it does some time after containerd. */
  async ready(): Promise<void> {
    for (let tries = 0; tries < 500 * SLOW; tries += 1) {
      const answered = await this.call("Status").then(
        () => true,
        () => false,
      );
      if (answered) return;
      sleep(20);
    }
    throw new Error("the plugin does not answer");
  }

  ctr(...args: string[]) {
    return this.pg.run(["ctr", "-a", join(this.pg.dir, "containerd.sock"), ...args]);
  }

  /** One call; rejects with the server's message. The caller says what the answer is. */
  async call<Answer>(name: string, request: object = {}): Promise<Answer> {
    const method = this.#service[name];
    if (method === undefined) throw new Error(`cri.proto has no ${name}`);
    return new Promise((settle, fail) => {
      const options = { deadline: Date.now() + 30_000 * SLOW };
      this.#client.makeUnaryRequest<object, Answer>(
        method.path,
        method.requestSerialize,
        (bytes) => method.responseDeserialize(bytes) as Answer,
        request,
        options,
        (error, answer) => {
          if (error !== null) fail(error);
          else if (answer === undefined) fail(new Error(`${name}: no answer`));
          else settle(answer);
        },
      );
    });
  }

  /** Makes a pod; `config` is merged into its PodSandboxConfig. @param handler of a runtime; default: the default one */
  async runPod(config: Readonly<Record<string, unknown>> = {}, handler = ""): Promise<Pod> {
    this.#count += 1;
    const name = `pod${this.#count}`;
    const logs = join(this.pg.dir, "logs", name);
    mkdirSync(logs, { recursive: true });
    const whole = { metadata: { name, uid: name, namespace: "default" }, hostname: name, log_directory: logs, ...config };
    const { id } = await this.call<{ id: string }>("RunPodSandbox", { config: whole, runtime_handler: handler });
    return { id, config: whole };
  }

  /** Makes a container in `pod`, not started; `config` is merged into its ContainerConfig. */
  async create(pod: Pod, name: string, command: readonly string[], config: object = {}): Promise<string> {
    const image = { image: "localhost/box:latest" };
    const whole = { metadata: { name }, image, command, log_path: `${name}.log`, ...config };
    const request = { pod_sandbox_id: pod.id, config: whole, sandbox_config: pod.config };
    return (await this.call<{ id: string }>("CreateContainer", request)).id;
  }

  /** {@link create}, and starts it. */
  async run(pod: Pod, name: string, command: readonly string[], config: object = {}): Promise<string> {
    const id = await this.create(pod, name, command, config);
    await this.call("StartContainer", { id });
    return id;
  }

  /** Runs a program in a container. @param timeout seconds; 0 is none */
  async exec(id: string, cmd: readonly string[], timeout = 0): Promise<ExecDone> {
    const done = await this.call<{ stdout: Buffer; stderr: Buffer; exit_code: number }>("ExecSync", { id, cmd, timeout });
    const written = { stdout: done.stdout.toString(), stderr: done.stderr.toString(), status: done.exit_code };
    this.pg.streams.look(["ExecSync", ...cmd], written);
    return written;
  }

  async status(id: string): Promise<ContainerStatus> {
    return (await this.call<{ status: ContainerStatus }>("ContainerStatus", { id })).status;
  }

  /** Waits until the container has ended. */
  async ended(id: string): Promise<ContainerStatus> {
    for (let tries = 0; tries < 500 * SLOW; tries += 1) {
      const status = await this.status(id);
      if (status.state === "CONTAINER_EXITED") return status;
      sleep(20);
    }
    throw new Error(`container ${id} does not end`);
  }

  /** Stops and removes a pod and all in it. */
  async remove(pod: Pod): Promise<void> {
    await this.call("StopPodSandbox", { id: pod.id });
    await this.call("RemovePodSandbox", { id: pod.id });
  }

  close(): void {
    this.#client.close();
  }
}
