// SPDX-License-Identifier: Apache-2.0
/** Every option of the library, and the kind of its value. The types make sure that none is forgotten. */
import type { Log } from "../../log.ts";
import type { DeviceRequest } from "../../runtime/live/devices.ts";
import type { RecordingOptions, RuntimeContext } from "../../runtime/options.ts";
import type { BindMount, BoxOptions, Limits, Overlay } from "../box/options.ts";
import { size } from "../box/size.ts";
import { capabilityNames, isCapability } from "../../spec/capabilities.ts";
import { nearest } from "../../spec/rules/nearest.ts";
import { Rootfs } from "../image/rootfs.ts";
import type { BufferOptions } from "../result.ts";
import type { StdioOptions, TerminalSize } from "../stdio.ts";
import type {
  BundleOptions,
  CheckpointChoices,
  CommonOptions,
  ConfigOptions,
  DeleteOptions,
  EventsOptions,
  KillOptions,
  ProcessOptions,
  RestoreChoices,
  RuntimeOptions,
  SpawnOptions,
  StartOptions,
} from "./types.ts";
import {
  abortSignal,
  either,
  type Elsewhere,
  fields,
  flag,
  having,
  kind,
  type Kind,
  listOf,
  mapOf,
  object,
  oneOf,
  positive,
  type Shape,
  show,
  someText,
  text,
  whole,
} from "./kinds.ts";

const log: Kind = kind(
  "an object with the functions debug(text) and warn(text)",
  (value) =>
    typeof value === "object" &&
    value !== null &&
    typeof (value as Log).warn === "function" &&
    typeof (value as Log).debug === "function",
);
const absolute: Kind = (value, at) =>
  typeof value === "string" && value.startsWith("/") && !value.includes("\0")
    ? undefined
    : `${at}: found ${show(value)}, it must be an absolute path`;
const time: Kind = either("a number of milliseconds, above 0", positive);
const ids: Kind = listOf(whole, "a list of numbers");
const environment: Kind = (value, at) =>
  Array.isArray(value)
    ? listOf(someText)(value, at)
    : mapOf(text, 'an object such as { NAME: "value" }, or a list of "NAME=value"')(value, at);
const stream: Kind = kind(
  '"pipe", "inherit", "ignore", a descriptor or a stream of Node.js',
  (value) =>
    value === null ||
    value === undefined ||
    ["pipe", "inherit", "ignore"].includes(value as string) ||
    (Number.isInteger(value) && (value as number) >= 0) ||
    (typeof value === "object" && typeof (value as { pipe?: unknown }).pipe === "function") ||
    (typeof value === "object" && typeof (value as { write?: unknown }).write === "function"),
);
const stdio: Kind = (value, at) => {
  if (!Array.isArray(value)) return stream(value, at);
  if (value.length > 3) return `${at}: it has ${value.length} entries: there are three standard streams`;
  return listOf(stream)(value, at);
};
const terminal: Kind = (value, at) =>
  typeof value === "boolean"
    ? undefined
    : fields<TerminalSize>({ rows: whole, columns: whole }, "true, false or { rows, columns }")(value, at);
/** The program and its arguments. */
export const args: Kind = (value, at) => {
  const wrong = listOf(text, 'a list of the program and its arguments, such as ["sh", "-c", "id"]')(value, at);
  return (
    wrong ??
    ((value as unknown[]).length === 0 ? `${at}: it is empty: the program is needed, such as ["sh", "-c", "id"]` : undefined)
  );
};
const userIds: Kind = fields({ uid: whole, gid: whole, additionalGids: ids, umask: whole });
const userOf = (whichIds: Kind): Kind =>
  either('a number, a text such as "1000:1000" or "nobody", or { uid, gid }', whole, someText, whichIds);
const strings: Kind = listOf(text, "a list of strings");
const capability: Kind = (value, at) => {
  if (typeof value !== "string" || isCapability(value)) return text(value, at);
  const [name, names] = [value.toUpperCase(), capabilityNames()];
  const meant = names.find((each) => each === `CAP_${name}`) ?? nearest(name, names);
  return `${at}: no capability is called ${show(value)}${meant === undefined ? "" : `: did you mean ${show(meant)}?`}`;
};
/** Names of capabilities. */
export const capabilities: Kind = listOf(capability, 'a list of names such as "CAP_NET_ADMIN"');
const annotations: Kind = mapOf(text);

