// SPDX-License-Identifier: Apache-2.0
/** Turns the options of a container without a bundle into a config.json. Pure. */
import { resolve } from "node:path";
import { RuntimeError } from "../../errors.ts";
import { defaultConfig } from "../../spec/defaults.ts";
import type { Config, Linux, LinuxNamespaceType, LinuxResources, Mount, POSIXRlimit, Process } from "../../spec/types.ts";
import { Rootfs } from "../image/rootfs.ts";
import type { TerminalChoice } from "../stdio.ts";
import type { GivenConfig } from "../work/launching.ts";
import { environmentOf, mergedEnvironment } from "./environment.ts";
import type { BindMount, BoxOptions, Limits, Overlay, User } from "./options.ts";
import { bytesOf } from "./size.ts";

/** Facts about the host that options cannot give. */
export interface BoxFacts {
  readonly id: string;
  /** The state directory. */
  readonly root: string;
  readonly cgroup2: boolean;
  /** The effective ids of a user without privileges, who is root in the container. */
  readonly rootless?: { readonly uid: number; readonly gid: number } | undefined;
  readonly terminal: TerminalChoice;
}

/** A config, and the facts that the thread needs to use it. */
export interface Box extends GivenConfig {
  /** Stands for a bundle in the state. */
  readonly bundle: string;
}

/** Of the container's own network namespace; without privileges the default is the host's. */
const SYSFS: Mount = {
  destination: "/sys",
  type: "sysfs",
  source: "sysfs",
  options: ["nosuid", "noexec", "nodev", "ro"],
};
const TMP_SIZE = 64 << 20;
const OVERLAY_SIZE = 256 << 20;
const FILES = 1024;
const CPU_PERIOD = 100_000;
/** The name of a host has so many characters at most. */
const HOSTNAME_LENGTH = 64;
const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Masked in addition to the paths of every container: files that tell of the host and its hardware. */
const MASKED = [
  "/proc/interrupts",
  "/sys/devices/virtual/powercap",
  "/sys/devices/system/cpu/vulnerabilities",
  "/sys/kernel/debug",
  "/sys/kernel/tracing",
];

/** @throws USAGE */
export function boxConfig(options: BoxOptions, facts: BoxFacts): Box {
  const image = options.rootfs instanceof Rootfs ? options.rootfs : undefined;
  const layers = image === undefined ? [resolve(options.rootfs as string)] : image.layers;
  const [top = "/"] = layers;
  const { overlay = image !== undefined } = options;
  const isOverlaid = overlay !== false || layers.length > 1;
  const readonly = options.readonly ?? overlay === false;
  const { rootless, cgroup2 } = facts;
  const base = defaultConfig({ rootless: rootless !== undefined, cgroup2, uid: rootless?.uid ?? 0, gid: rootless?.gid ?? 0 });
  const skeleton = `${facts.root}/@overlay`;
  const user = options.user ?? image?.user;
  const names = typeof user === "string" || typeof user === "number" ? String(user) : undefined;
  const config: Config = {
    ociVersion: base.ociVersion,
    process: processOf(options, image, facts.terminal, user),
    root: { path: isOverlaid ? skeleton : top, readonly },
    hostname: options.hostname ?? facts.id.slice(0, HOSTNAME_LENGTH),
    mounts: [
      ...(isOverlaid ? overlayMounts(layers, typeof overlay === "object" ? overlay : {}, skeleton, rootless !== undefined) : []),
      ...base.mounts.map((mount) => (mount.destination === "/sys" && options.network !== "host" ? SYSFS : mount)),
      {
        destination: "/tmp",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "nodev", "mode=1777", `size=${bytesOf(options.limits?.tmp ?? TMP_SIZE, "limits.tmp")}`],
      },
      ...(image?.volumes ?? []).map(volume),
      ...(options.mounts ?? []).map(mountOf),
    ],
    annotations: { ...image?.annotations, ...options.annotations },
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    linux: linuxOf(options, base.linux ?? {}, facts),
  };
  return {
    config,
    bundle: top,
    ...(names === undefined ? {} : { user: names, roots: layers }),
    ...(options.seccomp === undefined || options.seccomp === "default" ? { defaultSeccomp: true } : {}),
    ...(isOverlaid ? { skeleton } : {}),
    ...(typeof overlay === "object" && overlay.directory !== undefined ? { layer: resolve(overlay.directory) } : {}),
  };
}

function processOf(options: BoxOptions, image: Rootfs | undefined, terminal: TerminalChoice, user: User | undefined): Process {
  const args = options.args ?? image?.args ?? [];
  if (args.length === 0)
    throw new RuntimeError("USAGE", 'args: the program and its arguments are needed, such as args: ["sh", "-c", "id"]');
  const { capabilities = [] } = options;
  const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
  const env = mergedEnvironment(
    [PATH, ...(terminal === false ? [] : ["TERM=xterm"])],
    image?.env ?? [],
    environmentOf(options.env ?? []),
  );
  return {
    terminal: terminal !== false,
    // The size is set from the beginning: a program may ask for it at once.
    ...(typeof terminal === "object" ? { consoleSize: { height: terminal.rows, width: terminal.columns } } : {}),
    args,
    env,
    cwd: options.cwd ?? image?.cwd ?? "/",
    user: typeof user === "object" ? user : { uid: 0, gid: 0 },
    capabilities: sets,
    noNewPrivileges: options.noNewPrivileges ?? true,
    rlimits: rlimitsOf(options),
  };
}

