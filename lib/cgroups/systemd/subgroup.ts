// SPDX-License-Identifier: Apache-2.0
/**
 * crun's annotation `run.oci.systemd.subgroup`: a cgroup below that of the scope, which is the container's. systemd does not
 * touch it, and a limit of the scope that a user changes with systemctl applies to the container all the same.
 */
import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { SYSTEMD_SUBGROUP } from "../../spec/annotations.ts";
import type { Config } from "../../spec/types.ts";
import { AT_FDCWD, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { makeCgroup } from "../files/tree.ts";
import { cgroupOwner } from "../place/owner.ts";
import { delegate, enableControllers } from "../v2/tree.ts";

const POINTER = `/annotations/${SYSTEMD_SUBGROUP}`;

type Paths = Readonly<Record<string, string>>;

/** The path below the unit's directory: "" for none, else with a slash in front. @throws CONFIG_INVALID */
export function subgroupOf({ annotations }: Config): string {
  const names = (annotations?.[SYSTEMD_SUBGROUP] ?? "").split("/").filter((name) => name !== "" && name !== ".");
  if (!names.includes("..")) return names.map((name) => `/${name}`).join("");
  const text = `annotations: ${SYSTEMD_SUBGROUP}: invalid ".." in ${JSON.stringify(annotations?.[SYSTEMD_SUBGROUP])}`;
  throw new RuntimeError("CONFIG_INVALID", text, { pointer: POINTER });
}

/** The unit's directories with `subgroup` after each. */
export function withSubgroup(paths: Paths, subgroup: string): Record<string, string> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, `${path}${subgroup}`]));
}

/**
 * Cgroup v2: makes the directory and moves the container's first process there. systemd has put it into the scope's, which
 * can only then pass controllers on.
 *
 * @throws CGROUP
 */
export function enterSubgroup(top: string, directory: string, pid: number, config: Config): void {
  const fail = (what: string, errno: number): void => {
    if (errno === 0) return;
    const text = `annotations: ${SYSTEMD_SUBGROUP}: ${what}: ${errnoText(errno)}`;
    throw new RuntimeError("CGROUP", text, { pointer: POINTER, path: directory, errno });
  };
  const made = makeCgroup(directory, []);
  fail(`mkdir ${directory}`, made === Errno.EEXIST ? 0 : made);
  const procs = `${directory}/cgroup.procs`;
  fail(`write ${procs}`, Math.max(0, -native.writeFile(AT_FDCWD, procs, O_WRONLY, 0, String(pid))));
  enableControllers(top, directory);
  const owner = cgroupOwner(config);
  if (owner !== undefined) delegate(directory, owner);
}
