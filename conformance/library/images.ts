// SPDX-License-Identifier: Apache-2.0
// Images made by hand, honest and hostile.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack, type Header } from "tar-stream";

/** An entry of a layer. */
export type Member = Partial<Header> & {
  readonly name: string;
  readonly data?: string | Uint8Array;
  readonly pax?: Readonly<Record<string, string>>;
};

export async function tar(members: readonly Member[]): Promise<Buffer> {
  const archive = pack();
  for (const { data = "", ...header } of members) archive.entry(header, typeof data === "string" ? data : Buffer.from(data));
  archive.finalize();
  return buffer(archive);
}

/** An archive's first header with another type, and perhaps another size. */
export function retyped(archive: Uint8Array, type: string, size?: string): Buffer {
  const changed = Buffer.from(archive);
  changed.write(type, 156, "latin1");
  if (size !== undefined) changed.write(size, 124, "latin1");
  changed.write("        ", 148, "latin1");
  const sum = changed.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return changed;
}

/** A pax header, whose values may be no text, for the entry that comes next. */
export async function paxMember(records: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
  return retyped(await tar([{ name: "pax", data: paxRecords(records) }]), "x").subarray(0, -1024);
}

function paxRecords(records: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const lines = Object.entries(records).map(([name, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${name}=`), value, Buffer.from("\n")]);
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  return Buffer.concat(lines);
}

export const sha256 = (data: Uint8Array): string => `sha256:${createHash("sha256").update(data).digest("hex")}`;

/** Frames of zstd with the bytes as they are. */
export function zstdOf(data: Uint8Array): Buffer {
  const most = 100_000;
  const parts: Uint8Array[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x40])];
  const size = Buffer.alloc(4);
  size.writeUInt32LE(data.length);
  parts.push(size);
  for (let at = 0; at === 0 || at < data.length; at += most) {
    const piece = data.subarray(at, at + most);
    const head = Buffer.alloc(3);
    head.writeUIntLE((piece.length << 3) | (at + most >= data.length ? 1 : 0), 0, 3);
    parts.push(head, piece);
  }
  return Buffer.concat(parts);
}

export type Pack = (data: Uint8Array) => Uint8Array;
export const plain: Pack = (data) => data;
export const gzip: Pack = (data) => gzipSync(data, { level: 1 });

export interface ImageOf {
  readonly layers: readonly Uint8Array[];
  readonly pack?: Pack;
  readonly config?: object;
  readonly architecture?: string;
}

const MACHINE = process.arch === "x64" ? "amd64" : process.arch;

function configOf({ layers, config = {}, architecture = MACHINE }: ImageOf): Buffer {
  return Buffer.from(
    JSON.stringify({ os: "linux", architecture, config, rootfs: { type: "layers", diff_ids: layers.map(sha256) } }),
  );
}

/** Writes an OCI layout. @returns its files by name */
export function layout(
  folder: string,
  image: ImageOf,
  change: (files: Map<string, Uint8Array>) => void = () => undefined,
): string {
  const { layers, pack: how = gzip } = image;
  const files = new Map<string, Uint8Array>();
  const blob = (data: Uint8Array): { readonly digest: string; readonly size: number } => {
    files.set(`blobs/sha256/${sha256(data).slice(7)}`, data);
    return { digest: sha256(data), size: data.length };
  };
  const mediaType = "application/vnd.oci.image.layer.v1.tar";
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...blob(configOf(image)) },
      layers: layers.map((layer) => ({ mediaType, ...blob(how(layer)) })),
    }),
  );
  const descriptor = { mediaType: "application/vnd.oci.image.manifest.v1+json", ...blob(manifest) };
  files.set(
    "index.json",
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ ...descriptor, annotations: { "org.opencontainers.image.ref.name": "latest" } }],
      }),
    ),
  );
  files.set("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  change(files);
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  for (const [name, data] of files) writeFileSync(join(folder, name), data);
  return folder;
}

/** What `docker save` of older versions writes. */
export async function saved(image: ImageOf, more: readonly Member[] = []): Promise<Buffer> {
  const config = configOf(image);
  const name = `${sha256(config).slice(7)}.json`;
  const layers = image.layers.map((data, at) => ({ name: `${at}/layer.tar`, data }));
  return tar([
    ...layers,
    { name, data: config },
    ...more,
    {
      name: "manifest.json",
      data: JSON.stringify([{ Config: name, RepoTags: ["thing:1"], Layers: layers.map((layer) => layer.name) }]),
    },
  ]);
}
