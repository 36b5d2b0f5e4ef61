// SPDX-License-Identifier: Apache-2.0
/** Options of a container, as containerd hands them over: runc's message, or text in the form of containerd's own settings. */
import { RuntimeError } from "../errors.ts";
import { check, AT_FDCWD, O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY, exists, readTextIfExists } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { CheckpointOptions } from "../runtime/criu/checkpoint.ts";
import { CRIU_CGROUP_MODES } from "../runtime/criu/messages.ts";
import type { RestoreOptions } from "../runtime/criu/restore.ts";
import type { Any, CheckpointTaskRequest, CreateTaskRequest, RuncOptions } from "./proto/messages.gen.ts";
import { readCheckpointOptions, readRuncOptions, readRuntimeOptions } from "./proto/messages.gen.ts";
import { NO_BYTES } from "./proto/wire.ts";

/** The default directory of the containers' state; each namespace has a directory below it. */
const ROOT = "/run/containerd/runt";
/** The file in the bundle with the facts that `delete` needs of a container whose shim is gone. */
const FILE = "runt-shim.json";
/** The file in the bundle by which `delete` tells a shim that still makes the container. */
const DELETED = "runt-shim.deleted";
/** The directory of CRIU's log in the bundle. */
const CRIU_WORK = "criu-work";
const RUNC = "containerd.runc.v1.Options";
const GENERIC = "runtimeoptions.v1.Options";

/** Names in settings, and in the message. */
const NAMES: Readonly<Record<string, keyof RuncOptions>> = {
  NoPivotRoot: "noPivotRoot",
  NoNewKeyring: "noNewKeyring",
  ShimCgroup: "shimCgroup",
  IoUid: "ioUid",
  IoGid: "ioGid",
  BinaryName: "binaryName",
  Root: "root",
  CriuPath: "criuPath",
  SystemdCgroup: "systemdCgroup",
  CriuImagePath: "criuImagePath",
  CriuWorkPath: "criuWorkPath",
  TaskApiAddress: "taskApiAddress",
  TaskApiVersion: "taskApiVersion",
};

/** The options in a message; without one the defaults. @throws USAGE, CONFIG_INVALID */
export function readOptions(given: Any | undefined): RuncOptions {
  const defaults = readRuncOptions(NO_BYTES);
  if (given === undefined || given.typeUrl === "") return defaults;
  const type = given.typeUrl.slice(given.typeUrl.lastIndexOf("/") + 1);
  if (type === RUNC) return readRuncOptions(given.value);
  if (type !== GENERIC) throw new RuntimeError("USAGE", `options of the type ${type}: known are ${RUNC} and ${GENERIC}`);
  const { configPath, configBody } = readRuntimeOptions(given.value);
  if (configBody.length > 0) return { ...defaults, ...parseSettings(new TextDecoder().decode(configBody), "the options") };
  if (configPath === "") return defaults;
  const text = readTextIfExists(configPath);
  if (text === undefined) {
    throw new RuntimeError("CONFIG_INVALID", `options: ConfigPath ${configPath}: there is no such file`, { path: configPath });
  }
  return { ...defaults, ...parseSettings(text, configPath) };
}

/**
 * Lines such as `Root = "/run/x"` and `SystemdCgroup = true`: the part of TOML that the options need. Pure.
 * @throws CONFIG_INVALID with the line
 */
export function parseSettings(text: string, from: string): Partial<RuncOptions> {
  const found: Record<string, string | number | boolean> = {};
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith("[")) continue;
    const parts = /^"?(\w+)"?\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(true|false)|(\d+))\s*(?:#.*)?$/.exec(line);
    const name = NAMES[parts?.[1] ?? ""];
    if (parts === null || name === undefined) {
      const where = `${from}, line ${index + 1}: ${JSON.stringify(line)}`;
      throw new RuntimeError("CONFIG_INVALID", `${where}: known are ${Object.keys(NAMES).join(", ")}`);
    }
    const [, , double, single, flag, digits] = parts;
    if (double !== undefined) found[name] = double.replace(/\\(.)/g, "$1");
    else if (single !== undefined) found[name] = single;
    else found[name] = flag === undefined ? Number(digits) : flag === "true";
  }
  return found;
}

/** Directory with the state of the containers of a namespace. */
export function stateRoot(options: Pick<RuncOptions, "root">, namespace: string): string {
  return `${options.root === "" ? ROOT : options.root}/${namespace}`;
}

/** The facts that `delete` needs. */
interface Kept {
  readonly root: string;
  readonly systemdCgroup: boolean;
}

/** Keeps the facts that `delete` needs in the bundle. @throws SYSCALL */
export function keepOptions(bundle: string, kept: Kept): void {
  const path = `${bundle}/${FILE}`;
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const text = JSON.stringify({ root: kept.root, systemdCgroup: kept.systemdCgroup });
  check(native.writeFile(AT_FDCWD, path, flags, 0o600, text), `write ${path}`, { path });
}

