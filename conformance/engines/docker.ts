// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readText, sleep, statusField, waitFor } from "../harness/host.ts";
import { IS_RUNT, KIND, RUNTIME } from "../harness/runtime.ts";
import { installShim, SHIM, SHIM_RUNTIME } from "./shim.ts";
import { SLOW, type Done, type Playground, type RunOptions } from "./playground.ts";

/** Debian packages that the scenarios of docker need. */
export const DOCKER_PACKAGES = ["docker.io", "containerd", "iptables", "iproute2"];

/** The name that the runtime under test has for dockerd, which keeps `runc` for itself. */
export const NAME = KIND === "runc" ? "runc-tested" : KIND;

/**
 * Why `--privileged` cannot be tried, or `false`. It asks for every capability, and runc and crun fail where the host
 * itself lacks one; runt goes on, as the spec says.
 */
export const NO_PRIVILEGES: string | false = !IS_RUNT && !hasAllCapabilities() && `${KIND}: this host lacks capabilities`;

function hasAllCapabilities(): boolean {
  const last = BigInt(readText("/proc/sys/kernel/cap_last_cap").trim());
  return BigInt(`0x${statusField(process.pid, "CapBnd")}`) === (1n << (last + 1n)) - 1n;
}

/** Debian's client; another one may come first in PATH. */
export const CLIENT = "/usr/bin/docker";

/** Words for dockerd, 23 or newer, that make the shim its default; docs/engines.md shows the same. */
function shimWords(pg: Playground): string[] {
  installShim(pg);
  const file = join(pg.dir, "daemon.json");
  writeFileSync(file, JSON.stringify({ runtimes: { [NAME]: { runtimeType: SHIM_RUNTIME } }, "default-runtime": NAME }));
  return ["--config-file", file];
}

/** dockerd and a containerd of its own in a playground, with the image `box`. */
export class Docker {
  readonly pg: Playground;
  readonly #env: Readonly<Record<string, string>>;

  /** What dockerd was started with. */
  readonly words: readonly string[];

