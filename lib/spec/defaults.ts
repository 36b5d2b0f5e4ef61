// SPDX-License-Identifier: Apache-2.0
import type { Config, Linux, LinuxNamespaceType, Mount, Process, Writable } from "./types.ts";

/** Version of the specification that runt follows, and writes into new files. */
const OCI_VERSION = "1.3.0";

/** Facts that the file of `runt spec` depends on. */
export interface DefaultsOptions {
  /** For a user without privileges: a user namespace with one id, no network namespace, no resources. */
  readonly rootless: boolean;
  /** The host has cgroup v2 alone; the container gets a cgroup namespace. */
  readonly cgroup2: boolean;
  /** Effective ids of the caller, which are 0 in a rootless container. */
  readonly uid: number;
  readonly gid: number;
}

type Filled<Value, Names extends keyof Value> = Value & { [Name in Names]-?: NonNullable<Value[Name]> };

/** A config whose properties from {@link defaultConfig} are present. */
export type DefaultConfig = Filled<Writable<Config>, "root" | "hostname" | "mounts"> & {
  process: Filled<Writable<Process>, "args" | "env" | "capabilities" | "rlimits">;
  linux: Filled<Writable<Linux>, "namespaces" | "maskedPaths" | "readonlyPaths">;
};

/**
 * The config.json that `runt spec` writes. Apart from the hostname and the version, its values are the familiar ones
 * of `runc spec` 1.5.
 */
export function defaultConfig(options: DefaultsOptions): DefaultConfig {
  return {
    ociVersion: OCI_VERSION,
    process: defaultProcess(),
    root: { path: "rootfs", readonly: true },
    hostname: "runt",
    mounts: options.rootless ? defaultMounts().map(rootlessMount) : defaultMounts(),
    linux: defaultLinux(options),
  };
}

/** `config` as a file: indented by tabs and without a newline at the end, as runc writes it. */
export function formatConfig(config: Config): string {
  return JSON.stringify(config, null, "\t");
}

function defaultProcess(): DefaultConfig["process"] {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    terminal: true,
    user: { uid: 0, gid: 0 },
    args: ["sh"],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    cwd: "/",
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  };
}

function defaultMounts(): Writable<Mount>[] {
  const safe = ["nosuid", "noexec", "nodev"];
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...safe, "mode=1777", "size=65536k"] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: safe },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...safe, "ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...safe, "relatime", "ro"] },
  ];
}

/** sysfs belongs to a network namespace that is not the container's, and ids other than 0 are not mapped. */
function rootlessMount(mount: Writable<Mount>): Writable<Mount> {
  if (mount.destination === "/sys") {
    const options = ["rbind", "nosuid", "noexec", "nodev", "ro"];
    return { destination: "/sys", type: "none", source: "/sys", options };
  }
  if (mount.options === undefined) return mount;
  const options = mount.options.filter((option) => !option.startsWith("uid=") && !option.startsWith("gid="));
  return { ...mount, options };
}

function defaultLinux({ rootless, cgroup2, uid, gid }: DefaultsOptions): DefaultConfig["linux"] {
  const kinds: LinuxNamespaceType[] = ["pid"];
  if (!rootless) kinds.push("network");
  kinds.push("ipc", "uts", "mount");
  if (cgroup2) kinds.push("cgroup");
  if (rootless) kinds.push("user");
  const own = rootless
    ? {
        uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
        gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      }
    : { resources: { devices: [{ allow: false, access: "rwm" }] } };
  return {
    ...own,
    namespaces: kinds.map((type) => ({ type })),
    maskedPaths: [
      "/proc/acpi",
      "/proc/asound",
      "/proc/kcore",
      "/proc/keys",
      "/proc/latency_stats",
      "/proc/timer_list",
      "/proc/timer_stats",
      "/proc/sched_debug",
      "/sys/firmware",
      "/proc/scsi",
    ],
    readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
  };
}