function rlimitsOf({ limits = {}, rlimits = [] }: BoxOptions): POSIXRlimit[] {
  const { files = FILES } = limits;
  const own = rlimits.some(({ type }) => type === "RLIMIT_NOFILE") ? [] : [{ type: "RLIMIT_NOFILE", hard: files, soft: files }];
  // A core of a hostile program would go where the host's core_pattern says.
  const core = rlimits.some(({ type }) => type === "RLIMIT_CORE") ? [] : [{ type: "RLIMIT_CORE", hard: 0, soft: 0 }];
  return [...own, ...core, ...rlimits];
}

function linuxOf(options: BoxOptions, base: Linux, { cgroup2, rootless }: BoxFacts): Linux {
  const { network = "none", seccomp } = options;
  const kinds: LinuxNamespaceType[] = ["pid", "ipc", "uts", "mount", ...(cgroup2 ? (["cgroup"] as const) : [])];
  if (network === "none") kinds.push("network");
  if (rootless !== undefined) kinds.push("user");
  const { uidMappings, gidMappings } = base;
  return {
    namespaces: kinds.map((type) => ({ type })),
    ...(uidMappings === undefined || gidMappings === undefined ? {} : { uidMappings, gidMappings }),
    resources: resourcesOf(options.limits ?? {}, rootless !== undefined),
    maskedPaths: [...(base.maskedPaths ?? []), ...MASKED],
    readonlyPaths: base.readonlyPaths ?? [],
    ...(typeof seccomp === "string" ? {} : { seccomp }),
  };
}

function resourcesOf({ memory, memoryAndSwap, cpus, pids, resources = {} }: Limits, rootless: boolean): LinuxResources {
  const limit = memory === undefined ? undefined : bytesOf(memory, "limits.memory");
  const swap = memoryAndSwap === undefined ? limit : bytesOf(memoryAndSwap, "limits.memoryAndSwap");
  if (limit !== undefined && swap !== undefined && swap < limit) {
    throw new RuntimeError("USAGE", "limits.memoryAndSwap: it is less than limits.memory, which is a part of it");
  }
  const amounts = { ...(limit === undefined ? {} : { limit }), ...(swap === undefined ? {} : { swap }) };
  return {
    // A user without privileges may set no rules, and can open no devices that he could not outside.
    ...(rootless ? {} : { devices: [{ allow: false, access: "rwm" }] }),
    ...resources,
    ...(limit === undefined && swap === undefined ? {} : { memory: { ...resources.memory, ...amounts } }),
    ...(cpus === undefined
      ? {}
      : { cpu: { ...resources.cpu, period: CPU_PERIOD, quota: Math.max(1000, Math.round(cpus * CPU_PERIOD)) } }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
}

/**
 * The layers as the root: the first mount is a tmpfs, over which the places of the writable layer are copied, the second one
 * covers
 * the root. Both are the container's mount namespace's alone.
 */
function overlayMounts(
  layers: readonly string[],
  { size = OVERLAY_SIZE, directory }: Overlay,
  skeleton: string,
  rootless: boolean,
): Mount[] {
  const at = directory === undefined ? `${skeleton}/layer` : resolve(directory);
  const layer: Mount = {
    destination: "/layer",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", "mode=700", `size=${bytesOf(size, "overlay.size")}`, "tmpcopyup"],
  };
  const options = [
    `lowerdir=${layers.map(escaped).join(":")}`,
    `upperdir=${escaped(`${at}/upper`)}`,
    `workdir=${escaped(`${at}/work`)}`,
    // Attributes of the namespace "trusted" are root's.
    ...(rootless ? ["userxattr"] : []),
  ];
  return [...(directory === undefined ? [layer] : []), { destination: "/", type: "overlay", source: "overlay", options }];
}

/** In the options of overlayfs a colon parts directories. */
function escaped(path: string): string {
  if (path.includes(",")) throw new RuntimeError("USAGE", `rootfs: ${path}: the path of a layer must not have a comma`);
  return path.replaceAll("\\", "\\\\").replaceAll(":", "\\:");
}

/** A mount for a directory that the image's programs write to, with the image's files in it. */
function volume(destination: string): Mount {
  return {
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", "mode=755", `size=${TMP_SIZE}`, "tmpcopyup"],
  };
}

function mountOf(mount: BindMount | Mount): Mount {
  if (!("readonly" in mount) && ("type" in mount || "options" in mount)) return mount;
  const { source, destination, readonly = true } = mount as BindMount;
  return {
    destination,
    type: "bind",
    source: resolve(source),
    options: ["rbind", "nosuid", "nodev", readonly ? "ro" : "rw", "rprivate"],
  };
}
