// SPDX-License-Identifier: Apache-2.0
/** The options of the library. */
import type { Log } from "../../log.ts";
import type { CheckpointOptions } from "../../runtime/criu/checkpoint.ts";
import type { RestoreOptions } from "../../runtime/criu/restore.ts";
import type { CreateOptions, ExecOptions, ProcessChanges, RecordingOptions } from "../../runtime/options.ts";
import type { Config } from "../../spec/types.ts";
import type { BoxOptions, Environment, User } from "../box/options.ts";
import type { BufferOptions } from "../result.ts";
import type { StdioChoice, StdioOptions, TerminalChoice } from "../stdio.ts";

/** The state directory of containers, and the receiver of log messages. */
export interface RuntimeOptions {
  /** Directory with one directory a container. Default `/run/runt`. */
  readonly root?: string;
  /** Gets warnings and details. Default: none. */
  readonly log?: Log;
  /** cgroups through systemd. Default false. */
  readonly systemdCgroup?: boolean;
  /** Whether to behave as for a user without privileges. Default "auto": by the effective uid. */
  readonly rootless?: boolean | "auto";
}

/** Gives up an operation. */
export interface Abortable {
  readonly signal?: AbortSignal;
}

/** Options that end a process early. */
export interface Endings {
  /** While it is made: it is taken back. Later, until its end: it is killed, with all that it has started. */
  readonly signal?: AbortSignal;
  /** It is killed so many milliseconds after it has begun, with all that it has started. */
  readonly timeout?: number;
}

/** The options of all containers, whatever their source. */
export interface CommonOptions
  extends RuntimeOptions, StdioOptions, Endings, Pick<CreateOptions, "pidFile" | "pidfdSocket" | "noPivot" | "noNewKeyring"> {
  /** Default: a new one, `runt-` and a UUID. */
  readonly id?: string;
  /**
   * A small process beside the container waits for its end and notes it, so that {@link Container.wait} tells of it after this
   * program has ended, too: until the container is deleted. Default true, but for `buffer: true` without an `id`.
   */
  readonly keepExit?: boolean;
  /**
   * The system calls of the container are recorded: the file gets a seccomp profile that allows them, when the container is deleted at
   * the latest. A container with its own profile does no more than that allows; with `rootfs` that is `seccomp`, see {@link BoxOptions}.
   */
  readonly recordSeccomp?: string | RecordingOptions;
}

/** A container of a bundle. */
export interface BundleOptions {
  /** Directory with config.json and the root file system. */
  readonly bundle: string;
  /** A file in the place of the bundle's config.json. */
  readonly configFile?: string;
}

/** A container of a config.json that is no file. */
export interface ConfigOptions {
  /** All of it; nothing is added. A relative `root.path` counts from `bundle`. */
  readonly config: Config;
  /** Default: the directory of the root file system. */
  readonly bundle?: string;
}

/** The options of a container. Its source is a root file system with safe defaults, a bundle, or a whole config. */
export type ContainerOptions = CommonOptions &
  (
    | (BundleOptions & { readonly config?: undefined; readonly rootfs?: undefined })
    | (ConfigOptions & { readonly configFile?: undefined; readonly rootfs?: undefined })
    | (BoxOptions & { readonly bundle?: undefined; readonly configFile?: undefined; readonly config?: undefined })
  );

/** {@link ContainerOptions} whose streams are known to the types. */
export type Streaming<Choice extends StdioChoice, Terminal extends TerminalChoice> = ContainerOptions &
  StdioOptions<Choice, Terminal>;

/** A container of which nothing but its result is wanted. */
export type BufferedOptions = ContainerOptions & BufferOptions & { readonly buffer: true; readonly stdio?: undefined };

/** The options of a process of {@link Container.spawn}. */
export interface ProcessOptions
  extends
    StdioOptions,
    Endings,
    Omit<ProcessChanges, "args" | "env" | "terminal" | "consoleSize">,
    Pick<ExecOptions, "cgroups" | "ignorePaused" | "pidFile"> {
  /** Additions. */
  readonly env?: Environment;
  /** By the container's /etc/passwd, if it is a name. Default: that of config.json. */
  readonly user?: User;
}

export type SpawnOptions = ProcessOptions;
/** The options of 0.9 for `exec`, with the arguments among them. */
export type ExecProcessOptions = ProcessOptions & { readonly args: readonly string[] };
/** The options of a process of {@link Container.exec}. */
export type ExecBufferOptions = ProcessOptions & BufferOptions;

export type StartOptions = Abortable;

export interface KillOptions {
  /** To all processes, and a container that has stopped is no error. */
  readonly all?: boolean;
}

export interface DeleteOptions {
  /** Kill it if it runs; be content if there is none. */
  readonly force?: boolean;
}

export interface EventsOptions extends Abortable {
  /** Between two statistics; milliseconds. Default 5000. */
  readonly interval?: number;
}

export type CheckpointChoices = Omit<CheckpointOptions, "id" | "criuPath">;
export type RestoreChoices = Omit<
  RestoreOptions,
  "id" | "detach" | "consoleSocket" | "noSubreaper" | "criuPath" | "stdio" | "consoleFd"
> &
  RuntimeOptions & { readonly id: string };
