// SPDX-License-Identifier: Apache-2.0
/**
 * Mount points of a container that CRIU restores: CRIU mounts, but it makes no directory or file to mount on. The mount points
 * that `create` made may have been removed, or were never in this copy of the root file system.
 */
import { InitProcess } from "../../init/process.ts";
import { markHeldMounts } from "../../plan/held_mounts.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { isBind, mountFields } from "../../plan/mounts.ts";
import { hasNamespace, readNamespaces } from "../../plan/namespaces.ts";
import { Message, type Step } from "../../plan/steps.ts";
import { RuntimeError } from "../../errors.ts";
import type { Bundle } from "../bundle.ts";

/**
 * Makes the mount points that are missing, as `create` does it: init mounts in a mount namespace of its own, which ends
 * with init. init makes bind mounts, procfs and sysfs as such (it verifies the place of procfs); for every other mount an empty
 * tmpfs is enough, because CRIU restores its content.
 *
 * @throws STEP_FAILED with the entry of `mounts`
 */
export async function makeMountPoints({ config, path, rootfs }: Bundle): Promise<void> {
  const mounts = config.mounts ?? [];
  if (mounts.length === 0 || !hasNamespace(readNamespaces(config), K.CLONE_NEWNS)) return;
  const steps: Step[] = [
    { op: "parentPropagation", origin: "/linux/rootfsPropagation", fields: { flags: K.MS_SLAVE | K.MS_REC } },
    { op: "rootfs", origin: "/root/path", fields: { path: rootfs, bind: 1 } },
  ];
  for (const [index, mount] of mounts.entries()) {
    const { destination, source = "" } = mount;
    const type = mount.type === "proc" || mount.type === "sysfs" ? mount.type : "tmpfs";
    const only = isBind(mount) ? { destination, source, options: ["rbind"] } : { destination, type, source: type };
    steps.push({ op: "mount", origin: `/mounts/${index}`, fields: mountFields(only, path, false, rootfs) });
  }
  steps.push({ op: "ready", origin: "", fields: {} });
  markHeldMounts(steps);
  const clone = { flags: K.CLONE_NEWNS, staged: false };
  const init = InitProcess.start({ clone, stdio: [0, 1, 2], preserveFds: 0 });
  try {
    init.sendPlan({ steps, slots: [] }, []);
    await init.first();
    const said = await init.receive();
    if (said === "end" || said.kind !== Message.READY) {
      throw new RuntimeError("INIT_DIED", "init ended before it had made the mount points");
    }
  } finally {
    init.kill();
  }
}
