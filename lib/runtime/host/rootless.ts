// SPDX-License-Identifier: Apache-2.0
import { CAP_SYS_ADMIN } from "../../kernel/numbers.ts";
import { RuntimeError } from "../../errors.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { hasNamespace, type Namespaces } from "../../plan/namespaces.ts";
import { readTextIfExists } from "../../sys/files.ts";
import { inUserNamespace } from "../../sys/user_namespace.ts";
import type { RuntimeContext } from "../options.ts";

/**
 * Whether the runtime has to expect that it may not make cgroups. As runc decides it: by `--rootless`, else yes for
 * every user but root, and for root in a user namespace, who cannot know which rights the cgroups above give.
 */
export function mayLackCgroups({ rootless }: Pick<RuntimeContext, "rootless">): boolean {
  return rootless === "auto" ? process.geteuid?.() !== 0 || inUserNamespace() : rootless;
}

/**
 * Refuses namespaces that the kernel would refuse, with a clearer error: without privileges they need a user namespace.
 * @throws CONFIG_INVALID
 */
export function checkUserNamespace(namespaces: Namespaces): void {
  if (process.geteuid?.() === 0 || hasNamespace(namespaces, K.CLONE_NEWUSER)) return;
  const effective = /^CapEff:\s*(\S+)/m.exec(readTextIfExists("/proc/self/status") ?? "")?.[1] ?? "0";
  if (((BigInt(`0x${effective}`) >> BigInt(CAP_SYS_ADMIN)) & 1n) !== 0n) return;
  const text =
    "linux.namespaces: rootless container requires user namespaces: only root may do without (spec --rootless writes a config.json with one)";
  throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/linux/namespaces" });
}

/** Uid of the user whose own systemd `--systemd-cgroup` means; `undefined`: the system's. */
export function unitOwner(context: RuntimeContext): number | undefined {
  return mayLackCgroups(context) ? (process.getuid?.() ?? 0) : undefined;
}
