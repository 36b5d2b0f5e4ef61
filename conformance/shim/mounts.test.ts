// SPDX-License-Identifier: Apache-2.0
/** The root file systems that Create brings, of the types and with the options that containerd's snapshotters use. */
import { spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type * as M from "../../lib/shim/proto/messages.gen.ts";
import type { Draft } from "../../lib/shim/proto/wire.ts";
import type { Box, Bundle } from "../harness/box.ts";
import { scenario } from "../harness/box.ts";
import { waitFor } from "../harness/host.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { needs, runtOnly } from "../harness/runtime.ts";
import { Pod, Reader } from "./pod.ts";

const skip = runtOnly("the shim is runt's own");
/** Layers whose options do not fit on a page. */
const MANY = 120;
const SHIFT = 100_000;

/** A bundle whose root file system Create brings. */
function bare(box: Box, script: string): Bundle {
  return box.bundle((config) => {
    config.process.args = ["sh", "-c", script];
    config.root.path = "brought";
    config.root.readonly = false;
  });
}

/** Runs the script of a bundle on a root file system; @returns what it printed */
async function printed(pod: Pod, bundle: Bundle, id: string, rootfs: readonly Draft<M.Mount>[]): Promise<string> {
  const fifos = { ...pod.fifos(), stdin: "" };
  const output = new Reader(fifos.stdout);
  const client = pod.connected;
  try {
    await client.create({ id, bundle: bundle.dir, rootfs, options: pod.options, ...fifos });
    await client.start(id);
    await client.wait(id);
    await client.remove(id);
    return output.text;
  } finally {
    output.close();
  }
}

/** The shim mounts on `rootfs` of the bundle, whatever config.json names; this makes both the same. */
function onRootfs(bundle: Bundle): void {
  const text = readFileSync(join(bundle.dir, "config.json"), "utf8");
  bundle.write(text.replace('"brought"', '"rootfs"'));
  spawnSync("rm", ["-rf", join(bundle.dir, "rootfs")]);
}

function mountsBelow(folder: string): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(folder));
}

function system(box: Box): string {
  const folder = box.folder("system");
  makeRootfs(folder);
  return folder;
}

/** What a host lacks for loop devices. */
function noLoop(): string | false {
  if (!existsSync("/dev/loop-control")) return "this host has no loop devices";
  try {
    closeSync(openSync("/dev/loop-control", "r"));
  } catch {
    return "loop devices may not be used here";
  }
  return spawnSync("mkfs.ext4", ["-V"]).status === 0 ? false : "mkfs.ext4 is not installed";
}

scenario(
  "an overlay of so many layers that their names do not fit on a page",
  async (t, box) => {
    const bundle = bare(box, "ls /made | wc -l; echo x >/new; cat /new");
    onRootfs(bundle);
    const layers: string[] = [];
    const long = box.folder("a-long-name-of-a-directory-of-snapshots");
    for (let number = 0; number < MANY; number++) {
      const layer = join(long, String(number), "fs");
      mkdirSync(join(layer, "made"), { recursive: true });
      writeFileSync(join(layer, "made", String(number)), "");
      layers.push(layer);
    }
    const base = join(long, "base");
    makeRootfs(base);
    const [upper, work] = [join(long, "upper"), join(long, "work")];
    for (const folder of [upper, work]) mkdirSync(folder);
    const options = [`workdir=${work}`, `upperdir=${upper}`, `lowerdir=${[...layers, base].join(":")}`];
    t.ok(options.join(",").length > 4096);
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const text = await printed(pod, bundle, id, [{ type: "overlay", source: "overlay", options }]);
    t.equal(text, `${MANY}\nx\n`);
    t.equal(readFileSync(join(upper, "new"), "utf8"), "x\n");
    t.same(mountsBelow(bundle.dir), []);
  },
  { skip },
);

/** Loop devices that a file is the back of. */
function loopsOf(image: string): string[] {
  return readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .filter((name) => {
      const file = `/sys/block/${name}/loop/backing_file`;
      return existsSync(file) && readFileSync(file, "utf8").trim() === image;
    });
}

