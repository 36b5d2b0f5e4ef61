// SPDX-License-Identifier: Apache-2.0
import { CGROUP_SUPPORT } from "../../cgroups/open.ts";
import { memoryPolicyFlags, memoryPolicyModes } from "../../plan/attributes.ts";
import { knownMountOptions } from "../../plan/mount_options.ts";
import { knownNamespaces } from "../../plan/namespaces.ts";
import { libseccompVersion, seccompFeatures, type SeccompFeatures } from "../../seccomp/features.ts";
import { UNSAFE_ANNOTATIONS } from "../../spec/annotations.ts";
import { capabilityNames } from "../../spec/capabilities.ts";

/** A feature that is supported or not. */
interface Enabled {
  readonly enabled: boolean;
}

/**
 * The features of the runtime.
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/features.md
 */
export interface Features {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  readonly mountOptions: readonly string[];
  readonly linux: {
    readonly namespaces: readonly string[];
    readonly capabilities: readonly string[];
    readonly cgroup: Readonly<Record<keyof typeof CGROUP_SUPPORT, boolean>>;
    readonly seccomp: SeccompFeatures;
    readonly apparmor: Enabled;
    readonly selinux: Enabled;
    readonly intelRdt: Enabled & { readonly schemata: boolean; readonly monitoring: boolean };
    readonly memoryPolicy: { readonly modes: readonly string[]; readonly flags: readonly string[] };
    readonly mountExtensions: { readonly idmap: Enabled };
    readonly netDevices: Enabled;
  };
  readonly annotations: Readonly<Record<string, string>>;
  /** Annotations of a config.json that change the runtime's behaviour; a name that ends in "." is a prefix. */
  readonly potentiallyUnsafeConfigAnnotations: readonly string[];
}

/** The order is that of execution. */
const HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/**
 * The features of this runtime. As the specification demands, they do not depend on the host, except
 * `seccomp.supportedFlags`, for which the kernel is asked.
 * @throws INTERNAL where libseccomp cannot be loaded
 */
export function features(): Features {
  const commit = process.env["RUNT_COMMIT"] ?? "";
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    hooks: HOOKS,
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: knownNamespaces(),
      capabilities: capabilityNames(),
      cgroup: CGROUP_SUPPORT,
      seccomp: seccompFeatures(),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: { modes: memoryPolicyModes(), flags: memoryPolicyFlags() },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: {
      "io.github.seccomp.libseccomp.version": libseccompVersion(),
      // Engines look for this name, and crun has it as well.
      "org.opencontainers.runc.checkpoint.enabled": "true",
      ...(commit !== "" && commit !== "unknown" && { "run.oci.runt.commit": commit }),
      "run.oci.runt.version": process.env["RUNT_VERSION"] ?? "unbuilt",
    },
    potentiallyUnsafeConfigAnnotations: [...UNSAFE_ANNOTATIONS],
  };
}