/** The facts that {@link keepOptions} has kept; the defaults where there are none. */
export function keptOptions(bundle: string, namespace: string): Kept {
  const text = readTextIfExists(`${bundle}/${FILE}`);
  const kept = text === undefined ? {} : (JSON.parse(text) as Partial<Kept>);
  return { root: kept.root ?? stateRoot({ root: "" }, namespace), systemdCgroup: kept.systemdCgroup ?? false };
}

/** Made by systemd as the first process of a host. */
const SYSTEMD = "/run/systemd/system";
const CGROUPS_PATH = '"cgroupsPath"';
/** Longer than any path of a cgroup. */
const MOST_OF_PATH = 4096;
const CONFIG_LIMIT = 16 << 20;

/**
 * Whether the path of the cgroup in a config.json names a systemd unit, "SLICE.slice:PREFIX:NAME". dockerd writes that where its own
 * driver is systemd's, and has the option `SystemdCgroup` for runc's shim alone. Pure.
 */
export function namesUnit(config: string): boolean {
  const at = config.lastIndexOf(CGROUPS_PATH);
  return at !== -1 && /^"cgroupsPath"\s*:\s*"[^"/:]*\.slice:[^"/:]*:[^"/:]+"/.test(config.slice(at, at + MOST_OF_PATH));
}

/** Whether systemd makes the cgroup: the options say so, or config.json names a unit and systemd is there. */
export function isSystemds({ systemdCgroup }: Pick<RuncOptions, "systemdCgroup">, bundle: string): boolean {
  return systemdCgroup || (exists(SYSTEMD) && namesUnit(readTextIfExists(`${bundle}/config.json`, CONFIG_LIMIT) ?? ""));
}

/** Tells a shim that is still at work on the container that containerd has given it up; it may have no bundle any more. */
export function markDeleted(bundle: string): void {
  native.writeFile(AT_FDCWD, `${bundle}/${DELETED}`, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600, "");
}

/** Whether containerd has given the container up: its `delete` has been called, or its bundle is gone. */
export function isGivenUp(bundle: string): boolean {
  return exists(`${bundle}/${DELETED}`) || !exists(bundle);
}

/** The options of CRIU that hold for a container's checkpoints, and for its restore. */
export type CriuDefaults = Pick<RuncOptions, "criuPath" | "criuImagePath" | "criuWorkPath">;

/** The request of Create from a checkpoint, as options of the operation. Pure. */
export function restoreOptions(request: CreateTaskRequest, { criuPath, criuWorkPath }: CriuDefaults): RestoreOptions {
  const { id, bundle, checkpoint: imagePath } = request;
  return {
    id,
    bundle,
    imagePath,
    // CRIU's log lies in the bundle, as containerd's own shim has it: the images may be read-only.
    workPath: criuWorkPath === "" ? `${bundle}/${CRIU_WORK}` : criuWorkPath,
    ...(criuPath !== "" && { criuPath }),
    noSubreaper: true,
  };
}

/** The request of Checkpoint, as options of the operation. @throws USAGE */
export function checkpointOptions({ id, path, options }: CheckpointTaskRequest, defaults: CriuDefaults): CheckpointOptions {
  const given = readCheckpointOptions(options?.value ?? NO_BYTES);
  const { criuPath, criuImagePath, criuWorkPath } = defaults;
  const imagePath = [path, given.imagePath, criuImagePath].find((each) => each !== "") ?? "";
  const workPath = given.workPath === "" ? criuWorkPath : given.workPath;
  if (imagePath === "") throw new RuntimeError("USAGE", "Checkpoint: path must be given");
  const { cgroupsMode: mode, emptyNamespaces } = given;
  if (mode !== "" && !Object.hasOwn(CRIU_CGROUP_MODES, mode)) {
    throw new RuntimeError("USAGE", `Checkpoint: cgroups_mode ${mode}: known are ${Object.keys(CRIU_CGROUP_MODES).join(", ")}`);
  }
  const strange = emptyNamespaces.find((name) => name !== "network");
  if (strange !== undefined) {
    throw new RuntimeError("USAGE", `Checkpoint: empty_namespaces ${strange}: network alone can be empty`);
  }
  return {
    id,
    imagePath,
    ...(workPath !== "" && { workPath }),
    ...(criuPath !== "" && { criuPath }),
    ...(given.parentPath !== "" && { parentPath: given.parentPath }),
    leaveRunning: !given.exit,
    tcpEstablished: given.openTcp,
    extUnixSk: given.externalUnixSockets,
    shellJob: given.terminal,
    fileLocks: given.fileLocks,
    manageCgroupsMode: (mode === "" ? "default" : mode) as keyof typeof CRIU_CGROUP_MODES,
    emptyNs: emptyNamespaces.length > 0 ? ["network"] : [],
  };
}
