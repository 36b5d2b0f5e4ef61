// SPDX-License-Identifier: Apache-2.0
/** Which process `exec` is to run. */
import { RuntimeError } from "../../errors.ts";
import type { Config, LinuxCapabilities, Process } from "../../spec/types.ts";
import { AT_FDCWD, syscallError } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { ExecOptions, ProcessChanges } from "../options.ts";
import { parseProcess } from "../../spec/documents/process_file.ts";

/** A process file of more bytes is refused. */
const FILE_LIMIT = 16 << 20;

/**
 * The process of `options`.
 * @throws CONFIG_INVALID with every problem of a process file, USAGE for changes that make no process
 */
export function processOf(options: ExecOptions, config: Config): Process {
  const wanted = options.process;
  if ("text" in wanted) return withDefaults(parseProcess(wanted.text, wanted.from, config), config.process);
  if (!("file" in wanted)) return changedProcess(config.process, wanted);
  const path = wanted.file;
  const text = native.readUtf8File(AT_FDCWD, path, FILE_LIMIT);
  if (typeof text === "number") throw syscallError(-text, `open ${path}`, { path });
  return withDefaults(parseProcess(text, path, config), config.process);
}

/** Properties that a process file lacks are taken from the container's first process, except rlimits; as with runc. Pure. */
export function withDefaults(process: Process, first: Process | undefined): Process {
  if (first === undefined) return process;
  const { user, apparmorProfile, selinuxLabel } = process;
  const merged: { -readonly [Name in keyof Process]: Process[Name] } = { ...process };
  const umask = user.umask ?? first.user.umask;
  if (umask !== undefined) merged.user = { ...user, umask };
  if ((apparmorProfile ?? "") === "" && first.apparmorProfile !== undefined) {
    merged.apparmorProfile = first.apparmorProfile;
  }
  if ((selinuxLabel ?? "") === "" && first.selinuxLabel !== undefined) merged.selinuxLabel = first.selinuxLabel;
  merged.capabilities ??= first.capabilities ?? {};
  if (first.oomScoreAdj !== undefined) merged.oomScoreAdj ??= first.oomScoreAdj;
  if (first.scheduler !== undefined) merged.scheduler ??= first.scheduler;
  if (first.ioPriority !== undefined) merged.ioPriority ??= first.ioPriority;
  const { initial = "", final = "" } = process.execCPUAffinity ?? {};
  if (initial === "" && final === "" && first.execCPUAffinity !== undefined) {
    merged.execCPUAffinity = first.execCPUAffinity;
  }
  return merged;
}

/**
 * The container's first process with changes. Pure.
 * @throws USAGE, CONFIG_INVALID where config.json has no process
 */
export function changedProcess(first: Process | undefined, changes: ProcessChanges): Process {
  if (first === undefined) {
    const text = "process property must not be empty: config.json of the container has none, give one with --process";
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/process" });
  }
  if (changes.args.length === 0) throw new RuntimeError("USAGE", "exec args cannot be empty");
  const { uid = first.user.uid, gid = first.user.gid, additionalGids: groups = [] } = changes;
  const { cwd = first.cwd, env = [], capabilities: added = [] } = changes;
  if (!cwd.startsWith("/")) throw new RuntimeError("USAGE", `--cwd ${cwd}: Cwd must be an absolute path`);
  for (const entry of env) {
    if (entry.indexOf("=") > 0) continue;
    throw new RuntimeError("USAGE", `--env ${JSON.stringify(entry)}: invalid environment variable: it is NAME=value`);
  }
  return {
    ...first,
    args: changes.args,
    cwd,
    env: [...(first.env ?? []), ...env],
    terminal: changes.terminal ?? false,
    user: { ...first.user, uid, gid, additionalGids: [...(first.user.additionalGids ?? []), ...groups] },
    ...(added.length === 0 ? {} : { capabilities: withCapabilities(first.capabilities ?? {}, added) }),
    ...(changes.consoleSize === undefined ? {} : { consoleSize: changes.consoleSize }),
    ...(changes.noNewPrivileges === undefined ? {} : { noNewPrivileges: changes.noNewPrivileges }),
    ...(changes.apparmorProfile === undefined ? {} : { apparmorProfile: changes.apparmorProfile }),
    ...(changes.selinuxLabel === undefined ? {} : { selinuxLabel: changes.selinuxLabel }),
  };
}

/** Never changes the inheritable set: a program could then pass on capabilities that nobody gave it (CVE-2022-29162). */
function withCapabilities(sets: LinuxCapabilities, added: readonly string[]): LinuxCapabilities {
  const inherits = (sets.inheritable?.length ?? 0) > 0;
  return {
    ...sets,
    bounding: [...(sets.bounding ?? []), ...added],
    effective: [...(sets.effective ?? []), ...added],
    permitted: [...(sets.permitted ?? []), ...added],
    ...(inherits ? { ambient: [...(sets.ambient ?? []), ...added] } : {}),
  };
}
