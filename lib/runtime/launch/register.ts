// SPDX-License-Identifier: Apache-2.0
/** Takes the id of a container, and shows it to other commands before anything is made for it. */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { withoutCgroup } from "../../cgroups/disabled.ts";
import { openCgroup } from "../../cgroups/open.ts";
import type { CgroupLayout } from "../../cgroups/place/layout.ts";
import { openUnit } from "../../cgroups/systemd/driver.ts";
import type { Namespaces } from "../../plan/namespaces.ts";
import type { Config } from "../../spec/types.ts";
import type { Bundle } from "../bundle.ts";
import { reserve, type Entry } from "../container/store.ts";
import type { CreateOptions, RuntimeContext } from "../options.ts";
import type { ContainerRecord } from "../record.ts";
import { firstRecord, RecordDraft } from "./record_draft.ts";
import type { Undo } from "./undo.ts";

/** A container that is to be registered. */
export interface NewContainer {
  readonly context: RuntimeContext;
  readonly options: Pick<CreateOptions, "id" | "noNewKeyring" | "stdio">;
  readonly bundle: Bundle;
  readonly namespaces: Namespaces;
  /** The runtime may not be able to make cgroups, and that is no error. */
  readonly rootless: boolean;
  readonly layout: CgroupLayout;
}

/** A container that other commands know as being created. */
export interface Registered {
  readonly entry: Entry;
  readonly cgroup: Cgroup;
  readonly draft: RecordDraft;
}

/**
 * Makes the container known, so that `delete --force` can clean up after a runt that was killed.
 * @param more further fields of its record
 * @throws INVALID_ID, CONTAINER_EXISTS, CONFIG_INVALID, HOST_UNABLE, CGROUP, SYSCALL
 */
export async function register(wanted: NewContainer, more: Partial<ContainerRecord>, undo: Undo): Promise<Registered> {
  const { context, options, bundle, namespaces, layout } = wanted;
  const { id } = options;
  const entry = await reserve(context.root, id);
  undo.add(() => entry.close());
  undo.add(() => entry.remove());
  const cgroup = newCgroup(context, layout, bundle.config, id, wanted.rootless);
  context.log.debug(`container ${id}: state in ${entry.path}, rootfs ${bundle.rootfs}`);
  const draft = new RecordDraft(entry, { ...firstRecord(bundle, options, namespaces, cgroup), ...more });
  draft.prepare();
  draft.publish();
  undo.add(() => cgroup.undo());
  return { entry, cgroup, draft };
}

/** The container's cgroup, by the driver that was chosen. */
function newCgroup(
  { log, systemdCgroup, withoutCgroups }: RuntimeContext,
  layout: CgroupLayout,
  config: Config,
  id: string,
  rootless: boolean,
): Cgroup {
  if (withoutCgroups === true) return withoutCgroup(config, log);
  if (!systemdCgroup) return openCgroup(layout, config, id, log, { rootless });
  return openUnit(layout, config, id, log, rootless);
}
