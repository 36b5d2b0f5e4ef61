// SPDX-License-Identifier: Apache-2.0
/**
 * crun's annotation `run.oci.delegate-cgroup`: a cgroup below the container's, without limits, in which its processes live and
 * which is the container's to manage. The limits stay on the container's own. Cgroup v2 alone: on v1 that is not safe.
 */
import { RuntimeError } from "../../errors.ts";
import { DELEGATE_CGROUP } from "../../spec/annotations.ts";
import type { Config } from "../../spec/types.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { CgroupLayout } from "../place/layout.ts";
import { makeCgroup } from "../files/tree.ts";
import { delegate, enableControllers } from "./tree.ts";

const POINTER = `/annotations/${DELEGATE_CGROUP}`;

/**
 * The path that is asked for, below the container's cgroup; `undefined` for none.
 * @throws CONFIG_INVALID, HOST_UNABLE
 */
export function delegatedPath({ annotations }: Config, layout: CgroupLayout): string | undefined {
  const path = annotations?.[DELEGATE_CGROUP] ?? "";
  if (path === "") return undefined;
  if (path.split("/").includes("..")) {
    throw new RuntimeError("CONFIG_INVALID", `annotations: ${DELEGATE_CGROUP}: invalid ".." in ${JSON.stringify(path)}`, {
      pointer: POINTER,
    });
  }
  if (layout.kind === "v2")
    return path
      .split("/")
      .filter((name) => name !== "" && name !== ".")
      .join("/");
  throw new RuntimeError("HOST_UNABLE", `annotations: ${DELEGATE_CGROUP}: not supported on cgroup v1`, { pointer: POINTER });
}

/**
 * Makes it and moves a process there, the only one of the container. A cgroup namespace that was made before stays at the
 * container's own cgroup.
 *
 * @param directory of the container's cgroup
 * @throws CGROUP
 */
export function moveToDelegated(layout: CgroupLayout, directory: string, path: string, pid: number, config: Config): void {
  const target = `${directory}/${path}`;
  const fail = (what: string, errno: number): void => {
    if (errno === 0) return;
    const text = `annotations: ${DELEGATE_CGROUP}: ${what}: ${errnoText(errno)}`;
    throw new RuntimeError("CGROUP", text, { pointer: POINTER, path: target, errno });
  };
  const made = makeCgroup(target, []);
  fail(`mkdir ${target}`, made === Errno.EEXIST ? 0 : made);
  const procs = `${target}/cgroup.procs`;
  fail(`write ${procs}`, Math.max(0, -native.writeFile(AT_FDCWD, procs, O_WRONLY, 0, String(pid))));
  enableControllers(layout.unified?.mountpoint ?? directory, target);
  const owner = rootOf(config);
  if (owner !== 0) delegate(target, owner);
}

/** The host's user that is root of the container. */
function rootOf({ linux }: Config): number {
  const makesUsers = (linux?.namespaces ?? []).some(({ type, path }) => type === "user" && (path ?? "") === "");
  const map = makesUsers ? linux?.uidMappings?.find(({ containerID, size }) => containerID === 0 && size > 0) : undefined;
  return map?.hostID ?? 0;
}
