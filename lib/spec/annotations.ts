// SPDX-License-Identifier: Apache-2.0
/**
 * Annotations that have an effect, with crun's names and semantics unless noted otherwise. Every other annotation is data
 * for other programs.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#annotations
 */

/** `1`: the process keeps the supplementary groups of the runtime's caller. */
export const KEEP_GROUPS = "run.oci.keep_original_groups";
/** The mount option that `linux.mountLabel` is given as; default `context`. */
export const MOUNT_CONTEXT = "run.oci.mount_context_type";
/** Absolute path of the socket of a seccomp agent, if `linux.seccomp.listenerPath` is absent. */
const SECCOMP_RECEIVER = "run.oci.seccomp.receiver";
/** Present: a system call of `linux.seccomp` that libseccomp does not know is an error. */
export const SECCOMP_FAIL_UNKNOWN = "run.oci.seccomp_fail_unknown_syscall";
/** The filter itself, as BPF in base64; then only flags and listener of `linux.seccomp` count. */
export const SECCOMP_BPF = "run.oci.seccomp_bpf_data";
/** A file that the output of hooks is appended to; only for hooks that the runtime runs itself. */
export const HOOKS_STDOUT = "run.oci.hooks.stdout";
/** As {@link HOOKS_STDOUT}, for their standard error. */
export const HOOKS_STDERR = "run.oci.hooks.stderr";

/** Path of the socket that gets a pidfd of the container's first process; a relative path starts at the bundle. */
export const PIDFD_RECEIVER = "run.oci.pidfd_receiver";

/** A cgroup below the container's, for its processes to live in and to manage; cgroup v2 alone. */
export const DELEGATE_CGROUP = "run.oci.delegate-cgroup";

/** With the systemd driver: a cgroup below the scope's, which is the container's own. */
export const SYSTEMD_SUBGROUP = "run.oci.systemd.subgroup";

/** Prefix of annotations that set properties of the systemd unit, as in runc. */
export const SYSTEMD_PROPERTY = "org.systemd.property.";
/** A file with settings for CRIU, as runc has it. */
export const CRIU_CONFIG = "org.criu.config";

/** All of the above. A name that ends in "." stands for all that begin with it. */
export const UNSAFE_ANNOTATIONS: readonly string[] = [
  KEEP_GROUPS,
  MOUNT_CONTEXT,
  SECCOMP_RECEIVER,
  SECCOMP_FAIL_UNKNOWN,
  SECCOMP_BPF,
  HOOKS_STDOUT,
  HOOKS_STDERR,
  PIDFD_RECEIVER,
  DELEGATE_CGROUP,
  SYSTEMD_SUBGROUP,
  SYSTEMD_PROPERTY,
  CRIU_CONFIG,
];

/** Annotations by name. */
export type Annotations = Readonly<Record<string, string | undefined>>;

/**
 * Path of the socket of the seccomp agent, and the JSON Pointer of the property that it comes from; an empty path if there
 * is no agent.
 */
export function seccompReceiver(
  seccomp: { readonly listenerPath?: string | undefined } | undefined,
  annotations: Annotations | undefined,
): { readonly path: string; readonly pointer: string } {
  const path = seccomp?.listenerPath ?? "";
  if (path !== "") return { path, pointer: "/linux/seccomp/listenerPath" };
  const annotated = annotations?.[SECCOMP_RECEIVER] ?? "";
  if (annotated === "") return { path: "", pointer: "/linux/seccomp/listenerPath" };
  return { path: annotated, pointer: `/annotations/${SECCOMP_RECEIVER}` };
}