const RUNTIME: Shape<RuntimeOptions> = { root: someText, log, systemdCgroup: flag, rootless: oneOf(true, false, "auto") };
/** The context of the functions that work in the caller's thread. */
export const CONTEXT: Kind = fields<RuntimeContext>({ ...RUNTIME, withoutCgroups: flag });
const STDIO: Shape<StdioOptions> = { stdio, terminal };
const BUFFER: Shape<BufferOptions> = {
  input: either(
    "a string or bytes",
    kind("", (value) => typeof value === "string" || value instanceof Uint8Array),
  ),
  maxBuffer: positive,
  reject: flag,
};
export const RECORDING: Shape<RecordingOptions> = {
  file: someText,
  format: oneOf("oci", "docker"),
  append: flag,
  arguments: listOf(oneOf("ioctl", "prctl")),
};
const COMMON: Shape<CommonOptions> = {
  ...RUNTIME,
  ...STDIO,
  id: someText,
  pidFile: someText,
  pidfdSocket: someText,
  noPivot: flag,
  noNewKeyring: flag,
  keepExit: flag,
  recordSeccomp: either(
    "the path of a file, or { file, format, append, arguments }",
    someText,
    fields<RecordingOptions>(RECORDING),
  ),
  signal: abortSignal,
  timeout: time,
};
const BUFFERED: Shape<BufferOptions & { readonly buffer: boolean }> = { ...BUFFER, buffer: flag };
const BUNDLE: Shape<BundleOptions> = { bundle: someText, configFile: someText };
const CONFIG: Shape<ConfigOptions> = { config: object, bundle: someText };
const LIMITS: Shape<Limits> = {
  memory: size,
  memoryAndSwap: size,
  cpus: positive,
  pids: whole,
  files: whole,
  tmp: size,
  resources: object,
};
const OVERLAY: Shape<Overlay> = { size, directory: absolute };
const BIND: Shape<BindMount> = { source: someText, destination: absolute, readonly: flag };
const MOUNT = { ...BIND, type: text, options: strings, uidMappings: listOf(object), gidMappings: listOf(object) };
const BOX: Shape<BoxOptions> = {
  rootfs: either(
    "a path, or a Rootfs of Rootfs.fromImage()",
    someText,
    kind("", (value) => value instanceof Rootfs),
  ),
  args,
  env: environment,
  cwd: absolute,
  user: userOf(having(["uid", "gid"], userIds)),
  limits: fields(LIMITS, 'an object such as { memory: "64m", cpus: 0.5, pids: 32 }', {
    mem: "memory",
    cpu: "cpus",
    processes: "pids",
    swap: "memoryAndSwap",
  }),
  mounts: listOf(
    fields(MOUNT, "an object such as { source, destination }", { target: "destination", src: "source" }),
    "a list of mounts",
  ),
  network: oneOf("none", "host"),
  readonly: flag,
  overlay: (value, at) =>
    typeof value === "boolean" ? undefined : fields(OVERLAY, "true, false or { size, directory }")(value, at),
  hostname: someText,
  seccomp: (value, at) => (object(value, at) === undefined ? undefined : oneOf("default", "unconfined")(value, at)),
  capabilities,
  noNewPrivileges: flag,
  rlimits: listOf(object, "a list of { type, soft, hard }"),
  annotations,
  hooks: object,
};
const PROCESS: Shape<ProcessOptions> = {
  ...STDIO,
  cwd: absolute,
  env: environment,
  // Ids that are not given stay.
  user: userOf(userIds),
  uid: whole,
  gid: whole,
  additionalGids: ids,
  capabilities,
  noNewPrivileges: flag,
  apparmorProfile: text,
  selinuxLabel: text,
  cgroups: mapOf(text),
  ignorePaused: flag,
  pidFile: someText,
  signal: abortSignal,
  timeout: time,
};
const CRIU = {
  imagePath: someText,
  workPath: someText,
  tcpEstablished: flag,
  extUnixSk: flag,
  shellJob: flag,
  lazyPages: flag,
  fileLocks: flag,
  autoDedup: flag,
  manageCgroupsMode: oneOf("ignore", "soft", "full", "strict", "default"),
  emptyNs: listOf(oneOf("network"), 'a list with "network"'),
};
export const CHECKPOINT: Shape<CheckpointChoices> = {
  ...CRIU,
  parentPath: text,
  leaveRunning: flag,
  tcpSkipInFlight: flag,
  linkRemap: flag,
  preDump: flag,
  pageServer: fields<NonNullable<CheckpointChoices["pageServer"]>>({ address: someText, port: whole }, "{ address, port }"),
  statusFd: whole,
};
export const RESTORE: Shape<RestoreChoices> = {
  ...CRIU,
  ...RUNTIME,
  id: someText,
  bundle: someText,
  pidFile: someText,
  lsmProfile: text,
  lsmMountContext: text,
};

