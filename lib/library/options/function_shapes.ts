// SPDX-License-Identifier: Apache-2.0
/** The arguments of the functions that work in the caller's thread, and their kinds. */
import type { CheckpointOptions } from "../../runtime/criu/checkpoint.ts";
import type { RestoreOptions } from "../../runtime/criu/restore.ts";
import type { BundlePaths } from "../../runtime/operations/plan_bundle.ts";
import type { RdtSchemas } from "../../runtime/operations/update.ts";
import type { CreateOptions, ExecOptions, ProcessChanges, RunOptions, StandardStreams } from "../../runtime/options.ts";
import { fields, flag, having, kind, listOf, mapOf, object, positive, type Shape, someText, text, whole } from "./kinds.ts";
import { args, capabilities, CHECKPOINT, CONTEXT, RECORDING, RESTORE } from "./shapes.ts";

const descriptor = whole;
const STREAMS: Shape<StandardStreams> = {
  stdio: (value, at) =>
    listOf(descriptor, "a list of three descriptors")(value, at) ??
    ((value as unknown[]).length === 3
      ? undefined
      : `${at}: it has ${(value as unknown[]).length} entries, there are three streams`),
  consoleFd: descriptor,
};
const CREATE: Shape<CreateOptions> = {
  ...STREAMS,
  id: someText,
  bundle: someText,
  configFile: someText,
  pidFile: someText,
  consoleSocket: someText,
  pidfdSocket: someText,
  noPivot: flag,
  noNewKeyring: flag,
  preserveFds: whole,
  keepExit: flag,
  recordSeccomp: having(["file"], fields(RECORDING)),
};
const RUN: Shape<RunOptions> = { ...CREATE, detach: flag, keep: flag, noSubreaper: flag };
const SIZE = fields<NonNullable<ProcessChanges["consoleSize"]>>({ height: whole, width: whole }, "an object { height, width }");
const CHANGES: Shape<ProcessChanges> = {
  args,
  cwd: someText,
  env: listOf(text, 'a list of "NAME=value"'),
  terminal: flag,
  consoleSize: SIZE,
  uid: whole,
  gid: whole,
  additionalGids: listOf(whole, "a list of numbers"),
  capabilities,
  noNewPrivileges: flag,
  apparmorProfile: text,
  selinuxLabel: text,
};
const FILE = having(["file"], fields<{ file: string }>({ file: someText }));
const TEXT = having(["text", "from"], fields<{ text: string; from: string }>({ text, from: text }));
const CHANGED = having(["args"], fields(CHANGES, "an object such as { args }, { file } or { text, from }"));
const EXEC: Shape<Omit<ExecOptions, "config">> = {
  ...STREAMS,
  id: someText,
  process: (value, at) => {
    if (object(value, at) !== undefined) return CHANGED(value, at);
    return ("file" in (value as object) ? FILE : "text" in (value as object) ? TEXT : CHANGED)(value, at);
  },
  detach: flag,
  pidFile: someText,
  consoleSocket: someText,
  pidfdSocket: someText,
  preserveFds: whole,
  cgroups: mapOf(text),
  ignorePaused: flag,
};
const { root: _root, log: _log, systemdCgroup: _systemd, rootless: _rootless, ...RESTORED } = RESTORE;

/** The kinds of arguments. */
export const ARGUMENTS = {
  context: having(["root", "log", "systemdCgroup", "rootless"], CONTEXT),
  id: kind("the id of a container", (value) => typeof value === "string"),
  interval: positive,
  callback: kind("a function", (value) => typeof value === "function"),
  text,
  profile: having(["defaultAction"], object),
  numbers: listOf(
    kind("a whole number", (value) => typeof value === "bigint" || Number.isSafeInteger(value)),
    "a list of numbers",
  ),
  create: having(["id", "bundle"], fields(CREATE)),
  run: having(["id", "bundle"], fields(RUN)),
  exec: having(["id", "process"], fields(EXEC)),
  newConfig: fields<{ rootless: boolean }>({ rootless: flag }),
  bundle: having(["bundle"], fields<BundlePaths>({ bundle: someText, configFile: someText })),
  rdt: fields<RdtSchemas>({ l3CacheSchema: text, memBwSchema: text }),
  checkpoint: having(["id", "imagePath"], fields<Omit<CheckpointOptions, "criuPath">>({ ...CHECKPOINT, id: someText })),
  restore: having(
    ["id", "bundle", "imagePath"],
    fields<Omit<RestoreOptions, "criuPath" | "stdio" | "consoleFd">>({
      ...RESTORED,
      detach: flag,
      consoleSocket: someText,
      noSubreaper: flag,
    }),
  ),
} as const;
