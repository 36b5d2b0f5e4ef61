// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync, chownSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { PURE_V2 } from "../harness/host.ts";
import { KIND, RUNTIME } from "../harness/runtime.ts";
import type { CgroupManager } from "./podman.ts";
import type { Done, Playground } from "./playground.ts";

/** Debian packages that rootless podman needs. */
export const ROOTLESS_PACKAGES = ["podman", "conmon", "netavark", "uidmap", "slirp4netns", "fuse-overlayfs"];

/** A user without privileges. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** First of 65536 subordinate ids. */
  readonly subordinate: number;
  readonly manager: CgroupManager;
  readonly env: Readonly<Record<string, string>>;
  /** Where the processes start; default: where the test is. */
  readonly cgroup?: string;
}

/** A user whom the playground makes, without a systemd. */
const ALICE: User = { name: "alice", uid: 4711, subordinate: 200_000, manager: "cgroupfs", env: {} };

/** The lingering user of the test machine, with a systemd and a delegated cgroup. */
export const LINGERING: User = {
  name: "user",
  uid: 1000,
  subordinate: 100_000,
  manager: "systemd",
  env: { DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/user/1000/bus" },
  cgroup: "user.slice/user-1000.slice/user@1000.service/init.scope",
};

/** podman as a user without privileges, with subordinate ids from newuidmap. */
export class Rootless {
  readonly pg: Playground;
  readonly uid: number;
  readonly #user: User;
  readonly #env: Readonly<Record<string, string>>;

  constructor(pg: Playground, user: User = ALICE) {
    const { name, uid, subordinate, manager } = user;
    this.pg = pg;
    this.uid = uid;
    this.#user = user;
    const home = join(pg.dir, name);
    const runtimeDir = `/run/user/${uid}`;
    const script = `echo ${name}:x:${uid}:${uid}::${home}:/bin/sh >>/etc/passwd
echo ${name}:x:${uid}: >>/etc/group
echo ${name}:${subordinate}:65536 >/etc/subuid
echo ${name}:${subordinate}:65536 >/etc/subgid
mkdir -p ${runtimeDir} && chown ${uid}:${uid} ${runtimeDir} && chmod 700 ${runtimeDir}`;
    const users = pg.run(["sh", "-ec", script]);
    if (users.status !== 0) throw new Error(`the user ${name} could not be made: ${users.output}`);
    mkdirSync(home);
    chmodSync(pg.archive, 0o644);
    const conf = join(home, "containers.conf");
    writeFileSync(
      conf,
      `[engine]
cgroup_manager = "${manager}"
events_logger = "file"
runtime = "${KIND}"
runtime_supports_json = ["${KIND}"]
[engine.runtimes]
${KIND} = ["${RUNTIME}"]
[containers]
log_driver = "k8s-file"
`,
    );
    chownSync(home, uid, uid);
    this.#env = {
      HOME: home,
      USER: name,
      XDG_RUNTIME_DIR: runtimeDir,
      CONTAINERS_CONF: conf,
      TMPDIR: join(pg.dir, "tmp"),
      ...(PURE_V2 ? {} : { PODMAN_IGNORE_CGROUPSV1_WARNING: "1" }),
      ...user.env,
    };
    pg.streams.watchLogs(join(home, ".local/share/containers/storage/overlay-containers"), /\/ctr\.log$/);
    this.must("import", pg.archive, "localhost/box:latest");
  }

  /** Runs any program as the user. */
  run(words: readonly string[], input = ""): Done {
    const { uid, cgroup } = this.#user;
    return this.pg.run(words, { env: this.#env, uid, input, ...(cgroup === undefined ? {} : { cgroup }) });
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
