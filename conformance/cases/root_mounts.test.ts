// SPDX-License-Identifier: Apache-2.0
/** A mount on `/`: what is mounted there becomes the container's root. */
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, type Config, type Mount } from "../harness/config.ts";
import { execSh } from "../harness/exec.ts";
import { parseMountinfo, readText } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

const MAPS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const SHOW = "cat /which; (echo x > /made) 2> /dev/null && echo rw || echo ro";

/** A bundle that has `mount` before all others, and a copy of its root file system that says "other". */
function bundleOn(
  box: Box,
  destination: string,
  mount: (other: string) => Mount,
  edit: (config: Config) => void = () => undefined,
) {
  const other = box.path("other");
  const bundle = box.bundle((config) => {
    config.root.readonly = false;
    config.process.args = ["sh", "-c", SHOW];
    config.mounts.unshift({ ...mount(other), destination });
    edit(config);
  });
  cpSync(bundle.rootfs, other, { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(other, "which"), "other\n");
  writeFileSync(join(bundle.rootfs, "which"), "first\n");
  return { bundle, other };
}

const bind =
  (options: string[]) =>
  (source: string): Mount => ({ destination: "/", type: "bind", source, options });

scenario(
  "a bind mount on / becomes the root, however / is written",
  (t, box) => {
    for (const destination of ["/", "/.", "//", "/proc/..", "/none/.."]) {
      for (const [options, mode] of [
        [["rbind"], "rw"],
        [["bind"], "rw"],
        [["rbind", "ro"], "ro"],
      ] as const) {
        const { bundle, other } = bundleOn(box, destination, bind([...options]));
        const done = box.run(bundle);
        t.equal(done.stdout, `other\n${mode}\n`, `${destination} ${options.join()}: ${done.stderr}`);
        t.equal(existsSync(join(other, "made")), mode === "rw");
        t.notOk(existsSync(join(bundle.rootfs, "made")), "the bundle's root is as it was");
      }
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("runc 1.2 and newer refuse it") },
);

scenario(
  "a tmpfs or an overlay on / becomes the root",
  (t, box) => {
    const { bundle } = bundleOn(box, "/", () => ({ destination: "/", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }));
    t.equal(box.run(bundle).stdout, "first\nrw\n");
    t.notOk(existsSync(join(bundle.rootfs, "made")));
    const work = ["upper", "work"].map((name) => box.folder(name));
    const { bundle: layered, other } = bundleOn(box, "/", (lower) => ({
      destination: "/",
      type: "overlay",
      source: "overlay",
      options: [`lowerdir=${lower}`, `upperdir=${work[0]}`, `workdir=${work[1]}`],
    }));
    const done = box.run(layered);
    // An upper layer may be no overlay itself.
    if (done.status !== 0) return void t.match(done.stderr, /overlay/);
    t.equal(done.stdout, "other\nrw\n", done.stderr);
    t.notOk(existsSync(join(other, "made")));
    t.ok(existsSync(join(work[0] ?? "", "made")));
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("runc 1.2 and newer refuse it") },
);

scenario(
  "a mount on /: later mounts, masks, devices, cwd, hooks, exec and a read-only root are those of the new root",
  (t, box) => {
    const volume = box.folder("volume");
    writeFileSync(join(volume, "inside"), "inside\n");
    const { bundle, other } = bundleOn(box, "/", bind(["rbind"]), (config) => {
      config.root.readonly = true;
      config.mounts.push({ destination: "/volume", type: "bind", source: volume, options: ["bind"] });
      config.linux.maskedPaths = ["/secret", "/proc/timer_list"];
      config.linux.readonlyPaths = ["/proc/sys"];
      config.process.cwd = "/new/cwd";
      config.process.args = ["sleep", "1000"];
    });
    writeFileSync(join(other, "secret"), "secret");
    const container = box.create(bundle);
    container.start();
    const look =
      "cat /which /volume/inside; wc -c < /secret; pwd; touch /x 2>&1; stat -c %t:%T /dev/null; wc -c < /proc/timer_list; ls -d /proc/self";
    const wanted = "other\ninside\n0\n/new/cwd\ntouch: /x: Read-only file system\n1:3\n0\n/proc/self\n";
    t.equal(execSh(box, container, look), wanted);
    t.ok(existsSync(join(other, "new/cwd")));
    t.notOk(existsSync(join(bundle.rootfs, "new")), "nothing was made in the bundle's root");
    const mounts = parseMountinfo(readText(`/proc/${container.pid}/mountinfo`));
    t.equal(mounts.filter((each) => each.target === "/").length, 1, "the bundle's root is not there any more");
    t.equal(container.remove("--force").status, 0);
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("runc 1.2 and newer refuse it") },
);

scenario(
  "a mount on / in the middle covers what was mounted before; with propagation, no-pivot, and in a user namespace",
  (t, box) => {
    const user = (config: Config): void => {
      addNamespaces(config, "user");
      config.linux.uidMappings = MAPS;
      config.linux.gidMappings = MAPS;
    };
    const kinds: [string, (config: Config) => void, string[]][] = [
      ["shared", (config) => void (config.linux.rootfsPropagation = "shared"), []],
      ["slave", (config) => void (config.linux.rootfsPropagation = "rslave"), []],
      ["no pivot", () => undefined, ["--no-pivot"]],
      ["user namespace", user, []],
    ];
    for (const [name, edit, flags] of kinds) {
      const before = readText("/proc/self/mountinfo");
      const { bundle, other } = bundleOn(box, "/", bind(["rbind"]), (config) => {
        config.mounts.unshift({ destination: "/covered", type: "tmpfs", source: "tmpfs" });
        config.process.args = ["sh", "-c", `${SHOW}; grep -c covered /proc/mounts`];
        edit(config);
      });
      chmodSync(bundle.dir, 0o711);
      if (name === "user namespace") chownSync(other, 100000, 100000);
      mkdirSync(join(bundle.rootfs, "covered"), { recursive: true });
      const done = box.call(["run", ...flags, "--bundle", bundle.dir, box.id()]);
      t.match(done.stdout, /^other\nrw\n0\n$/, `${name}: ${done.stderr}`);
      t.equal(readText("/proc/self/mountinfo"), before, `${name}: the host has the same mounts`);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("runc 1.2 and newer refuse it") },
);
