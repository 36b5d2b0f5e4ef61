// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Playground } from "./playground.ts";

/**
 * Makes an OCI image archive of the playground's root file system, for `ctr images import`.
 *
 * @param name such as `localhost/box:latest`
 * @param command what a container of it runs
 * @returns its path
 */
export function imageArchive(pg: Playground, name: string, command: readonly string[]): string {
  const folder = join(pg.dir, `image-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`);
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  const blob = (mediaType: string, data: Buffer | string): { mediaType: string; digest: string; size: number } => {
    const hash = createHash("sha256").update(data).digest("hex");
    writeFileSync(join(folder, "blobs/sha256", hash), data);
    return { mediaType, digest: `sha256:${hash}`, size: Buffer.byteLength(data) };
  };
  const type = (kind: string): string => `application/vnd.oci.image.${kind}`;
  const layer = blob(type("layer.v1.tar"), readFileSync(pg.archive));
  const settings = {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Env: ["PATH=/bin:/usr/bin"], Cmd: command },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  };
  const config = blob(type("config.v1+json"), JSON.stringify(settings));
  const manifest = { schemaVersion: 2, mediaType: type("manifest.v1+json"), config, layers: [layer] };
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  const described = { ...blob(manifest.mediaType, JSON.stringify(manifest)), annotations };
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [described] }));
  writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const archive = `${folder}.tar`;
  const made = spawnSync("tar", ["-C", folder, "-cf", archive, "."], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`tar: ${made.stderr}`);
  return archive;
}
