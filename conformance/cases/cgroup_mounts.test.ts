// SPDX-License-Identifier: Apache-2.0
import { scenario } from "../harness/box.ts";
import { addNamespaces, mountAt, removeNamespaces } from "../harness/config.ts";
import { cgroupMounts, parseMountinfo } from "../harness/host.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

/** The v1 hierarchies of the host, the named ones too, by their directories. */
const HIERARCHIES = [...new Set([...cgroupMounts()].filter(([name]) => name !== "").map(([, path]) => path))];
const skip = (HIERARCHIES.length === 0 && "this host has no cgroup v1") || notFor("crun", "1.8 refuses the hybrid layout");

for (const namespace of [true, false]) {
  for (const writable of [true, false]) {
    const title = `each v1 hierarchy, ${writable ? "rw" : "ro"}, ${namespace ? "with" : "without"} a cgroup namespace`;
    scenario(
      title,
      (t, box) => {
        const bundle = box.bundle((config) => {
          if (namespace) addNamespaces(config, "cgroup");
          else removeNamespaces(config, "cgroup");
          const mount = mountAt(config, "/sys/fs/cgroup");
          mount.options = ["nosuid", "noexec", "nodev", "relatime", writable ? "rw" : "ro"];
          const script = `cat /proc/self/mountinfo; echo ---
cd /sys/fs/cgroup; for h in *; do [ -L $h ] && continue; [ $(head -n 1 $h/cgroup.procs) = 1 ] && echo own $h; mkdir $h/made 2>/dev/null && echo made $h; done; true`;
          config.process.args = ["sh", "-c", script];
        });
        const done = box.run(bundle);
        t.equal(done.status, 0, done.output);
        const [mounts = "", report = ""] = done.stdout.split("---\n");
        const inside = parseMountinfo(mounts);
        for (const path of HIERARCHIES) {
          const name = path.slice(path.lastIndexOf("/") + 1);
          const mount = inside.findLast((each) => each.target === `/sys/fs/cgroup/${name}`);
          t.equal(mount?.fsType, "cgroup", name);
          for (const option of ["nosuid", "nodev", "noexec", writable ? "rw" : "ro"]) {
            t.ok(mount?.options.includes(option), `${name}: ${option}`);
          }
          t.match(report, `own ${name}\n`, `${name}: its root is the container's own cgroup`);
          t.equal(report.includes(`made ${name}\n`), writable, `${name}: a cgroup ${writable ? "can" : "cannot"} be made`);
        }
        const top = inside.findLast((each) => each.target === "/sys/fs/cgroup");
        t.equal(top?.fsType, "tmpfs");
        if (IS_RUNT) t.ok(top?.options.includes(writable ? "rw" : "ro"));
      },
      { skip },
    );
  }
}
