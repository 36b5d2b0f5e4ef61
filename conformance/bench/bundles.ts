// SPDX-License-Identifier: Apache-2.0
/** The bundles that are measured; all have the same root file system. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config, Seccomp } from "../harness/config.ts";

/** The profile that Debian's containers-common installs: the one of Docker and podman, with conditions. */
const PROFILE = "/usr/share/containers/seccomp.json";
const BINDS = 100;

const CAPABILITIES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FSETID",
  "FOWNER",
  "MKNOD",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SETFCAP",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "KILL",
  "AUDIT_WRITE",
].map((name) => `CAP_${name}`);

const MASKED = [
  ...["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"],
  ...["/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/proc/interrupts", "/sys/firmware"],
  "/sys/devices/virtual/powercap",
];
const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export const BUNDLES = {
  spec: "what `runc spec` writes",
  docker: "Docker's defaults: 14 capabilities, 10 mounts, 17 masked and read-only paths, its seccomp profile",
  pod: "a container of a Kubernetes pod: namespaces of the sandbox, 40 mounts, Docker's masks and profile",
  binds: `\`runc spec\`'s with ${BINDS} bind mounts`,
} as const;
export type BundleName = keyof typeof BUNDLES;

interface ProfileRule {
  readonly names: string[];
  readonly action: string;
  readonly args?: NonNullable<Seccomp["syscalls"]>[number]["args"] | null;
  readonly errnoRet?: number;
  readonly includes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  readonly excludes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
}

/** The profile as an engine would put it into config.json for {@link CAPABILITIES} on this machine. */
function seccomp(): Seccomp {
  if (!existsSync(PROFILE)) throw new Error(`${PROFILE} is missing: install golang-github-containers-common`);
  const profile = JSON.parse(readFileSync(PROFILE, "utf8")) as {
    readonly defaultAction: string;
    readonly defaultErrnoRet?: number;
    readonly syscalls: readonly ProfileRule[];
  };
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  const has = (caps: readonly string[] = []): boolean => caps.some((each) => CAPABILITIES.includes(each));
  const applies = ({ includes = {}, excludes = {} }: ProfileRule): boolean =>
    (includes.caps === undefined || has(includes.caps)) &&
    !has(excludes.caps) &&
    (includes.arches === undefined || includes.arches.includes(arch)) &&
    excludes.arches?.includes(arch) !== true;
  return {
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet ?? 1,
    architectures:
      arch === "arm64" ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: profile.syscalls.filter(applies).map(({ names, action, args, errnoRet }) => ({
      names,
      action,
      ...(args === null || args === undefined || args.length === 0 ? {} : { args }),
      ...(errnoRet === undefined || action !== "SCMP_ACT_ERRNO" ? {} : { errnoRet }),
    })),
  };
}

function likeDocker(config: Config, files: string): void {
  config.process.capabilities = { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES };
  config.root.readonly = false;
  config.linux.maskedPaths = MASKED;
  config.linux.readonlyPaths = READONLY;
  config.linux.seccomp = seccomp();
  config.mounts.push({
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["ro", "nosuid", "noexec", "nodev"],
  });
  config.mounts = config.mounts.filter(
    (mount, at, all) => all.findLastIndex((each) => each.destination === mount.destination) === at,
  );
  for (const name of ["resolv.conf", "hostname", "hosts"]) {
    writeFileSync(join(files, name), "");
    config.mounts.push({ destination: `/etc/${name}`, type: "bind", source: join(files, name), options: ["rbind", "rprivate"] });
  }
}

function binds(config: Config, files: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    const source = join(files, `volume-${index}`);
    mkdirSync(source, { recursive: true });
    config.mounts.push({
      destination: `/mnt/${index}`,
      type: "bind",
      source,
      options: ["rbind", "rprivate", index % 2 === 0 ? "ro" : "rw", "nosuid", "nodev"],
    });
  }
}

/**
 * Turns the config of `runc spec` into that of a bundle.
 *
 * @param files directory for the sources of mounts
 * @param sandbox pid of the process whose namespaces a pod's container joins
 */
export function shape(name: BundleName, config: Config, files: string, sandbox: number): void {
  mkdirSync(files, { recursive: true });
  if (name === "docker" || name === "pod") likeDocker(config, files);
  if (name === "binds") binds(config, files, BINDS);
  if (name !== "pod") return;
  binds(config, files, 40 - config.mounts.length);
  for (const namespace of config.linux.namespaces) {
    const kind = { network: "net", ipc: "ipc", uts: "uts" }[namespace.type];
    if (kind !== undefined) namespace.path = `/proc/${sandbox}/ns/${kind}`;
  }
  delete config.hostname;
}
