// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync, chownSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { KIND, RUNTIME } from "../harness/runtime.ts";
import type { Done, Playground } from "./playground.ts";

/** Debian packages that rootless podman needs. */
export const ROOTLESS_PACKAGES = ["podman", "conmon", "netavark", "uidmap", "slirp4netns", "fuse-overlayfs"];

const UID = 4711;

/** podman as a user without privileges, with subordinate ids from newuidmap. */
export class Rootless {
  readonly pg: Playground;
  readonly uid = UID;
  readonly #env: Readonly<Record<string, string>>;

  constructor(pg: Playground) {
    this.pg = pg;
    const home = join(pg.dir, "alice");
    const runtimeDir = "/run/user/4711";
    const script = `echo alice:x:${UID}:${UID}::${home}:/bin/sh >>/etc/passwd
echo alice:x:${UID}: >>/etc/group
echo alice:200000:65536 >/etc/subuid
echo alice:200000:65536 >/etc/subgid
mkdir -p ${runtimeDir} && chown ${UID}:${UID} ${runtimeDir} && chmod 700 ${runtimeDir}`;
    const users = pg.run(["sh", "-ec", script]);
    if (users.status !== 0) throw new Error(`the user alice could not be made: ${users.output}`);
    mkdirSync(home);
    chmodSync(pg.archive, 0o644);
    const conf = join(home, "containers.conf");
    writeFileSync(
      conf,
      `[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "${KIND}"
runtime_supports_json = ["${KIND}"]
[engine.runtimes]
${KIND} = ["${RUNTIME}"]
[containers]
log_driver = "k8s-file"
`,
    );
    chownSync(home, UID, UID);
    this.#env = {
      HOME: home,
      USER: "alice",
      XDG_RUNTIME_DIR: runtimeDir,
      CONTAINERS_CONF: conf,
      TMPDIR: join(pg.dir, "tmp"),
    };
    pg.streams.watchLogs(join(home, ".local/share/containers/storage/overlay-containers"), /\/ctr\.log$/);
    this.must("import", pg.archive, "localhost/box:latest");
  }

  /** Runs any program as the user. */
  run(words: readonly string[], input = ""): Done {
    return this.pg.run(words, { env: this.#env, uid: UID, input });
  }

  podman(...args: string[]): Done {
    return this.run(["podman", ...args]);
  }

  must(...args: string[]): string {
    const done = this.podman(...args);
    if (done.status !== 0) throw new Error(`podman ${args.join(" ")}: exit ${done.status}: ${done.output}`);
    return done.stdout.trim();
  }

  once(...args: string[]): Done {
    return this.podman("run", "--rm", "--network", "none", ...args);
  }
}
