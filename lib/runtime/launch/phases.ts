// SPDX-License-Identifier: Apache-2.0
/** The data that the phases of a launch pass to one another. */
import type { CgroupLayout } from "../../cgroups/place/layout.ts";
import type { InitOptions, InitProcess } from "../../init/process.ts";
import type { Plan } from "../../plan/build.ts";
import type { PlanFacts } from "../../plan/facts.ts";
import type { Namespaces } from "../../plan/namespaces.ts";
import type { Config } from "../../spec/types.ts";
import type { Bundle } from "../bundle.ts";
import type { OpenNamespaces } from "../host/namespaces.ts";
import type { NotifySocket } from "../host/notify_socket.ts";
import type { CreateOptions, RuntimeContext } from "../options.ts";
import type { RdtRecord } from "../record.ts";
import type { Registered } from "./register.ts";

/** How the container is to come up. */
export interface LaunchMode {
  /** Stop before the program until `start` opens the FIFO. */
  readonly waitForStart: boolean;
  /** Connected socket that gets the master of the console; belongs to the caller. */
  readonly consoleSocket: number | undefined;
}

/** The groups of `linux.intelRdt`, and the function that moves a process into them. */
export interface Rdt {
  readonly record: RdtRecord;
  /** @returns a function that undoes the move */
  readonly join: (pid: number) => () => void;
}

/** A container that was requested, and that has passed all checks so far. */
export interface Request {
  readonly context: RuntimeContext;
  readonly options: CreateOptions;
  readonly bundle: Bundle;
  readonly mode: LaunchMode;
  readonly init: InitOptions;
  readonly namespaces: Namespaces;
  /** Additions to the environment for sockets that a service manager passes on. */
  readonly activationEnv: readonly string[];
  /** SELinux is in force. */
  readonly selinux: boolean;
  /** The groups of `linux.intelRdt`. */
  readonly rdt: Rdt | undefined;
  /** The runtime may not be able to make cgroups, and that is no error. */
  readonly rootless: boolean;
}

/** The host's side of a container. */
export interface Host {
  readonly layout: CgroupLayout;
  /** The namespaces that the container joins. */
  readonly joined: OpenNamespaces;
  /** An init that makes its namespaces meanwhile. */
  readonly early: InitProcess | undefined;
}

/** A container that other commands know as being created. */
export interface Begun extends Host, Registered {
  /** The cgroup below the container's that its first process is to be moved to; "" is the container's own. */
  readonly delegated: string;
  readonly notify: NotifySocket | undefined;
  /** The bundle's config, with the runtime's additions. */
  readonly config: Config;
  /** Additions of the runtime to the environment of the process. */
  readonly env: readonly string[];
}

/** A plan, and the facts that it was made from. */
export interface Planned {
  readonly plan: Plan;
  readonly facts: PlanFacts;
}