/** The place in runt of options that other programs, or config.json, have elsewhere. */
const PLACES: Elsewhere = {
  memory: "limits: { memory }",
  cpus: "limits: { cpus }",
  cpu: "limits: { cpus }",
  pids: "limits: { pids }",
  pidsLimit: "limits: { pids }",
  command: "args",
  cmd: "args",
  image: "rootfs: await Rootfs.fromImage(path)",
  binds: "mounts: [{ source, destination }]",
  volumes: "mounts: [{ source, destination }]",
  environment: "env",
  workdir: "cwd",
  workingDir: "cwd",
  privileged: "capabilities, of those that are needed",
  readOnly: "readonly",
  tty: "terminal",
  detach: "nothing: run() does not wait for the end, wait() does",
  rm: "nothing: delete() is called by you, or by `await using`",
  name: "id",
};
const OPTIONS = "an object of options, such as { rootfs, args }, { bundle } or { config }";

/** Options of `create` and `run`, by the source of the container. */
export const MAKE = {
  bundle: fields({ ...COMMON, ...BUFFERED, ...BUNDLE }, OPTIONS, PLACES),
  config: fields({ ...COMMON, ...BUFFERED, ...CONFIG }, OPTIONS, PLACES),
  rootfs: fields({ ...COMMON, ...BUFFERED, ...BOX }, OPTIONS, PLACES),
} as const;
/** Options that are checked before the source of the container is known. */
export const ANY_OPTIONS: Kind = kind(OPTIONS, (value) => object(value, "") === undefined);

const DEVICE = fields<DeviceRequest>(
  {
    host: someText,
    numbers: fields<NonNullable<DeviceRequest["numbers"]>>({
      type: oneOf("b", "c"),
      major: whole,
      minor: either("a whole number, or -1 for all", whole, oneOf(-1)),
    }),
    path: someText,
    access: text,
    mode: whole,
    uid: whole,
    gid: whole,
  },
  'a device such as { host: "/dev/fuse" }',
);

export const SHAPES = {
  runtime: fields(RUNTIME),
  start: fields<StartOptions>({ signal: abortSignal }),
  kill: fields<KillOptions>({ all: flag }),
  delete: fields<DeleteOptions>({ force: flag }),
  events: fields<EventsOptions>({ interval: time, signal: abortSignal }),
  size: fields<TerminalSize>({ rows: whole, columns: whole }, "an object { rows, columns }"),
  spawn: fields<SpawnOptions>(PROCESS, "an object of options", PLACES),
  spawnWithArgs: fields({ ...PROCESS, args }, 'a list of arguments such as ["ls", "-l"]', PLACES),
  exec: fields<ProcessOptions & BufferOptions>({ ...PROCESS, ...BUFFER }, "an object of options", PLACES),
  command: ((value, at) =>
    typeof value === "string"
      ? `found ${show(value)}: write $\`${value.slice(0, 40)}\` as a template, or exec() with a list of arguments`
      : fields<ProcessOptions & BufferOptions>({ ...PROCESS, ...BUFFER }, "an object of options", PLACES)(value, at)) as Kind,
  // The thread checks the fields of a mount, as it does for a file of mounts.
  mounts: listOf(object, "a list of mounts such as [{ source, destination }]"),
  devices: listOf(DEVICE, 'a list of devices such as [{ host: "/dev/fuse" }]'),
  paths: listOf(someText, "a list of paths in the container"),
  checkpoint: fields(CHECKPOINT),
  restore: having(["id", "bundle", "imagePath"], fields(RESTORE)),
} as const;
