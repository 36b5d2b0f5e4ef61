import { RuntimeError } from "../errors.ts";
import type { Process } from "../spec/types.ts";
import { readTextIfExists } from "../sys/files.ts";
import { inUserNamespace } from "../sys/user_namespace.ts";
import type { RuntimeContext } from "./options.ts";

/**
 * Whether the runtime has to expect that it may not make cgroups. As runc decides it: what `--rootless` says, else yes for
 * every user but root, and for root in a user namespace, who cannot know what the cgroups above let him do.
 */
export function mayLackCgroups({ rootless }: Pick<RuntimeContext, "rootless">): boolean {
  return rootless === "auto" ? process.geteuid?.() !== 0 || inUserNamespace() : rootless;
}

/**
 * Whether a container's process keeps the groups that it has, because setgroups(2) is denied in its user namespace.
 * Groups that it should have are left out with a warning then, where runc says nothing.
 *
 * @param pid a process of that namespace, or `self` where the namespace is made from the runtime's, whose setting it inherits
 * @throws HOST_UNABLE as runc, for a user who asks for groups
 */
export function keepsGroups({ log }: Pick<RuntimeContext, "log">, wanted: Process | undefined, pid: number | "self"): boolean {
  const groups = wanted?.user.additionalGids ?? [];
  if (pid === "self" && process.geteuid?.() !== 0) {
    if (groups.length === 0) return true;
    const pointer = "/process/user/additionalGids";
    throw new RuntimeError("HOST_UNABLE", "process.user.additionalGids: cannot set any additional groups in a rootless container", { pointer });
  }
  if (readTextIfExists(`/proc/${pid}/setgroups`)?.trim() !== "deny") return false;
  if (groups.length > 0) log.warn("process.user.additionalGids: left out: setgroups(2) is denied in this user namespace");
  return true;
}
