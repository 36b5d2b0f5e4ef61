// SPDX-License-Identifier: Apache-2.0
/** A profile of docker's as docker makes it for one container: the conditions on its blocks are decided. */
import { architecturesOf, type DockerBlock, type DockerConditions, type ProfileFile } from "../spec/documents/seccomp_file.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../spec/types.ts";
import { native } from "../sys/native.ts";
import { ownArchitecture } from "./policies.ts";

/** The capabilities of a container without `--cap-add`. */
const DEFAULT_CAPABILITIES = [
  "CAP_AUDIT_WRITE",
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_MKNOD",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];
/** Go's names. */
const ARCHES: Readonly<Record<string, readonly string[]>> = {
  SCMP_ARCH_X86_64: ["amd64", "x32", "x86"],
  SCMP_ARCH_AARCH64: ["arm", "arm64"],
};

/** The profile of a container with docker's default capabilities and `added`, on this machine. */
export function decided(file: ProfileFile, added: readonly string[] = []): LinuxSeccomp {
  const { profile } = file;
  const facts = {
    caps: new Set([...DEFAULT_CAPABILITIES, ...added]),
    arches: ARCHES[ownArchitecture()] ?? [],
    kernel: native.kernelRelease(),
  };
  const blocks = (profile.syscalls ?? []) as readonly DockerBlock[];
  // A block that does not count names nothing: the others keep their places.
  const syscalls = blocks.map((block) => {
    const counts = isIncluded(block.includes, facts) && !isExcluded(block.excludes, facts);
    return counts ? plain(block) : { names: [], action: block.action };
  });
  return { ...profile, architectures: architecturesOf(file, ownArchitecture()), syscalls };
}

interface Facts {
  readonly caps: ReadonlySet<string>;
  readonly arches: readonly string[];
  readonly kernel: string;
}

function isIncluded({ caps, arches, minKernel = "" }: DockerConditions = {}, facts: Facts): boolean {
  return (
    (caps ?? []).every((cap) => facts.caps.has(cap)) &&
    ((arches ?? []).length === 0 || (arches ?? []).some((arch) => facts.arches.includes(arch))) &&
    (minKernel === "" || isAtLeast(facts.kernel, minKernel))
  );
}

function isExcluded({ caps, arches, minKernel = "" }: DockerConditions = {}, facts: Facts): boolean {
  return (
    (caps ?? []).some((cap) => facts.caps.has(cap)) ||
    (arches ?? []).some((arch) => facts.arches.includes(arch)) ||
    (minKernel !== "" && isAtLeast(facts.kernel, minKernel))
  );
}

function isAtLeast(kernel: string, least: string): boolean {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  const [wanted = 0, second = 0] = least.split(".").map((part) => Number.parseInt(part, 10));
  return major > wanted || (major === wanted && minor >= second);
}

function plain({ names, action, errnoRet, args }: DockerBlock): LinuxSyscall {
  return { names, action, ...(errnoRet !== undefined && { errnoRet }), ...(args !== undefined && args !== null && { args }) };
}