  /** @param options words for dockerd */
  constructor(pg: Playground, options: readonly string[] = []) {
    this.pg = pg;
    this.#env = { DOCKER_HOST: `unix://${pg.dir}/docker.sock`, DOCKER_BUILDKIT: "0" };
    mkdirSync(join(pg.dir, "bin"), { recursive: true });
    // BuildKit does not know of --default-runtime and runs what is called runc in PATH.
    symlinkSync(RUNTIME, join(pg.dir, "bin/runc"));
    this.startContainerd();
    const data = ["--data-root", join(pg.dir, "docker"), "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid"];
    const place = ["-H", `unix://${pg.dir}/docker.sock`, "--containerd", this.#containerdSocket, "--storage-driver", "overlay2"];
    const runtime = SHIM ? shimWords(pg) : ["--add-runtime", `${NAME}=${RUNTIME}`, "--default-runtime", NAME];
    this.words = ["dockerd", ...data, ...place, ...runtime, ...options];
    this.startDockerd();
    // docker 23 and newer say so at every build with docker's own builder.
    pg.streams.engineWrites(
      /^DEPRECATED: The legacy builder is deprecated/,
      /^ {8,}(BuildKit is currently disabled|environment-variable)/,
    );
    // BuildKit's progress, but for what the program of a step writes, which has a time before it.
    pg.streams.engineWrites(/^#\d+ (?!\d+\.\d+ )/);
    pg.streams.watchLogs(join(pg.dir, "docker/containers"), /-json\.log$/);
    this.must("import", "-c", `CMD ["sh"]`, pg.archive, "box");
  }

  get #containerdSocket(): string {
    return join(this.pg.dir, "containerd.sock");
  }

  /** Starts containerd, also once more after it was killed. */
  startContainerd(): void {
    const { dir } = this.pg;
    const words = ["--root", join(dir, "containerd"), "--state", "/run/containerd", "--address", this.#containerdSocket];
    this.pg.start("containerd", ["containerd", ...words]);
    const up = waitFor(() => this.pg.run(["ctr", "-a", this.#containerdSocket, "version"]).status === 0, 15_000 * SLOW);
    if (!up)
      throw new Error(`containerd did not come up: ${this.pg.run(["tail", "-n", "20", join(dir, "containerd.log")]).stdout}`);
  }

  /** Starts dockerd, also once more after it has ended. */
  startDockerd(): void {
    const { pg } = this;
    pg.start("dockerd", this.words);
    if (!waitFor(() => existsSync(join(pg.dir, "docker.sock")) && this.docker("version").status === 0, 20_000 * SLOW)) {
      throw new Error(`dockerd did not come up: ${pg.run(["tail", "-n", "20", join(pg.dir, "dockerd.log")]).stdout}`);
    }
  }

  /** Runs any program with the client's configuration. */
  run(words: readonly string[], options: RunOptions = {}): Done {
    return this.pg.run(words, { ...options, env: { ...this.#env, ...options.env } });
  }

  docker(...args: string[]): Done {
    return this.run([CLIENT, ...args]);
  }

  /** As {@link docker}; @returns what it printed, without the newline; throws if it fails. */
  must(...args: string[]): string {
    const done = this.docker(...args);
    if (done.status !== 0) throw new Error(`docker ${args.join(" ")}: exit ${done.status}: ${done.output}`);
    return done.stdout.trim();
  }

  /** `docker run --rm --network none ARGS`: most containers need no network. */
  once(...args: string[]): Done {
    return this.docker("run", "--rm", "--network", "none", ...args);
  }

  /** `docker run -d --network none --name NAME ARGS`. */
  background(name: string, ...args: string[]): string {
    return this.must("run", "-d", "--network", "none", "--name", name, ...args);
  }

  /** Ends and removes containers. */
  remove(...names: string[]): void {
    this.must("rm", "-f", "-v", ...names);
  }

  /**
   * Runs a command of docker on a terminal of its own (24 by 80), typing `input`. The client drops what was typed
   * before the container is attached, so the typing waits for the mark `ready` in the output.
   */
  onTerminal(input: string, ...args: string[]): Done {
    const command = [CLIENT, ...args].map((word) => `'${word}'`).join(" ");
    const output = join(this.pg.dir, "terminal.out");
    const script = `rm -f ${output}; { for i in $(seq 200); do grep -q ready ${output} 2>/dev/null && break; sleep 0.05; done; cat; sleep 1; } |
      script -qefc "$0" ${output}`;
    return this.run(["sh", "-c", script, `stty rows 24 cols 80; exec ${command}`], { input });
  }

  /** One value of `docker inspect`. */
  inspect(name: string, format: string): string {
    return this.must("inspect", "--format", format, name);
  }

  /** Pid of the container's first process, as the playground counts. */
  pid(name: string): number {
    return Number(this.inspect(name, "{{.State.Pid}}"));
  }

  /** Content of a file as seen in the playground, trimmed; empty if it is not there. */
  read(path: string): string {
    return this.pg.run(["cat", path]).stdout.trim();
  }

  /** A file of the container's cgroup, such as `memory/memory.limit_in_bytes`. */
  cgroup(name: string, file: string): string {
    const [controller = "", value = ""] = file.split("/");
    return this.read(`/sys/fs/cgroup/${controller}/docker/${this.inspect(name, "{{.Id}}")}/${value}`);
  }

  /** Waits until `docker inspect` says `value`. */
  until(name: string, format: string, value: string, milliseconds = 10_000): boolean {
    const deadline = Date.now() + milliseconds;
    while (this.docker("inspect", "--format", format, name).stdout.trim() !== value) {
      if (Date.now() > deadline) return false;
      sleep(50);
    }
    return true;
  }
}
