// SPDX-License-Identifier: Apache-2.0
/** Names of units and slices, from `linux.cgroupsPath`; the rules are runc's. Pure. */
import { RuntimeError } from "../../errors.ts";
import type { CgroupLayout } from "../place/layout.ts";
import { V1_CONTROLLERS } from "../place/path.ts";
import { findHierarchy } from "../place/layout.ts";

/** The unit of a container. */
export interface UnitNames {
  /** Name of the scope, or of the slice where config.json names one. */
  readonly unit: string;
  /** The slice that it is put into. */
  readonly slice: string;
  /** The container's name in the unit's description. */
  readonly name: string;
}

const POINTER = "/linux/cgroupsPath";
const SUFFIX = ".slice";
/** systemd's limit. */
const LONGEST_NAME = 255;

/**
 * Splits `slice:prefix:name`. Without a path the scope is `runc-ID.scope`; without a slice it is in system.slice, or
 * user.slice of a user's own systemd.
 * @throws CONFIG_INVALID
 */
export function unitNames(cgroupsPath: string | undefined, id: string, user: boolean): UnitNames {
  const fallback = user ? "user.slice" : "system.slice";
  const path = cgroupsPath ?? "";
  const [slice = "", prefix = "", name = "", ...more] = path === "" ? ["", "runc", id] : path.split(":");
  if (path !== "" && (path.split(":").length < 3 || more.length > 0)) {
    throw invalid(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${JSON.stringify(path)} instead`,
    );
  }
  const unit = name.endsWith(SUFFIX) ? name : `${prefix}-${name}.scope`;
  if (!isUnitName(unit)) throw invalid(`${JSON.stringify(unit)} cannot be the name of a systemd unit`);
  return { unit, slice: slice === "" ? fallback : slice, name };
}

/**
 * Path of a slice below its manager's cgroup: `test-a-b.slice` lies in `test-a.slice`, which lies in `test.slice`.
 * @returns absolute; "" for the root slice
 * @throws CONFIG_INVALID
 */
export function expandSlice(slice: string): string {
  if (slice === "-.slice") return "";
  const name = slice.slice(0, -SUFFIX.length);
  const parts = name.split("-");
  if (!slice.endsWith(SUFFIX) || parts.includes("") || !isUnitName(slice)) throw invalid(`invalid slice name: ${slice}`);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("-")}${SUFFIX}`).join("");
}

/**
 * Absolute directory of the unit's cgroup by controller, as {@link Cgroup.paths} has them.
 * @param managerCgroup cgroup of the systemd that has the unit, "" of the system's
 * @throws CONFIG_INVALID
 */
export function unitPaths(layout: CgroupLayout, names: UnitNames, managerCgroup: string): Record<string, string> {
  const inner = `${managerCgroup}${expandSlice(names.slice)}/${names.unit}`;
  if (layout.kind === "v2") return { "": `${layout.unified?.mountpoint ?? ""}${inner}` };
  const paths: Record<string, string> = {};
  for (const controller of V1_CONTROLLERS) {
    const mountpoint = controller === "" ? layout.unified?.mountpoint : findHierarchy(layout, controller)?.mountpoint;
    if (mountpoint !== undefined) paths[controller] = `${mountpoint}${inner}`;
  }
  return paths;
}

/** Letters that systemd takes in names; a slash would lead out of the slice. */
function isUnitName(name: string): boolean {
  return name.length <= LONGEST_NAME && /^[A-Za-z0-9:_.\\@-]+$/.test(name);
}

function invalid(why: string): RuntimeError {
  return new RuntimeError("CONFIG_INVALID", `linux.cgroupsPath: ${why}`, { pointer: POINTER });
}
