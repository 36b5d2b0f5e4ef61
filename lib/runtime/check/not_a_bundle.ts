// SPDX-License-Identifier: Apache-2.0
/** Recognizes what was given instead of a bundle, for a person who has an image, or only a root file system. */
import { S_IFDIR, S_IFMT } from "../../kernel/numbers.ts";
import { AT_FDCWD, exists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { programName } from "../../sys/program_name.ts";

/** Directories that nearly every root file system has. */
const OF_A_ROOT = ["bin", "etc", "lib", "usr", "var"];
const UNPACK =
  '"skopeo copy docker-archive:FILE oci:LAYOUT:TAG" and "umoci unpack --image LAYOUT:TAG BUNDLE" make a bundle of it';

/** Instructions for making a bundle. */
export function howToMakeBundle(): string {
  const name = programName();
  return (
    "a bundle is a directory with config.json and a root file system; " +
    `${name} pulls no images: an engine does ("podman run IMAGE"), and fills a root file system ` +
    `("mkdir -p BUNDLE/rootfs", "podman export CONTAINER | tar -x -C BUNDLE/rootfs"), for which "${name} spec --bundle BUNDLE" writes config.json`
  );
}

/** The kind of thing at `path`, which has no config.json; `undefined` if it is unknown. */
export function whatIsThere(path: string): string | undefined {
  const has = (name: string): boolean => exists(`${path}/${name}`);
  const stat = native.stat(AT_FDCWD, path, true);
  if (typeof stat === "number") return `${path} does not exist`;
  if ((stat.mode & S_IFMT) !== S_IFDIR) {
    const isArchive = /\.(tar|tgz|txz|tar\.\w+)$/.test(path);
    return isArchive ? `${path} is an archive, perhaps of an image: ${UNPACK}` : `${path} is no directory`;
  }
  if (has("oci-layout")) {
    return `${path} is the layout of an OCI image: "umoci unpack --image ${path}:TAG BUNDLE" makes a bundle of it`;
  }
  if (has("manifest.json")) return `${path} is an image as "docker save" writes it: ${UNPACK}`;
  if (has("rootfs"))
    return `${path} has a root file system: "${programName()} spec --bundle ${path}" writes config.json beside it`;
  const isRoot = OF_A_ROOT.filter(has).length >= 2;
  return isRoot ? `${path} looks like a root file system: it belongs into the directory "rootfs" of a bundle` : undefined;
}

/** The kind of document that a config.json is, if it is not a container's; `undefined` if it is unknown. */
export function whatItDescribes(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || "ociVersion" in value) return undefined;
  const document = value as { readonly rootfs?: { readonly type?: unknown } | null; readonly [name: string]: unknown };
  const isConfig = document.rootfs?.type === "layers" || ("architecture" in value && "os" in value);
  if (isConfig) return `this is the configuration of an image, not of a container: ${howToMakeBundle()}`;
  return "schemaVersion" in value
    ? `this is the manifest of an image, not the configuration of a container: ${howToMakeBundle()}`
    : undefined;
}
