// SPDX-License-Identifier: Apache-2.0
/** The documents of an image: its layers, and the defaults of its containers. Everything in them is checked first. */
import { createHash } from "node:crypto";
import { invalid } from "./failure.ts";
import type { ImageDefaults } from "./defaults.ts";
import { bytesOfDocument, type Source } from "./source.ts";

/** An image that has been found. */
export interface FoundImage {
  /** The digest of the config. */
  readonly digest: string;
  readonly layers: readonly FoundLayer[];
  readonly defaults: ImageDefaults;
}

/** A layer, lowest first. */
export interface FoundLayer {
  /** Its file in the source. */
  readonly name: string;
  /** The digest of the file, if the manifest has one. */
  readonly digest: string | undefined;
  /** The digest of the uncompressed layer. */
  readonly diffId: string;
}

/** Selects one image of several. */
export interface Wanted {
  /** A tag, or a name with one. */
  readonly reference?: string | undefined;
  /** Go's name for it: `amd64`, `arm64`. */
  readonly architecture: string;
}

type Json = Readonly<Record<string, unknown>>;

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const INDEXES = ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
/** Indexes in indexes. */
const DEEPEST = 4;
const MOST_LAYERS = 500;
const NAMES = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];

function object(value: unknown, what: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid(`${what}: it must be an object`);
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(`${what}: it must be a list`);
}

/** A text, `undefined` where there is none or an empty one. */
function text(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw invalid(`${what}: it must be a string`);
}

function texts(value: unknown, what: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return list(value, what).map((each, at) => {
    if (typeof each === "string" && !each.includes("\0")) return each;
    throw invalid(`${what}[${at}]: it must be a string`);
  });
}

function digest(value: unknown, what: string): string {
  if (typeof value === "string" && DIGEST.test(value)) return value;
  throw invalid(`${what}: ${JSON.stringify(value)?.slice(0, 100)} is no digest by SHA-256`);
}

function parse(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw invalid(`${what}: no JSON`);
  }
}

function blobName(of: string): string {
  return `blobs/sha256/${of.slice("sha256:".length)}`;
}

async function document(source: Source, of: string): Promise<Json> {
  const name = blobName(of);
  const bytes = await bytesOfDocument(source, name);
  const found = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (found !== of) throw invalid(`${source.name}: ${name} has the digest ${found}: it was changed`);
  return object(parse(bytes, name), name);
}

/** @throws IMAGE_INVALID */
export async function findImage(source: Source, wanted: Wanted): Promise<FoundImage> {
  if ((await source.find("index.json")) !== undefined) {
    const index = object(parse(await bytesOfDocument(source, "index.json"), "index.json"), "index.json");
    return ofManifest(source, await manifestOf(source, index, wanted, 0), wanted);
  }
  if ((await source.find("manifest.json")) !== undefined) return ofArchive(source, wanted);
  throw invalid(`${source.name}: no image: an OCI layout has an index.json, what "docker save" writes a manifest.json`);
}

async function manifestOf(source: Source, index: Json, wanted: Wanted, depth: number): Promise<Json> {
  if (depth > DEEPEST) throw invalid(`${source.name}: indexes in indexes`);
  const all = list(index["manifests"], "manifests").map((each) => object(each, "manifests"));
  const named = all.filter((each) => hasName(each, wanted.reference));
  if (wanted.reference !== undefined && depth === 0 && named.length === 0)
    throw notThere(source, wanted.reference, all.flatMap(namesOf));
  const fitting = (named.length > 0 ? named : all).filter((each) => fits(each, wanted.architecture));
  const [first] = fitting;
  if (first === undefined) throw invalid(`${source.name}: no image for linux on ${wanted.architecture}`);
  const several = new Set(fitting.map((each) => each["digest"])).size > 1;
  if (several && depth === 0 && wanted.reference === undefined) {
    throw invalid(
      `${source.name} has several images: say which by "reference": ${[...new Set(fitting.flatMap(namesOf))].join(", ")}`,
    );
  }
  const found = await document(source, digest(first["digest"], "manifests: digest"));
  const isIndex =
    INDEXES.includes(String(first["mediaType"])) ||
    INDEXES.includes(String(found["mediaType"])) ||
    found["manifests"] !== undefined;
  return isIndex ? manifestOf(source, found, wanted, depth + 1) : found;
}

function namesOf(descriptor: Json): string[] {
  const annotations = (descriptor["annotations"] ?? {}) as Json;
  return NAMES.map((name) => annotations[name]).filter((name) => typeof name === "string");
}

function hasName(descriptor: Json, reference: string | undefined): boolean {
  return reference !== undefined && namesOf(descriptor).some((name) => isNamed(name, reference));
}

/** `alpine:3` is `docker.io/library/alpine:3` too. */
function isNamed(name: string, reference: string): boolean {
  return name === reference || name.endsWith(`/${reference}`) || (!reference.includes(":") && name.endsWith(`:${reference}`));
}

function notThere(source: Source, reference: string, names: readonly string[]): Error {
  const known = names.length === 0 ? "none of its images has a name" : `there are ${[...new Set(names)].join(", ")}`;
  return invalid(`${source.name} has no image ${JSON.stringify(reference)}: ${known}`);
}

function fits(descriptor: Json, architecture: string): boolean {
  const platform = descriptor["platform"];
  if (platform === undefined || platform === null) return true;
  const { os, architecture: its } = object(platform, "platform") as { readonly os?: unknown; readonly architecture?: unknown };
  return os === "linux" && its === architecture;
}

