// SPDX-License-Identifier: Apache-2.0
/** `linux.resources.unified`: files of cgroup v2 by name. Pure. */

import { pointerStep } from "../../spec/json/pointer.ts";
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Write } from "../files/write.ts";

/** Files of the core that act on processes, and their effect: with that a container does not start, or never goes on. */
const ACTIONS: Readonly<Record<string, string>> = {
  "cgroup.freeze": "freezes processes: use pause",
  "cgroup.kill": "kills processes: use kill",
  "cgroup.procs": "moves processes: use exec",
  "cgroup.threads": "moves threads: use exec",
};

/**
 * One write for each line of each value, in the order of config.json.
 *
 * @throws RuntimeError `CONFIG_INVALID` for a key that is no name of a file in the form `CONTROLLER.NAME`, or of one that is no
 *   setting
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#unified
 */
export function unifiedKeyWrites(unified: Readonly<Record<string, string>>): Write[] {
  const writes: Write[] = [];
  for (const [file, text] of Object.entries(unified)) {
    const pointer = `/linux/resources/unified${pointerStep(file)}`;
    const refuse = (why: string): RuntimeError =>
      new RuntimeError("CONFIG_INVALID", `${propertyName(pointer)}: unified resource ${JSON.stringify(file)} ${why}`, {
        pointer,
      });
    if (file.includes("/")) throw refuse("must be a file name (no slashes)");
    const dot = file.indexOf(".");
    if (dot <= 0 || dot === file.length - 1) throw refuse("must be in the form CONTROLLER.PARAMETER");
    const action = ACTIONS[file];
    if (action !== undefined) throw refuse(`is not a setting: it ${action}`);
    const controller = file.slice(0, dot);
    for (const value of text.trimEnd().split("\n")) writes.push({ controller, file, value, pointer });
  }
  return writes;
}
