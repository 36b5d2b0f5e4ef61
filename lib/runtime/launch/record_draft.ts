// SPDX-License-Identifier: Apache-2.0
/** The record of a container in the making: its first content, and the facts that become known while init works. */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import * as K from "../../kernel/plan_numbers.ts";
import type { Namespaces } from "../../plan/namespaces.ts";
import { PLAN_VERSION } from "../../plan/steps.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { Bundle } from "../bundle.ts";
import { processStartTime } from "../container/status.ts";
import { STATE_VERSION, type Entry } from "../container/store.ts";
import type { CreateOptions } from "../options.ts";
import type { ContainerRecord } from "../record.ts";

/** The descriptors that a process gets by default. */
export const STDIO = [0, 1, 2] as const;

/** The record of a container that is being made, in its state directory. */
export class RecordDraft {
  readonly #entry: Entry;
  #record: ContainerRecord;

  constructor(entry: Entry, record: ContainerRecord) {
    this.#entry = entry;
    this.#record = record;
  }

  get record(): ContainerRecord {
    return this.#record;
  }

  change(changes: Partial<ContainerRecord>): void {
    this.#record = { ...this.#record, ...changes };
  }

  /** The first process has come up as `pid`. @param programStep index of the first step after `start` */
  setProcess(pid: number, programStep = 0): void {
    this.change({ init_process_pid: pid, init_process_start: processStartTime(pid), program_step: programStep });
  }

  /** Writes the record aside; it takes effect with {@link publish}. */
  prepare(): void {
    this.#entry.prepare(this.#record);
  }

  /** Shows the prepared record to other commands. */
  publish(): void {
    this.#entry.publish();
  }
}

/** The record of a container that has no process yet. */
export function firstRecord(
  bundle: Bundle,
  options: Pick<CreateOptions, "id" | "noNewKeyring" | "stdio">,
  namespaces: Namespaces,
  cgroup: Cgroup,
): ContainerRecord {
  const { config } = bundle;
  const { poststart, poststop } = config.hooks ?? {};
  return {
    state_version: STATE_VERSION,
    runt_version: process.env["RUNT_VERSION"] ?? "unbuilt",
    plan_version: PLAN_VERSION,
    id: options.id,
    oci_version: config.ociVersion,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    init_process_pid: 0,
    init_process_start: 0,
    cgroup_paths: cgroup.paths,
    ...(cgroup.unit === undefined ? {} : { systemd: cgroup.unit }),
    hooks: {
      ...(poststart === undefined ? {} : { poststart }),
      ...(poststop === undefined ? {} : { poststop }),
    },
    external_descriptors: externalDescriptors(options.stdio ?? STDIO),
    has_process: config.process !== undefined,
    own_pid_namespace: (namespaces.made & K.CLONE_NEWPID) !== 0,
    ...(options.noNewKeyring === true ? { no_new_keyring: true } : {}),
    program_step: 0,
  };
}

/** The targets of the container's standard streams: `restore` replaces the pipes among them by its own. */
function externalDescriptors(stdio: readonly number[]): string[] {
  const names: string[] = [];
  for (const fd of stdio) {
    const name = native.readlink(AT_FDCWD, `/proc/self/fd/${fd}`);
    names.push(typeof name === "string" ? name : "");
  }
  return names;
}
