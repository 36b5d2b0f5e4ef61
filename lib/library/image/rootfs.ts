// SPDX-License-Identifier: Apache-2.0
/** A root file system that containers share. */
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { RuntimeError } from "../../errors.ts";
import { type Size, bytesOf, size } from "../box/size.ts";
import { abortSignal, expect, fields, show, someText, whole } from "../options/kinds.ts";
import type { ImageDefaults } from "./defaults.ts";
import { unpackInThread } from "./unpacking.ts";

/** The options of unpacking an image. */
export interface ImageOptions {
  /** Selects one image of several: a tag, or a name with one, such as `alpine:3`. */
  readonly reference?: string;
  /** Directory of layers, which images and programs share. Default `/var/lib/runt/layers`. */
  readonly store?: string;
  /** Most that all layers may have, unpacked. Default 16 GiB. */
  readonly maxSize?: Size;
  /** Most files, directories and links. Default 2,000,000. */
  readonly maxFiles?: number;
  readonly signal?: AbortSignal;
}

const OPTIONS = fields<ImageOptions>({
  reference: someText,
  store: someText,
  maxSize: size,
  maxFiles: whole,
  signal: abortSignal,
});
const STORE = "/var/lib/runt/layers";
const MAX_SIZE = 2 ** 34;
const MAX_FILES = 2_000_000;
/** Go's names, which images use, of the machines that Node.js names otherwise. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64" };

/**
 * A root file system of layers. It takes no room of its own: containers share its layers, each below a writable one.
 *
 * ```ts
 * const rootfs = await Rootfs.fromImage("alpine.tar");
 * await using box = await Container.run({ rootfs, args: ["cat", "/etc/os-release"] });
 * ```
 */
export class Rootfs implements ImageDefaults {
  /** Directories of the layers, topmost first. */
  readonly layers: readonly string[];
  /** Digest of the image's config. */
  readonly digest: string;
  readonly args: readonly string[] | undefined;
  readonly env: readonly string[] | undefined;
  readonly cwd: string | undefined;
  readonly user: string | undefined;
  readonly volumes: readonly string[] | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;

  private constructor(layers: readonly string[], digest: string, defaults: ImageDefaults) {
    // A caller without types.
    if (!Array.isArray(layers)) throw new RuntimeError("USAGE", "new Rootfs(): write await Rootfs.fromImage(path)");
    this.layers = layers;
    this.digest = digest;
    this.args = defaults.args;
    this.env = defaults.env;
    this.cwd = defaults.cwd;
    this.user = defaults.user;
    this.volumes = defaults.volumes;
    this.annotations = defaults.annotations;
  }

  /**
   * Unpacks an image. Digests are checked, and layers that are there already are used as they are.
   * @param source path of an OCI layout or of the output of `docker save`, as a directory or an archive, or the archive as a
   *   stream; compressed with gzip or zstd, or not
   * @throws IMAGE_INVALID for an image that is damaged, hostile, too large or for another machine; USAGE, SYSCALL, ABORTED.
   *   A failure leaves nothing but whole layers behind
   */
  static async fromImage(source: string | Readable, options: ImageOptions = {}): Promise<Rootfs> {
    if (typeof source !== "string" && !(source instanceof Readable)) {
      throw new RuntimeError(
        "USAGE",
        `fromImage: found ${show(source)}, it must be the path of an image, or a stream of an archive`,
      );
    }
    expect("fromImage", options, OPTIONS);
    const { reference, store = STORE, maxSize = MAX_SIZE, maxFiles = MAX_FILES, signal } = options;
    const request = {
      ...(typeof source === "string" ? { given: source } : {}),
      reference,
      store: resolve(store),
      maxSize: bytesOf(maxSize, "maxSize"),
      maxFiles,
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
    };
    const { layers, digest, defaults } = await unpackInThread(
      typeof source === "string" ? resolve(source) : source,
      request,
      signal,
    );
    return new Rootfs(layers, digest, defaults);
  }
}
