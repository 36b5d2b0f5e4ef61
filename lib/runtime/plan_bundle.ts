import { containerPaths } from "../cgroups/path.ts";
import { cgroupLayout } from "../cgroups/layout.ts";
import { buildPlan } from "../plan/build.ts";
import type { Step } from "../plan/ops.ts";
import { cgroupPieces } from "./cgroup_mounts.ts";
import { loadConfig } from "./bundle.ts";
import type { RuntimeContext } from "./options.ts";

/**
 * The steps that `create` would take, in order, without taking any. Needs no privileges, and no root file
 * system: nothing of the bundle but config.json is looked at.
 *
 * @throws CONFIG_INVALID
 */
export function planBundle(_context: RuntimeContext, options: { readonly bundle: string }): readonly Step[] {
  const { config } = loadConfig(options.bundle);
  const id = "CONTAINER_ID";
  const layout = cgroupLayout();
  const paths = containerPaths(layout, config.linux?.cgroupsPath, id, false);
  const root = config.root?.path ?? "";
  const plan = buildPlan(config, {
    id,
    bundle: options.bundle,
    rootfs: root.startsWith("/") ? root : `${options.bundle}/${root}`,
    privileged: true,
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    extraEnv: [],
    waitForStart: true,
    kcore: true,
    cgroupMounts: cgroupPieces(config, layout, paths),
  });
  return plan.steps;
}
