// SPDX-License-Identifier: Apache-2.0
// Rootfs.fromImage: what people have.
import { spawnSync } from "node:child_process";
import {
  createReadStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Container, Rootfs } from "../../lib/index.ts";
import { type Box, scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { gzip, layout, type Member, paxMember, plain, saved, tar, zstdOf } from "./images.ts";
import { skip } from "./made.ts";

const CONFIG = {
  Env: ["GREETING=hello", "PATH=/bin"],
  Entrypoint: ["sh", "-c"],
  Cmd: ["echo $GREETING; id -u; pwd; ls /srv"],
  User: "worker",
  WorkingDir: "/srv",
  Volumes: { "/data": {} },
  ExposedPorts: { "80/tcp": {} },
  Labels: { maker: "me" },
  StopSignal: "SIGINT",
};

/** A root file system in three layers: the second one hides and replaces what the first one has. */
async function layersOf(box: Box): Promise<Uint8Array[]> {
  const rootfs = box.folder("base");
  makeRootfs(rootfs);
  for (const each of ["etc", "srv/old", "data", "dev"]) mkdirSync(join(rootfs, each), { recursive: true });
  writeFileSync(join(rootfs, "etc/passwd"), "worker:x:1234:1234::/:/bin/sh\n");
  writeFileSync(join(rootfs, "data/given"), "of the image\n");
  writeFileSync(join(rootfs, "gone"), "");
  writeFileSync(join(rootfs, "srv/old/file"), "old");
  const base = spawnSync("tar", ["-C", rootfs, "-cf", "-", "."], { maxBuffer: 1 << 28 }).stdout;
  const second = await tar([
    { name: "srv", type: "directory", mode: 0o755 },
    { name: "srv/.wh.old", size: 0 },
    { name: ".wh.gone" },
    { name: "srv/new", data: "new" },
    { name: "opaque/", type: "directory" },
    { name: "opaque/.wh..wh..opq" },
  ]);
  return [base, second, await tar([{ name: "srv/third", data: "3" }])];
}

function optionsOf(box: Box): { readonly store: string } {
  return { store: box.path("store") };
}

scenario(
  "an OCI layout: layers, shared by containers, and what the image says",
  async (t, box) => {
    const options = optionsOf(box);
    const layers = await layersOf(box);
    const rootfs = await Rootfs.fromImage(layout(box.folder("layout"), { layers, config: CONFIG }), options);
    t.equal(rootfs.layers.length, 3);
    t.same(rootfs.args, ["sh", "-c", "echo $GREETING; id -u; pwd; ls /srv"]);
    t.match(rootfs.annotations, {
      "org.opencontainers.image.exposedPorts": "80/tcp",
      "org.opencontainers.image.stopSignal": "SIGINT",
      maker: "me",
    });
    const { stdout, stderr } = await Container.run({ rootfs, root: box.root, buffer: true });
    t.equal(stderr, "");
    t.equal(stdout, "hello\n1234\n/srv\nnew\nthird\n");
    const run = async (script: string) =>
      (await Container.run({ rootfs, root: box.root, user: 0, args: ["sh", "-c", script], buffer: true })).stdout;
    t.equal(
      await run(
        "ls -d /gone 2>&1 | grep -c 'No such'; cat /data/given; echo more > /data/more; ls /data; touch /srv/mine; ls /srv | wc -l",
      ),
      "1\nof the image\ngiven\nmore\n3\n",
    );
    t.equal(await run("ls /srv | wc -l; ls /data"), "2\ngiven\n", "each has its own");
    t.equal(
      (
        await Container.run({
          rootfs,
          root: box.root,
          readonly: true,
          args: ["sh", "-c", "touch /srv/mine || echo $?"],
          buffer: true,
        })
      ).stdout,
      "1\n",
    );
    const again = await Rootfs.fromImage(layout(box.folder("other"), { layers: layers.slice(0, 2) }), options);
    t.same(again.layers, rootfs.layers.slice(1), "layers that are there are used");
    t.same(readdirSync(options.store).length, 3);
    const container = await Container.run({ rootfs, root: box.root, args: ["sleep", "1000"], user: 0, stdio: "ignore" });
    t.equal(
      (await container.exec(["id", "-u"], { user: "worker" })).stdout,
      "1234\n",
      "a name, by the files that the container has",
    );
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "every form: docker save, archives, streams, gzip and zstd",
  async (t, box) => {
    const layers = await layersOf(box);
    const one = await Rootfs.fromImage(layout(box.folder("layout"), { layers, config: CONFIG }), optionsOf(box));
    const same = async (name: string, source: string | Readable): Promise<void> => {
      const rootfs = await Rootfs.fromImage(source, optionsOf(box));
      t.same(
        rootfs.layers.map((path) => path.slice(path.lastIndexOf("/"))),
        one.layers.map((path) => path.slice(path.lastIndexOf("/"))),
        name,
      );
      t.same(rootfs.args, one.args, name);
      const listing = (of: Rootfs): string =>
        spawnSync("sh", ["-c", `cd ${of.layers.at(-1) ?? ""} && find . | sort | xargs stat -c '%n %a %u %g %s %Y'`], {
          encoding: "utf8",
        }).stdout;
      t.equal(listing(rootfs), listing(one), name);
    };
    await same("uncompressed layers", layout(box.folder("plain"), { layers, config: CONFIG, pack: plain }));
    await same("layers in zstd", layout(box.folder("zstd"), { layers, config: CONFIG, pack: zstdOf }));
    const archive = await saved({ layers, config: CONFIG });
    const file = (data: Uint8Array, name: string): string => {
      const path = box.path(name);
      writeFileSync(path, data);
      return path;
    };
    await same("docker save", file(archive, "saved.tar"));
    await same("docker save, gzip", file(gzip(archive), "saved.tar.gz"));
    await same("docker save, zstd", file(zstdOf(archive), "saved.tar.zst"));
    await same("a stream", createReadStream(file(archive, "stream.tar")));
    await same("a compressed stream", Readable.from([gzip(archive)]));
    const unpacked = box.folder("unpacked");
    spawnSync("tar", ["-x", "-C", unpacked], { input: archive });
    await same("docker save, unpacked", unpacked);
    const packed = box.path("oci.tar");
    spawnSync("tar", ["-C", layout(box.folder("again"), { layers, config: CONFIG }), "-cf", packed, "."]);
    await same("an archive of a layout", packed);
    if (spawnSync("zstd", ["--version"]).status === 0) {
      await same(
        "zstd's own",
        layout(box.folder("own"), {
          layers,
          config: CONFIG,
          pack: (data) => spawnSync("zstd", ["-c"], { input: data, maxBuffer: 1 << 28 }).stdout,
        }),
      );
    }
    if (spawnSync("skopeo", ["--version"]).status === 0) {
      const copied = box.path("copied.tar");
      const done = spawnSync(
        "skopeo",
        [
          "--insecure-policy",
          "copy",
          `oci:${layout(box.folder("for"), { layers, config: CONFIG })}:latest`,
          `docker-archive:${copied}:thing:2`,
        ],
        { encoding: "utf8" },
      );
      t.equal(done.status, 0, done.stderr);
      await same("skopeo's docker-archive", copied);
    }
  },
  { skip, timeout: 90_000 },
);

scenario(
  "owners, modes, times, links, devices, pipes and attributes",
  async (t, box) => {
    const capability = Buffer.from("0100000200040080ff00000000000000000000", "hex").subarray(0, 20);
    const value = Buffer.concat([capability, Buffer.alloc(20 - capability.length)]);
    const mtime = new Date(1_000_000_000_000);
    const raw = await paxMember({
      "SCHILY.xattr.security.capability": value,
      "SCHILY.xattr.user.note": Buffer.from([0, 0xff, 0x80]),
      "SCHILY.xattr.security.selinux": Buffer.from("other"),
      mtime: Buffer.from("1234567890.5"),
    });
    const layer = Buffer.concat([
      raw,
      await tar([
        { name: "bin/tool", mode: 0o755, uid: 11, gid: 22, data: "#!tool" },
        { name: "bin", type: "directory", mode: 0o711, uid: 5, gid: 6, mtime },
        { name: "bin/set", mode: 0o6755, uid: 7, gid: 8, mtime, data: "set" },
        { name: "bin/hard", type: "link", linkname: "bin/tool" },
        { name: "bin/soft", type: "symlink", linkname: "/etc/../anything", uid: 3, gid: 4, mtime },
        { name: "pipe", type: "fifo", mode: 0o622 },
        { name: "null", type: "character-device", devmajor: 1, devminor: 3, mode: 0o666 },
        { name: "twice", data: "first" },
        { name: "twice", type: "symlink", linkname: "second" },
        { name: "folder/inside", data: "x" },
        { name: "folder", data: "no folder any more" },
        { name: `${"long/".repeat(30)}${"name".repeat(30)}`, data: "long" },
      ]),
    ]);
    const { layers } = await Rootfs.fromImage(layout(box.folder("layout"), { layers: [layer] }), optionsOf(box));
    const at = (name: string): string => join(layers[0] ?? "", name);
    const stat = (name: string): readonly number[] => (({ mode, uid, gid }) => [mode & 0o7777, uid, gid])(lstatSync(at(name)));
    t.same(stat("bin/tool"), [0o755, 11, 22]);
    t.same(stat("bin"), [0o711, 5, 6]);
    t.equal(statSync(at("bin")).mtimeMs, mtime.getTime(), "a directory keeps its time when it is filled later");
    t.equal(statSync(at("bin/tool")).mtimeMs, 1234567890500);
    t.same(stat("bin/set"), [0o6755, 7, 8], "the owner takes no set-user-ID bit away");
    t.equal(statSync(at("bin/hard")).ino, statSync(at("bin/tool")).ino);
    t.equal(readlinkSync(at("bin/soft")), "/etc/../anything", "a link is data");
    t.same(stat("bin/soft").slice(1), [3, 4]);
    t.ok(lstatSync(at("pipe")).isFIFO());
    t.equal(lstatSync(at("null")).rdev, lstatSync("/dev/null").rdev);
    t.equal(readlinkSync(at("twice")), "second", "the last one counts");
    t.equal(readFileSync(at("folder"), "utf8"), "no folder any more");
    t.equal(readFileSync(at(`${"long/".repeat(30)}${"name".repeat(30)}`), "utf8"), "long");
    const script =
      "import os,sys; print({name: os.getxattr(sys.argv[1], name).hex() for name in sorted(os.listxattr(sys.argv[1]))})";
    const attributes = spawnSync("python3", ["-c", script, at("bin/tool")], { encoding: "utf8" });
    if (attributes.status !== 0) t.comment("there is no python3 to ask");
    else t.equal(attributes.stdout, `{'security.capability': '${value.toString("hex")}', 'user.note': '00ff80'}\n`);
  },
  { skip },
);

scenario(
  "a layer that has something of those below it: hard links to their files, and directories without entries",
  async (t, box) => {
    const below = [
      { name: "tmp", type: "directory", mode: 0o1777, uid: 3, gid: 4 },
      { name: "bin/tool", data: "old tool", mode: 0o4755, uid: 7, gid: 8, mtime: new Date(1_000_000_000_000) },
      { name: "bin/soft", type: "symlink", linkname: "/etc/passwd" },
      { name: "tmp/inside/file", data: "" },
    ] as const;
    const options = optionsOf(box);
    const middle = [
      { name: "bin", type: "directory", mode: 0o755 } as const,
      { name: "bin/tool", data: "tool", mode: 0o4751, uid: 7, gid: 8, mtime: new Date(1_100_000_000_000) },
    ];
    const above = [
      { name: "srv/one", type: "link", linkname: "bin/tool" },
      { name: "srv/two", type: "link", linkname: "bin/tool" },
      { name: "srv/soft", type: "link", linkname: "bin/soft" },
      { name: "tmp/more", data: "more" },
    ] as const;
    const image = (lower: readonly Member[]): Promise<string> =>
      Promise.all([lower, middle, above].map((each) => tar(each.map((member) => ({ mtime: new Date(0), ...member }))))).then(
        (layers) => layout(box.folder("layout"), { layers }),
      );
    const { layers } = await Rootfs.fromImage(await image(below), options);
    const at = (path: string): string => join(layers[0] ?? "", path);
    t.equal(readFileSync(at("srv/one"), "utf8"), "tool", "the topmost file of that name");
    const [tool, one, two] = ["bin/tool", "srv/one", "srv/two"].map((path) => statSync(at(path))) as [Stats, Stats, Stats];
    t.match(tool, { mode: 0o104751, uid: 7, gid: 8, nlink: 3 });
    t.equal(tool.mtimeMs, 1_100_000_000_000);
    t.same([one.ino, two.ino], [tool.ino, tool.ino]);
    t.equal(readlinkSync(at("srv/soft")), "/etc/passwd", "a link is data");
    t.match(statSync(at("tmp")), { mode: 0o041777, uid: 3, gid: 4 }, "a directory is as the layer below has it");
    t.equal(statSync(at("srv")).mode, 0o040755);
    const other = await Rootfs.fromImage(await image([...below, { name: "tmp", type: "directory", mode: 0o700 }]), options);
    t.not(other.layers[0], layers[0], "above other layers it is another one");
    t.equal(other.layers[1], layers[1], "one that needs none is shared");
    t.equal(statSync(join(other.layers[0] ?? "", "tmp")).mode, 0o040700);
    t.same((await Rootfs.fromImage(await image(below), options)).layers, layers, "it is found again");
  },
  { skip },
);
