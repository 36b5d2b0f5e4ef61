// SPDX-License-Identifier: Apache-2.0
/**
 * The options `idmap` and `ridmap` of a mount, alone or with mappings as crun and podman have them:
 * `idmap=uids=0-1000-10#10-2000-5;gids=0-1000-10`. A triple is the first id in the file system, the first one that it is
 * shown as, and how many. With `@` in front the second is an id of the container, which its user namespace maps once more.
 */
import type { WithoutWrongValues } from "../schema/without_wrong_values.ts";
import type { LinuxIDMapping, Linux } from "../types.ts";

/** The mappings of an option. */
export interface OptionMaps {
  readonly uidMappings: readonly LinuxIDMapping[];
  readonly gidMappings: readonly LinuxIDMapping[];
}

/** Whether a mount's option asks for mapped ids, with mappings or without. */
export function isIdMapOption(option: string): boolean {
  const rest = option.startsWith("idmap") ? option.slice(5) : option.startsWith("ridmap") ? option.slice(6) : undefined;
  return rest !== undefined && (rest === "" || rest.startsWith("="));
}

/**
 * The mappings in such an option; `undefined` if it has none, so that those of the mount or the container hold.
 * @returns the problem in words
 */
export function parseIdMapOption(option: string, linux: WithoutWrongValues<Linux> | undefined): OptionMaps | string | undefined {
  const start = option.indexOf("=");
  if (start < 0) return undefined;
  const found: Partial<Record<string, readonly LinuxIDMapping[]>> = {};
  for (const part of option.slice(start + 1).split(";")) {
    const [, kind = "", list = ""] = /^(uids|gids)=(.*)$/.exec(part) ?? [];
    if (kind === "") return `found ${JSON.stringify(part)}, must be uids=TRIPLES or gids=TRIPLES`;
    const maps = parseTriples(list, kind === "uids" ? linux?.uidMappings : linux?.gidMappings);
    if (typeof maps === "string") return maps;
    found[kind] = maps;
  }
  const { uids, gids } = found;
  if (uids === undefined || gids === undefined) {
    return `${uids === undefined ? "uids" : "gids"} is missing: uids and gids go together`;
  }
  return { uidMappings: uids, gidMappings: gids };
}

type Containers = WithoutWrongValues<Linux>["uidMappings"];

function parseTriples(list: string, containers: Containers): readonly LinuxIDMapping[] | string {
  const maps: LinuxIDMapping[] = [];
  for (const triple of list.split("#")) {
    const match = /^(@?)(\d{1,10})-(\d{1,10})-(\d{1,10})$/.exec(triple);
    if (match === null) return `found ${JSON.stringify(triple)}, must be FROM-TO-SIZE`;
    const [containerID, to, size] = [Number(match[2]), Number(match[3]), Number(match[4])];
    const hostID = match[1] === "" ? to : outside(to, size, containers);
    if (hostID === undefined) return `${triple}: linux.uidMappings or linux.gidMappings do not map these ids`;
    if (size === 0 || containerID + size > 2 ** 32 || hostID + size > 2 ** 32) return `${triple}: ids must be below 2^32`;
    maps.push({ containerID, hostID, size });
  }
  return maps;
}

/** The id outside of the container for an id inside, if one mapping has all of `size` ids. */
function outside(id: number, size: number, containers: Containers): number | undefined {
  for (const map of containers ?? []) {
    const { containerID = 0, hostID = 0, size: whole = 0 } = map ?? {};
    if (id >= containerID && id + size <= containerID + whole) return id - containerID + hostID;
  }
  return undefined;
}
