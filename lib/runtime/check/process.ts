// SPDX-License-Identifier: Apache-2.0
/** The findings of `runt check` on the process: a missing program, a missing terminal, ineffective capabilities. */
import { S_IFMT, S_IFREG } from "../../kernel/numbers.ts";
import { cleanPath } from "../../spec/clean_path.ts";
import { show } from "../../spec/schema/messages.ts";
import type { Report, WithoutWrongValues } from "../../spec/schema/without_wrong_values.ts";
import type { Config } from "../../spec/types.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { lookBelow } from "./below_root.ts";
import { hasTerminal } from "../host/host_terminal.ts";

/** The directories in which programs are looked up without a PATH, as execvp(3) does. */
const USUAL = "/bin:/usr/bin";

/**
 * Warnings only: hooks may put a program into the root, and another user than the present one may run the container.
 * @param rootfs absolute; `undefined` where there is none
 */
export function processFindings(rootfs: string | undefined, config: WithoutWrongValues<Config>, report: Report): void {
  const isEmpty = rootfs !== undefined && checkRoot(rootfs, config, report);
  if (rootfs !== undefined && !isEmpty) checkProgram(rootfs, config, report);
  const { process } = config;
  if (process === undefined) return;
  if (process.terminal === true && !hasTerminal()) {
    report(
      "/process/terminal",
      "there is no terminal here: create, and run with --detach, need --console-socket, and run alone a terminal",
    );
  }
  checkCapabilities(config, report);
}

/** Whether the root file system is empty. */
function checkRoot(rootfs: string, config: WithoutWrongValues<Config>, report: Report): boolean {
  const names = native.readdir(AT_FDCWD, rootfs);
  if (typeof names === "number" || names.length > 0) return false;
  if (!mountPoints(config).includes("/")) report("/root/path", `${rootfs} is an empty directory`);
  return true;
}

function mountPoints({ mounts }: WithoutWrongValues<Config>): string[] {
  return (mounts ?? []).flatMap((mount) => (mount?.destination === undefined ? [] : [cleanPath(`/${mount.destination}`)]));
}

function checkProgram(rootfs: string, config: WithoutWrongValues<Config>, report: Report): void {
  const program = config.process?.args?.[0];
  const cwd = config.process?.cwd;
  if (program === undefined || program === "" || cwd === undefined) return;
  const places = mountPoints(config);
  // A mount may be visible to the container alone, and is not looked into.
  if (places.includes("/")) return;
  const mounted = new Set<string>(places);
  for (const place of places) {
    const found = lookBelow(rootfs, place);
    if (found !== "stopped") mounted.add(found.path);
  }
  const why: string[] = [];
  for (const path of candidates(program, cwd, config)) {
    const found = lookBelow(rootfs, path, (place) => mounted.has(place));
    if (found === "stopped") return;
    const problem = problemOf(found.stat);
    if (problem === undefined) return;
    why.push(`${path}: ${problem}`);
  }
  const where = program.includes("/") ? (why[0] ?? "") : `not in PATH of process.env: ${why.slice(0, 8).join(", ")}`;
  report("/process/args/0", `${show(program)} is no program in the root file system: ${where}`, [
    "/process/args/0",
    "/process/env",
    "/process/cwd",
  ]);
}

/** The paths in the container at which a program is looked up, in order. */
function candidates(program: string, cwd: string, { process }: WithoutWrongValues<Config>): string[] {
  const absolute = (path: string): string => (path.startsWith("/") ? path : `${cwd}/${path}`);
  if (program.includes("/")) return [absolute(program)];
  const entry = process?.env?.findLast((each) => each?.startsWith("PATH=") === true);
  const path = entry?.slice("PATH=".length) ?? USUAL;
  return path.split(":").map((directory) => absolute(`${directory}/${program}`));
}

/** The reason why a file cannot be executed; an unknown status is no problem. */
function problemOf(stat: ReturnType<typeof native.stat>): string | undefined {
  if (typeof stat === "number") {
    const isKnown = stat === -Errno.ENOENT || stat === -Errno.ENOTDIR || stat === -Errno.ELOOP;
    return isKnown ? errnoText(-stat) : undefined;
  }
  if ((stat.mode & S_IFMT) !== S_IFREG) return "not a file";
  return (stat.mode & 0o111) === 0 ? "not executable" : undefined;
}

function checkCapabilities({ process }: WithoutWrongValues<Config>, report: Report): void {
  const at = "/process/capabilities";
  if (process?.capabilities === undefined) {
    report(at, "missing, so the process has none; newer runc (1.3 and later) gives it all that the caller has");
    return;
  }
  const { ambient = [], inheritable = [] } = process.capabilities;
  if (ambient.length === 0 || inheritable.length > 0) return;
  report(`${at}/ambient`, "ignored, because process.capabilities.inheritable is empty", [`${at}/ambient`, `${at}/inheritable`]);
}
