// SPDX-License-Identifier: Apache-2.0
/**
 * runt as a library: what the command line does, for a Node.js or Bun program on Linux. A user without privileges is root of a user
 * namespace in his containers.
 *
 * ```ts
 * import { Container } from "@runt-oci/runt";
 * await using box = await Container.run({ bundle: "/srv/box", stdio: "inherit" });
 * const { exitCode } = await box.wait();
 * ```
 *
 * {@link Container} works in threads of its own. The functions below it, which it and the command line call, do the same
 * in the caller's thread, and block it; they are for programs that do nothing else.
 */
import { contextOf, judged } from "./library/making.ts";
import { CONTEXT } from "./library/options/shapes.ts";
import type { RuntimeContext } from "./runtime/options.ts";

export { RuntimeError, type ErrorCode, type ErrorFacts, type Problem } from "./errors.ts";
export type { Log } from "./log.ts";
export { Container, type Command } from "./library/container.ts";
export type { BindMount, BoxOptions, Environment, Limits, Overlay, User } from "./library/box/options.ts";
export { defaultSeccomp } from "./library/box/seccomp.ts";
export type { Size } from "./library/box/size.ts";
export type { BoxEvent } from "./library/events.ts";
export type { ImageDefaults } from "./library/image/defaults.ts";
export { Rootfs, type ImageOptions } from "./library/image/rootfs.ts";
export type {
  Abortable,
  BufferedOptions,
  BundleOptions,
  CheckpointChoices,
  CommonOptions,
  ConfigOptions,
  ContainerOptions,
  DeleteOptions,
  Endings,
  EventsOptions,
  ExecBufferOptions,
  ExecProcessOptions,
  KillOptions,
  ProcessOptions,
  RestoreChoices,
  RuntimeOptions,
  SpawnOptions,
  StartOptions,
  Streaming,
} from "./library/options/types.ts";
export type { ContainerEnd, ContainerProcess, KilledBy, ProcessEnd, Signal } from "./library/process.ts";
export { ExecError, type BufferOptions, type ExecResult } from "./library/result.ts";
export type { Stdio, StdioChoice, StdioOptions, StreamsOf, StreamTypes, TerminalChoice, TerminalSize } from "./library/stdio.ts";
export type { TemplateValue } from "./library/template.ts";
export type { Plan } from "./plan/build.ts";
export type { Step } from "./plan/steps.ts";
export type { CheckpointOptions } from "./runtime/criu/checkpoint.ts";
export type { ContainerEvent } from "./runtime/operations/events.ts";
export { features, type Features } from "./runtime/operations/features.ts";
export type { DeviceRequest } from "./runtime/live/devices.ts";
export { Top, type TopRow } from "./runtime/live/top.ts";
export type { LiveMountReport } from "./runtime/live/mounts.ts";
export type { LiveDevice, LiveMount } from "./runtime/record.ts";
export type {
  CreateOptions,
  ExecOptions,
  ProcessChanges,
  RecordingOptions,
  RunOptions,
  RuntimeContext,
  StateReport,
} from "./runtime/options.ts";
export type { HostProblem } from "./runtime/check/check.ts";
export type { PlanLine } from "./plan/runtime_steps.ts";
export type { DefaultConfig } from "./spec/defaults.ts";
export type { RestoreOptions } from "./runtime/criu/restore.ts";
export type { SeccompDiff, SeccompDifference } from "./seccomp/diff.ts";
export type { DecidedBy, RuleReport, SeccompExplanation } from "./seccomp/explain.ts";
export type { CgroupStats } from "./runtime/operations/stats.ts";
export type { End } from "./runtime/operations/wait.ts";
export {
  addDevices,
  addMounts,
  checkConfig,
  checkpoint,
  create,
  events,
  exec,
  kill,
  list,
  listDevices,
  listMounts,
  newConfig,
  parseConfig,
  pause,
  planBundle,
  processes,
  remove,
  removeDevices,
  removeMounts,
  restore,
  resume,
  run,
  seccompDiff,
  seccompExplain,
  start,
  state,
  stats,
  update,
  wait,
} from "./library/functions.ts";
export type * from "./spec/types.ts";

/** A context with defaults: containers under `/run/runt`, no log, cgroupfs. */
export function makeContext(changed: Partial<RuntimeContext> = {}): RuntimeContext {
  judged("makeContext", changed, CONTEXT);
  const { withoutCgroups } = changed;
  return { ...contextOf(changed), ...(withoutCgroups === undefined ? {} : { withoutCgroups }) };
}