/** What a host lacks for erofs. */
function noErofs(): string | false {
  // Also where it is a module.
  spawnSync("modprobe", ["-q", "erofs"]);
  if (!/\terofs$/m.test(readFileSync("/proc/filesystems", "utf8"))) return "this kernel has no erofs";
  return spawnSync("mkfs.erofs", ["--help"]).status === 0 ? false : "mkfs.erofs is not installed (Debian's package erofs-utils)";
}

function makeErofs(box: Box, name: string, from: string): string {
  const image = box.path(name);
  const made = spawnSync("mkfs.erofs", ["--quiet", image, from], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  return image;
}

scenario(
  "a file with a file system as a loop device, read-only and not; the device goes with the mount",
  async (t, box) => {
    const image = box.path("image");
    writeFileSync(image, "");
    truncateSync(image, 32 << 20);
    const made = spawnSync("mkfs.ext4", ["-q", "-F", "-d", system(box), image], { encoding: "utf8" });
    t.equal(made.status, 0, made.stderr);
    const attached = (): string[] => loopsOf(image);
    const bundle = bare(box, "echo kept >/file 2>/dev/null || echo read-only; cat /file");
    onRootfs(bundle);
    const ids = [box.id(), box.id()];
    const [first = "", second = ""] = ids;
    const pod = await Pod.of(box, bundle, first);
    t.equal(await printed(pod, bundle, first, [{ type: "ext4", source: image, options: ["loop"] }]), "kept\n");
    t.same(attached(), []);
    const again = await Pod.of(box, bundle, second);
    t.equal(
      await printed(again, bundle, second, [{ type: "ext4", source: image, options: ["loop", "ro"] }]),
      "read-only\nkept\n",
    );
    t.same(attached(), []);
    const missing = box.id();
    const lost = { id: missing, bundle: bundle.dir, rootfs: [{ type: "ext4", source: "/no/image", options: ["loop"] }] };
    await t.rejects(again.connected.create({ ...lost, options: again.options }), /loop: open \/no\/image/);
    t.same(attached(), []);
    t.same(mountsBelow(bundle.dir), []);
  },
  { skip: skip || noLoop() },
);

scenario(
  "erofs: a layer alone, read-only, as containerd's snapshotter hands it over; the device goes with the container",
  async (t, box) => {
    const from = system(box);
    writeFileSync(join(from, "layer"), "of erofs\n");
    const image = makeErofs(box, "layer.erofs", from);
    const bundle = bare(box, "cat /layer; { echo x >/layer; } 2>/dev/null || echo read-only; grep -o ' / erofs ro' /proc/mounts");
    onRootfs(bundle);
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const mount = { type: "erofs", source: image, options: ["ro", "loop"] };
    t.equal(await printed(pod, bundle, id, [mount]), "of erofs\nread-only\n / erofs ro\n");
    t.same(loopsOf(image), []);
    t.same(mountsBelow(bundle.dir), []);
    const killed = box.id();
    const other = await Pod.of(box, bundle, killed);
    await other.connected.create({ id: killed, bundle: bundle.dir, rootfs: [mount], options: other.options });
    t.equal(loopsOf(image).length, 1);
    process.kill(await other.pid(), "SIGKILL");
    const deleted = other.call(["-id", killed, "-bundle", bundle.dir, "delete"], { cwd: bundle.dir });
    t.equal(deleted.status, 0, deleted.stderr);
    t.ok(
      waitFor(() => loopsOf(image).length === 0, 5000),
      "the command that cleans up after a killed shim takes the device away",
    );
    t.same(mountsBelow(bundle.dir), []);
  },
  { skip: skip || noErofs() || noLoop() },
);

scenario(
  "erofs: two layers below an overlay that is written to",
  async (t, box) => {
    const from = system(box);
    const above = box.folder("above");
    for (const [folder, text] of [
      [from, "lower\n"],
      [above, "upper\n"],
    ] as const)
      writeFileSync(join(folder, "layer"), text);
    const lower: string[] = [];
    try {
      for (const [name, folder] of [
        ["1", above],
        ["2", from],
      ] as const) {
        const at = join(box.folder(`layer${name}`), "fs");
        mkdirSync(at);
        const image = makeErofs(box, `${name}.erofs`, folder);
        const mounted = spawnSync("mount", ["-t", "erofs", "-o", "ro,loop", image, at], { encoding: "utf8" });
        t.equal(mounted.status, 0, mounted.stderr);
        lower.push(at);
      }
      const [upper, work] = [box.folder("upper"), box.folder("work")];
      const options = [`workdir=${work}`, `upperdir=${upper}`, `lowerdir=${lower.join(":")}`];
      const bundle = bare(box, "cat /layer; echo written >/layer; rm /bin/true; cat /layer");
      onRootfs(bundle);
      const id = box.id();
      const pod = await Pod.of(box, bundle, id);
      const text = await printed(pod, bundle, id, [{ type: "overlay", source: "overlay", options }]);
      t.equal(text, "upper\nwritten\n");
      t.equal(readFileSync(join(upper, "layer"), "utf8"), "written\n");
      t.same(mountsBelow(bundle.dir), []);
    } finally {
      for (const at of lower) spawnSync("umount", [at]);
    }
  },
  { skip: skip || noErofs() || noLoop() },
);

scenario(
  "mapped ids: of a bind mount, and of the layers of an overlay",
  async (t, box) => {
    const lower = join(box.folder("layers"), "1");
    makeRootfs(lower);
    writeFileSync(join(lower, "owned"), "");
    chownSync(join(lower, "owned"), 7, 8);
    const bundle = bare(box, "stat -c '%u %g' /owned; stat -c '%u' /");
    onRootfs(bundle);
    const mapping = [`uidmap=0:${SHIFT}:65536`, `gidmap=0:${SHIFT}:65536`];
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const expected = `${SHIFT + 7} ${SHIFT + 8}\n`;
    const text = await printed(pod, bundle, id, [{ type: "bind", source: lower, options: ["rbind", "ro", ...mapping] }]);
    t.equal(text, `${expected}${SHIFT}\n`);
    const [upper, work] = [box.folder("upper"), box.folder("work")];
    chownSync(upper, SHIFT, SHIFT);
    const options = [`workdir=${work}`, `upperdir=${upper}`, `lowerdir=${lower}`, ...mapping];
    const other = box.id();
    const next = await Pod.of(box, bundle, other);
    t.equal(await printed(next, bundle, other, [{ type: "overlay", source: "overlay", options }]), `${expected}${SHIFT}\n`);
    t.same(mountsBelow(bundle.dir), []);
    t.same(
      readdirSync(bundle.dir).filter((name) => name === "mapped"),
      [],
    );
  },
  { skip: skip || needs("mount_setattr", "no mount is id-mapped") },
);

scenario(
  "what is for containerd's manager of mounts, and what is wrong, is refused by name; nothing stays mounted",
  async (t, box) => {
    const bundle = bare(box, "true");
    onRootfs(bundle);
    const source = system(box);
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const create = (rootfs: readonly Draft<M.Mount>[]): Promise<number> =>
      pod.connected.create({ id, bundle: bundle.dir, rootfs, options: pod.options });
    const bind = { type: "bind", source, options: ["rbind"] };
    await t.rejects(create([bind, { type: "format/overlay", source: "overlay", options: [] }]), /format\/overlay/);
    await t.rejects(create([{ ...bind, options: ["rbind", "X-containerd.mkdir.path=/x"] }]), /X-containerd\.mkdir\.path/);
    await t.rejects(create([{ ...bind, options: ["rbind", "uidmap=0:1", "gidmap=0:1:1"] }]), /"0:1" is no id mapping/);
    await t.rejects(create([bind, { type: "no-such-type", source: "x", options: [] }]), /No such device/i);
    t.same(mountsBelow(bundle.dir), []);
  },
  { skip },
);
