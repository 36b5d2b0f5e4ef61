// SPDX-License-Identifier: Apache-2.0
import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { defaultConfig, scenario, type Box } from "../harness/box.ts";
import { removeNamespaces, type Config } from "../harness/config.ts";
import { cgroupMounts, PURE_V2 } from "../harness/host.ts";
import { notFor, type Result } from "../harness/runtime.ts";

const UID = 1000;

/** Makes a user without privileges root in a user namespace of one id, as rootless engines do. */
const AS_USER = [
  "setpriv",
  `--reuid=${UID}`,
  `--regid=${UID}`,
  "--clear-groups",
  "unshare",
  "--user",
  "--map-root-user",
  "--mount",
];

/** Runs a container of `config` as the user, with a state directory of his own. */
function runAsUser(box: Box, config: Config): Result {
  const bundle = box.bundle();
  bundle.write(config);
  mkdirSync(join(bundle.rootfs, "cgroup"));
  const root = box.folder("root");
  chownSync(root, UID, UID);
  return box.call(["--root", root, "run", "--bundle", bundle.dir, box.id()], { wrap: AS_USER });
}

const hasV1 = [...cgroupMounts().keys()].some((name) => name !== "");
const skip = hasV1 || PURE_V2 ? false : "this host has no cgroup v1, whose directories a user may not make";

scenario(
  "a user without a right to cgroups: the container stays in the user's, and is shown them",
  (t, box) => {
    const config = defaultConfig();
    removeNamespaces(config, "network", "cgroup");
    for (const mount of config.mounts) {
      mount.options = (mount.options ?? []).filter((option) => !option.startsWith("gid="));
      // The namespace of the network, whose sysfs this would be, is the host's.
      if (mount.type === "sysfs") Object.assign(mount, { type: "bind", source: "/sys", options: ["rbind", "ro"] });
    }
    config.mounts = config.mounts.filter((each) => each.type !== "cgroup");
    config.mounts.push({ destination: "/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] });
    delete config.linux.cgroupsPath;
    delete config.linux.resources;
    config.process.args = ["sh", "-c", "cat /proc/self/cgroup; ls /cgroup"];
    const done = runAsUser(box, config);
    t.equal(done.status, 0, done.output);
    t.notMatch(done.stdout, box.marker, "no cgroup of its own");
    if (PURE_V2) t.match(done.stdout, "cgroup.controllers");
    for (const [name, mount] of cgroupMounts()) {
      if (name !== "") t.match(done.stdout, mount.slice(mount.lastIndexOf("/") + 1));
    }
  },
  { skip: skip || (PURE_V2 && notFor("runc", "1.1.5 cannot bind /sys for such a user")) },
);

scenario(
  "a limit that cannot be set because there is no cgroup is an error",
  (t, box) => {
    const config = defaultConfig();
    removeNamespaces(config, "network", "cgroup");
    config.mounts = config.mounts.filter((each) => !["cgroup", "sysfs", "devpts"].includes(each.type ?? ""));
    delete config.linux.cgroupsPath;
    config.linux.resources = { memory: { limit: 64 << 20 } };
    config.process.args = ["true"];
    const done = runAsUser(box, config);
    t.equal(done.status, 1);
    t.match(done.output, /memory/);
    t.match(done.output, /cgroup/);
  },
  { skip: skip || (PURE_V2 && notFor("runc", "says that it wants no limits, but not which one it has")) },
);

/** Root of a user namespace that maps every id to itself, as systemd makes them. */
const WHOLE = [
  "sh",
  "-c",
  `unshare --user --mount sh -c 'until grep -q 4294967295 /proc/self/gid_map; do sleep 0.02; done; exec "$@"' sh "$@" &
until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.02; done
echo 0 0 4294967295 >/proc/$!/uid_map; echo 0 0 4294967295 >/proc/$!/gid_map; wait $!`,
  "sh",
];

scenario(
  "root of a user namespace that maps all ids to themselves is not the machine's root: devices are bound, their rules left out",
  (t, box) => {
    const done = box.run(
      (config) => {
        config.process.args = ["sh", "-c", "cat /proc/self/uid_map; echo out >/dev/null && ls -l /dev/null"];
        config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
      },
      [],
      { wrap: WHOLE },
    );
    t.equal(done.status, 0, done.output);
    t.match(done.stdout, /^\s*0\s+0\s+4294967295\n.* 1, +3 /);
  },
  { skip: notFor("runc", "1.1.5 tells by the ids alone") || notFor("crun", "1.8 tells by the ids alone") },
);
