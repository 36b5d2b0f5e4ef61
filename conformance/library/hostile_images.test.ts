// SPDX-License-Identifier: Apache-2.0
// Rootfs.fromImage: what nobody should trust.
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Rootfs } from "../../lib/index.ts";
import { type Box, scenario } from "../harness/box.ts";
import { gzip, layout, type ImageOf, type Member, retyped, saved, sha256, tar } from "./images.ts";
import { refused, skip } from "./made.ts";

function optionsOf(box: Box): { readonly store: string } {
  return { store: box.path("store") };
}

async function wrong(box: Box, image: ImageOf | readonly Member[]): Promise<string> {
  const whole = "layers" in image ? image : { layers: [await tar(image)] };
  const options = optionsOf(box);
  const failure = await refused(Rootfs.fromImage(layout(box.folder("layout"), whole), options));
  if (failure.code !== "IMAGE_INVALID") throw failure;
  const left = readdirSync(options.store);
  if (left.length > 0) throw new Error(`left: ${left.join(" ")}`);
  return failure.message;
}

scenario(
  "hostile layers",
  async (t, box) => {
    const outside = box.file("safe");
    const secret = join(outside, "..");
    t.match(await wrong(box, [{ name: "/absolute", data: "x" }]), /"\/absolute": an absolute name/);
    t.match(await wrong(box, [{ name: "../out", data: "x" }]), /"\.\.\/out": a name with "\.\." leads out/);
    t.match(await wrong(box, [{ name: "a/../../out", data: "x" }]), /leads out/);
    t.match(
      await wrong(box, [
        { name: "link", type: "symlink", linkname: secret },
        { name: "link/file", data: "x" },
      ]),
      /nothing is written through a link/,
    );
    t.match(
      await wrong(box, [
        { name: "link", type: "symlink", linkname: "." },
        { name: "link/file", data: "x" },
      ]),
      /nothing is written through a link/,
    );
    t.match(
      await wrong(box, [
        { name: "a", type: "symlink", linkname: secret },
        { name: "a/b", type: "directory" },
      ]),
      /through a link/,
    );
    t.match(await wrong(box, [{ name: "a", type: "symlink", linkname: secret }, { name: "a/.wh.file" }]), /through a link/);
    t.match(await wrong(box, [{ name: "hard", type: "link", linkname: outside }]), /a link to "[^"]*": an absolute name/);
    t.match(await wrong(box, [{ name: "hard", type: "link", linkname: "../../etc/passwd" }]), /leads out/);
    t.match(
      await wrong(box, [
        { name: "a", type: "symlink", linkname: "/etc" },
        { name: "hard", type: "link", linkname: "a/passwd" },
      ]),
      /through a link/,
    );
    t.match(
      await wrong(box, [{ name: "hard", type: "link", linkname: "nothing" }]),
      /which neither the layer nor one below it has/,
    );
    t.match(await wrong(box, [{ name: "zero", type: "character-device", devmajor: 0, devminor: 0 }]), /takes for a whiteout/);
    t.match(await wrong(box, [{ name: "a/.wh.b/c", data: "x" }]), /below a whiteout/);
    t.match(await wrong(box, [{ name: "a/.wh." }]), /a whiteout of nothing/);
    t.match(await wrong(box, [{ name: "a/.wh..." }]), /a whiteout of nothing/);
    t.match(await wrong(box, [{ name: "x", pax: { "SCHILY.xattr.trusted.overlay.redirect": "/etc" } }]), /overlayfs's own/);
    t.match(await wrong(box, [{ name: "x", pax: { "SCHILY.xattr.user.overlay.opaque": "y" } }]), /overlayfs's own/);
    t.match(await wrong(box, [{ name: "x", pax: { path: "/etc/x" } }]), /an absolute name/);
    t.match(await wrong(box, [{ name: "x", pax: { uid: "4294967295" } }]), /no such id/);
    t.match(await wrong(box, [{ name: ".", data: "x" }]), /in the place of the root/);
    // A link takes the place of a directory that was walked before: it is not gone through afterwards.
    t.match(
      await wrong(box, [
        { name: "d/one", data: "1" },
        { name: "d", type: "symlink", linkname: secret },
        { name: "d/two", data: "2" },
      ]),
      /through a link/,
    );
    t.equal(readFileSync(outside, "utf8"), "safe");
    const kept = await tar([
      { name: "d/one", data: "1" },
      { name: "d", type: "symlink", linkname: secret },
    ]);
    const { layers } = await Rootfs.fromImage(layout(box.folder("layout"), { layers: [kept] }), optionsOf(box));
    t.equal(readlinkSync(join(layers[0] ?? "", "d")), secret);
  },
  { skip },
);

scenario(
  "layers that want to have something of those below them",
  async (t, box) => {
    const secret = box.file("safe");
    const above = async (
      lower: readonly (readonly Member[])[],
      members: readonly Member[],
      more: object = {},
    ): Promise<string> => {
      const layers = [...(await Promise.all(lower.map((each) => tar(each)))), await tar(members)];
      const made = Rootfs.fromImage(layout(box.folder("layout"), { layers }), { ...optionsOf(box), ...more });
      return (await refused(made)).message;
    };
    const file = { name: "d/file", data: "data" };
    const link = { name: "hard", type: "link" as const, linkname: "d/file" };
    const none = /a hard link to "d\/file", which neither the layer nor one below it has/;
    t.match(await above([[{ name: "d", type: "symlink", linkname: join(secret, "..") }]], [link]), none, "a link below");
    t.match(await above([[file], [{ name: "d/.wh.file" }]], [link]), none, "a file that a layer between has taken away");
    t.match(await above([[file], [{ name: ".wh.d" }]], [link]), none, "a directory that one has taken away");
    t.match(await above([[file], [{ name: "d/.wh..wh..opq" }]], [link]), none, "an opaque directory between");
    t.match(await above([[file], [{ name: "d", data: "" }]], [link]), none, "a file in the directory's place");
    t.match(await above([[file]], [{ name: "d/.wh.file" }, link]), none, "the layer's own whiteout");
    t.match(await above([[file]], [{ name: "d/.wh..wh..opq" }, link]), none, "its own opaque directory");
    t.match(await above([[file]], [{ ...link, linkname: "d" }]), /a hard link to a directory/);
    t.match(await above([[{ name: "d/file", type: "fifo" }]], [link]), /a hard link to a device or a pipe of another layer/);
    const large = { name: "d/file", data: Buffer.alloc(100_000) };
    t.match(await above([[large]], [link], { maxSize: 150_000 }), /the image has more than 150000 bytes/, "a copy counts");
    const deep = { name: `${"d/".repeat(200)}file`, data: "" };
    t.match(await above([], [deep], { maxFiles: 100 }), /the image has more than 100 files/, "directories without entries count");
    t.equal(readFileSync(secret, "utf8"), "safe");
  },
  { skip },
);

scenario(
  "damaged and hostile images",
  async (t, box) => {
    const layers = [await tar([{ name: "file", data: "data" }])];
    const changed = async (change: (files: Map<string, Uint8Array>) => void, more: Partial<ImageOf> = {}): Promise<string> =>
      (await refused(Rootfs.fromImage(layout(box.folder("layout"), { layers, ...more }, change), optionsOf(box)))).message;
    const blobs = (files: Map<string, Uint8Array>, pick: (text: string, data: Uint8Array) => boolean): string =>
      [...files].find(([name, data]) => name.startsWith("blobs") && pick(Buffer.from(data).toString("latin1"), data))?.[0] ?? "";
    t.match(
      await changed((files) =>
        files.set(
          blobs(files, (text) => text.includes("diff_ids")),
          Buffer.from("{}"),
        ),
      ),
      /has the digest sha256:44136fa355b3678a.*: it was changed/,
    );
    t.match(
      await changed((files) =>
        files.set(
          blobs(files, (_, data) => data[0] === 0x1f),
          gzip(layers[0] ?? new Uint8Array()).subarray(0, 60),
        ),
      ),
      /damaged: unexpected end of file/,
    );
    const other = await tar([{ name: "file", data: "evil" }]);
    t.match(
      await changed((files) =>
        files.set(
          blobs(files, (_, data) => data[0] === 0x1f),
          gzip(other),
        ),
      ),
      /has the digest sha256:.*: it was changed/,
    );
    t.match(await changed((files) => files.delete(blobs(files, (_, data) => data[0] === 0x1f))), /has no blobs\/sha256/);
    t.match(await changed((files) => files.set("index.json", Buffer.from("["))), /index.json: no JSON/);
    t.match(
      await changed((files) => files.set("index.json", Buffer.from('{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}'))),
      /is no digest by SHA-256/,
    );
    t.match(
      await changed((files) => {
        files.delete("index.json");
      }),
      /no image: an OCI layout has an index.json/,
    );
    t.match(await changed(() => undefined, { architecture: "s390x" }), /is for linux on s390x/);
    const legacy = async (more: readonly Member[], change: (data: string) => string = (data) => data): Promise<string> => {
      const archive = await saved({ layers }, more);
      const path = box.path("archive");
      writeFileSync(path, Buffer.from(change(archive.toString("latin1")), "latin1"));
      return (await refused(Rootfs.fromImage(path, optionsOf(box)))).message;
    };
    t.match(await legacy([{ name: "../x" }]), /leads out/);
    t.match(await legacy([{ name: "link", type: "symlink", linkname: "../../etc/shadow" }]), /a link out/);
    t.match(await legacy([{ name: "node", type: "character-device", devmajor: 1, devminor: 3 }]), /has no character-device/);
    t.match(await legacy([], (data) => data.replace("data", "evil")), /unpacked it has the digest/);
    const folder = layout(box.folder("links"), { layers });
    symlinkSync("/etc/passwd", join(folder, "manifest.json"));
    const { layers: sound } = await Rootfs.fromImage(folder, optionsOf(box));
    t.ok(existsSync(sound[0] ?? ""), "what is not looked at does no harm");
    t.equal((await refused(Rootfs.fromImage("/nowhere/at/all", optionsOf(box)))).code, "USAGE");
    t.match(await refused(Rootfs.fromImage(5 as unknown as string)), { code: "USAGE", message: /found 5/ });
    t.match(await refused(Rootfs.fromImage(folder, { maxsize: 1 } as object)), {
      code: "USAGE",
      message: /did you mean "maxSize"/,
    });
  },
  { skip },
);

scenario(
  "bombs, and a signal",
  async (t, box) => {
    const zeros = await tar([{ name: "zeros", data: new Uint8Array(64 << 20) }]);
    const folder = layout(box.folder("bomb"), { layers: [zeros] });
    const options = optionsOf(box);
    t.match(await refused(Rootfs.fromImage(folder, { ...options, maxSize: "8m" })), {
      code: "IMAGE_INVALID",
      message: /more than 8388608 bytes/,
    });
    const many = await tar(Array.from({ length: 300 }, (_, at) => ({ name: `file${at}` })));
    t.match(await refused(Rootfs.fromImage(layout(box.folder("many"), { layers: [many] }), { ...options, maxFiles: 100 })), {
      message: /more than 100 files/,
    });
    const archive = box.path("bomb.gz");
    writeFileSync(archive, gzip(new Uint8Array(64 << 20)));
    t.match(await refused(Rootfs.fromImage(archive, { ...options, maxSize: "8m" })), { message: /more than 8388608 bytes/ });
    t.match(await refused(Rootfs.fromImage(Readable.from([new Uint8Array(16 << 20)]), { ...options, maxSize: "8m" })), {
      message: /more than 8388608 bytes/,
    });
    const huge = await tar([{ name: "x", size: 0 }]);
    const header = retyped(huge.subarray(0, 512), "x", "77777777777\0");
    t.match(await refused(Rootfs.fromImage(layout(box.folder("pax"), { layers: [Buffer.concat([header, huge])] }), options)), {
      code: "IMAGE_INVALID",
      message: /damaged: Header exceeds max size/,
    });
    for (const turns of [1, 3, 30]) {
      const early = new AbortController();
      const unpacked = refused(Rootfs.fromImage(folder, { ...options, signal: early.signal }));
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      early.abort();
      t.match(await unpacked, { code: "ABORTED" }, `after ${turns} turns of the event loop`);
    }
    const endless = new Readable({ read: () => undefined });
    const given = new AbortController();
    // A timer that keeps the program alive, which AbortSignal.timeout's does not.
    setTimeout(() => given.abort(), 50);
    t.match(await refused(Rootfs.fromImage(endless, { ...options, signal: given.signal })), { code: "ABORTED" });
    t.same(readdirSync(options.store), [], "nothing is left");
    await Rootfs.fromImage(folder, options);
    t.same(readdirSync(options.store), [sha256(zeros).slice(7, 39)]);
  },
  { skip },
);
