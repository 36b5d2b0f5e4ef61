// SPDX-License-Identifier: Apache-2.0
/**
 * The runtime's own steps for a container, outside of init's plan, as text for the user: namespaces that a
 * clone makes, cgroups and their limits, hooks of the runtime. For `runt plan` only; pure.
 */
import type { Config, Hooks } from "../spec/types.ts";
import { initClone, readNamespaces } from "./namespaces.ts";
import type { Step } from "./steps.ts";

/** A step of init, or of the runtime. */
export interface PlanLine {
  readonly op: string;
  /** JSON Pointer into config.json; "" where the step comes from the runtime itself. */
  readonly origin: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A value that the runtime writes to a file of a cgroup. */
export interface CgroupValue {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** JSON Pointer of its property. */
  readonly pointer: string;
}

/** A unit of systemd that the runtime starts, with its properties. */
export interface PlanUnit {
  readonly name: string;
  readonly slice: string;
  readonly properties: readonly { readonly name: string; readonly value: string; readonly origin: string }[];
}

/**
 * All steps of a container's life up to its program, and the hooks after it, in order.
 *
 * @param cgroup directories by controller, the unit that systemd makes of them, and the values written there
 */
export function wholePlan(
  config: Config,
  steps: readonly Step[],
  cgroup: {
    readonly paths: Readonly<Record<string, string>>;
    readonly unit?: PlanUnit;
    readonly values: readonly CgroupValue[];
  },
): PlanLine[] {
  const lines: PlanLine[] = [];
  const clone = initClone(readNamespaces(config));
  if (!clone.staged) {
    lines.push({ op: "clone", origin: "/linux/namespaces", fields: { flags: clone.flags } });
  }
  for (const step of steps) {
    if (step.op === "cgroup") {
      for (const [controller, path] of Object.entries(cgroup.paths)) {
        lines.push({ op: "makeCgroup", origin: "/linux/cgroupsPath", fields: { controller, path } });
      }
      if (cgroup.unit !== undefined) {
        const { name: unit, slice, properties } = cgroup.unit;
        lines.push({ op: "startUnit", origin: "/linux/cgroupsPath", fields: { unit, slice } });
        for (const { origin, ...fields } of properties) lines.push({ op: "unitProperty", origin, fields });
      }
      for (const { pointer, ...fields } of cgroup.values) {
        lines.push({ op: "limit", origin: pointer, fields });
      }
    }
    if (step.op === "runtimeHooks") {
      lines.push(...hookLines(config, "prestart"), ...hookLines(config, "createRuntime"));
      continue;
    }
    lines.push(step);
  }
  lines.push(...hookLines(config, "poststart"), ...hookLines(config, "poststop"));
  return lines;
}

function hookLines(config: Config, kind: keyof Hooks): PlanLine[] {
  return (config.hooks?.[kind] ?? []).map(({ path, args, env, timeout }, index) => ({
    op: "runtimeHook",
    origin: `/hooks/${kind}/${index}`,
    fields: { path, args: args ?? [path], env: env ?? [], timeoutMs: (timeout ?? 0) * 1000 },
  }));
}