async function ofManifest(source: Source, manifest: Json, wanted: Wanted): Promise<FoundImage> {
  const of = digest(object(manifest["config"], "config")["digest"], "config: digest");
  const config = await document(source, of);
  const layers = list(manifest["layers"], "layers").map((each) => {
    const layer = object(each, "layers");
    if (String(layer["mediaType"]).includes("encrypted")) throw invalid(`${source.name}: a layer is encrypted`);
    return digest(layer["digest"], "layers: digest");
  });
  const diffIds = diffIdsOf(config, layers.length);
  return {
    digest: of,
    layers: layers.map((each, at) => ({ name: blobName(each), digest: each, diffId: diffIds[at] ?? "" })),
    defaults: defaultsOf(config, wanted),
  };
}

/** Reads an archive of `docker save`. */
async function ofArchive(source: Source, wanted: Wanted): Promise<FoundImage> {
  const name = "manifest.json";
  const all = list(parse(await bytesOfDocument(source, name), name), name).map((each) => object(each, name));
  const tags = (each: Json): string[] => texts(each["RepoTags"], "RepoTags") ?? [];
  const { reference } = wanted;
  const fitting = reference === undefined ? all : all.filter((each) => tags(each).some((tag) => isNamed(tag, reference)));
  const [first] = fitting;
  if (first === undefined) throw notThere(source, reference ?? "", all.flatMap(tags));
  if (fitting.length > 1)
    throw invalid(`${source.name} has several images: say which by "reference": ${all.flatMap(tags).join(", ")}`);
  const file = text(first["Config"], "Config") ?? "";
  const bytes = await bytesOfDocument(source, file);
  const of = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  // The file is named after its digest.
  const said = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(file)?.[1];
  if (said !== undefined && of !== `sha256:${said}`)
    throw invalid(`${source.name}: ${file} has the digest ${of}: it was changed`);
  const config = object(parse(bytes, file), file);
  const layers = texts(first["Layers"], "Layers") ?? [];
  const diffIds = diffIdsOf(config, layers.length);
  return {
    digest: of,
    layers: layers.map((each, at) => ({ name: each, digest: undefined, diffId: diffIds[at] ?? "" })),
    defaults: defaultsOf(config, wanted),
  };
}

function diffIdsOf(config: Json, count: number): readonly string[] {
  const rootfs = object(config["rootfs"], "rootfs");
  const ids = list(rootfs["diff_ids"], "rootfs.diff_ids").map((each) => digest(each, "rootfs.diff_ids"));
  if (ids.length !== count) throw invalid(`the image has ${count} layers, and ${ids.length} in its config`);
  if (count === 0) throw invalid("the image has no layer");
  if (count > MOST_LAYERS) throw invalid(`the image has ${count} layers, overlayfs takes ${MOST_LAYERS}`);
  return ids;
}

/**
 * The defaults that an image gives its containers.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/conversion.md
 */
export function defaultsOf(image: Json, { architecture }: Wanted): ImageDefaults {
  const os = text(image["os"], "os");
  const its = text(image["architecture"], "architecture");
  if ((os !== undefined && os !== "linux") || (its !== undefined && its !== architecture)) {
    throw invalid(`the image is for ${os ?? "linux"} on ${its ?? "?"}, this is linux on ${architecture}`);
  }
  const config = image["config"] === undefined || image["config"] === null ? {} : object(image["config"], "config");
  const args = [...(texts(config["Entrypoint"], "Entrypoint") ?? []), ...(texts(config["Cmd"], "Cmd") ?? [])];
  const volumes = Object.keys(object(config["Volumes"] ?? {}, "Volumes")).map((path) => {
    if (path.startsWith("/") && !path.includes("\0") && !path.split("/").includes("..") && /[^/.]/.test(path)) return path;
    throw invalid(`Volumes: ${JSON.stringify(path)}: it must be an absolute path of a directory`);
  });
  const cwd = text(config["WorkingDir"], "WorkingDir");
  const env = (texts(config["Env"], "Env") ?? []).filter((each) => each.indexOf("=") > 0);
  return {
    args: args.length === 0 ? undefined : args,
    env: env.length === 0 ? undefined : env,
    cwd: cwd === undefined ? undefined : cwd.startsWith("/") ? cwd : `/${cwd}`,
    user: text(config["User"], "User"),
    volumes: volumes.length === 0 ? undefined : volumes,
    annotations: annotationsOf(image, config),
  };
}

function annotationsOf(image: Json, config: Json): Readonly<Record<string, string>> {
  const ports = Object.keys(object(config["ExposedPorts"] ?? {}, "ExposedPorts")).join(",");
  const known: readonly (readonly [name: string, value: unknown])[] = [
    ["os", image["os"]],
    ["architecture", image["architecture"]],
    ["variant", image["variant"]],
    ["author", image["author"]],
    ["created", image["created"]],
    ["stopSignal", config["StopSignal"]],
    ["exposedPorts", ports],
  ];
  const converted = known.flatMap(([name, value]) => {
    const said = text(value, name);
    return said === undefined ? [] : [[`org.opencontainers.image.${name}`, said] as const];
  });
  const labels = Object.entries(object(config["Labels"] ?? {}, "Labels")).map(
    ([name, value]) => [name, text(value, `Labels.${name}`) ?? ""] as const,
  );
  // A label counts more.
  return Object.fromEntries([...converted, ...labels]);
}
