// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { PURE_V2 } from "../harness/host.ts";
import { KIND, RUNTIME } from "../harness/runtime.ts";
import { ENGINES_ROOT, type Done, type Playground, type RunOptions } from "./playground.ts";

/** Debian packages that the scenarios of podman and buildah need. */
export const PODMAN_PACKAGES = ["podman", "conmon", "buildah", "netavark", "iptables", "iproute2", "catatonit"];

/** The name that the runtime under test has in the engines' configurations. */
export const NAME = KIND;

export type CgroupManager = "cgroupfs" | "systemd";

/**
 * buildah 1.43 gives a RUN 1048576 open files and processes unless it is told otherwise, which takes CAP_SYS_RESOURCE where the
 * engine has fewer.
 */
const LIMITS = ENGINES_ROOT === "" ? "" : `default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n`;

/** What a user writes to make podman use the runtime; docs/engines.md shows the same. */
function containersConf(pg: Playground, manager: CgroupManager): string {
  return `[containers]
log_driver = "k8s-file"
${LIMITS}[engine]
cgroup_manager = "${manager}"
events_logger = "file"
runtime = "${NAME}"
runtime_supports_json = ["${NAME}"]
runtime_supports_nocgroup = ["crun", "runt"]
tmp_dir = "/run/libpod"
[engine.runtimes]
${NAME} = ["${RUNTIME}"]
[network]
network_config_dir = "${pg.dir}/networks"
`;
}

/** podman and buildah in a playground, with the image `box`. */
export class Podman {
  readonly pg: Playground;
  readonly #env: Record<string, string>;

  constructor(pg: Playground, manager: CgroupManager = "cgroupfs") {
    this.pg = pg;
    const conf = join(pg.dir, "containers.conf");
    writeFileSync(conf, containersConf(pg, manager));
    const storage = join(pg.dir, "storage.conf");
    writeFileSync(storage, `[storage]\ndriver = "overlay"\nrunroot = "/run/storage"\ngraphroot = "${pg.dir}/storage"\n`);
    this.#env = { CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage, CNI_PATH: "/usr/lib/cni" };
    // podman 5 warns of it in every call.
    if (!PURE_V2) this.#env["PODMAN_IGNORE_CGROUPSV1_WARNING"] = "1";
    pg.streams.engineWrites(/aardvark-dns binary not found/, /network: netavark: remove aardvark entries: IO error/);
    // podman 5 says so when a container has not heard SIGTERM.
    pg.streams.engineWrites(
      /level=warning msg="StopSignal SIG\w+ failed to stop container \S+ in \d+ seconds, resorting to SIGKILL"/,
    );
    pg.streams.watchLogs(join(pg.dir, "storage/overlay-containers"), /\/ctr\.log$/);
    this.must("import", pg.archive, "localhost/box:latest");
  }

  /** Runs any program with podman's configuration. */
  run(words: readonly string[], options: RunOptions = {}): Done {
    return this.pg.run(words, { ...options, env: { ...this.#env, ...options.env } });
  }

  podman(...args: string[]): Done {
    return this.run(["podman", ...args]);
  }

  /** As {@link podman}; @returns what it printed, without the newline; throws if it fails. */
  must(...args: string[]): string {
    const done = this.podman(...args);
    if (done.status !== 0) throw new Error(`podman ${args.join(" ")}: exit ${done.status}: ${done.output}`);
    return done.stdout.trim();
  }

  /** `podman run --rm --network none ARGS`: most containers need no network. */
  once(...args: string[]): Done {
    return this.podman("run", "--rm", "--network", "none", ...args);
  }

  /** Runs a command of podman on a terminal of its own (80 by 24), typing `input`. */
  onTerminal(input: string, ...args: string[]): Done {
    const command = ["podman", ...args].map((word) => `'${word}'`).join(" ");
    return this.run(["script", "-qec", `stty rows 24 cols 80; exec ${command}`, "/dev/null"], { input });
  }

  /** One value of `podman inspect`. */
  inspect(name: string, format: string): string {
    return this.must("inspect", "--format", format, name);
  }

  /** Pid of the container's first process, as the playground counts. */
  pid(name: string): number {
    return Number(this.inspect(name, "{{.State.Pid}}"));
  }
}
