import { inUserNamespace } from "../sys/user_namespace.ts";
import type { RuntimeContext } from "./options.ts";

/**
 * Whether the runtime has to expect that it may not make cgroups. As runc decides it: what `--rootless` says, else yes for
 * every user but root, and for root in a user namespace, who cannot know what the cgroups above let him do.
 */
export function mayLackCgroups({ rootless }: Pick<RuntimeContext, "rootless">): boolean {
  return rootless === "auto" ? process.geteuid?.() !== 0 || inUserNamespace() : rootless;
}
