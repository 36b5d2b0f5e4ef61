// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { exec } from "../../../runtime/operations/exec.ts";
import type { ExecOptions, ProcessChanges } from "../../../runtime/options.ts";
import { Signals } from "../../../sys/signals.ts";
import { defineCommand, type Flags, type OptionRow, type Positionals } from "../../command.ts";
import { absolutePath, currentDirectory } from "../../paths.ts";
import { CONSOLE_SOCKET, DETACH, PID_FILE, PIDFD_SOCKET, PRESERVE_FDS } from "../../shared_options.ts";

/** The highest id: the kernel takes 2^32-1 for "leave it as it is". */
const MAX_ID = 4294967294;

const OPTIONS = [
  CONSOLE_SOCKET,
  { ...PIDFD_SOCKET, help: "AF_UNIX socket that gets a pidfd of the process" },
  { name: "cwd", type: "string", value: "DIR", help: "working directory in the container" },
  {
    name: "env",
    alias: "e",
    type: "strings",
    value: "NAME=value",
    help: "add NAME=value to the environment; may be given several times",
  },
  { name: "tty", alias: "t", type: "boolean", help: "allocate a pseudo terminal" },
  { name: "user", alias: "u", type: "string", value: "UID[:GID]", help: "user and group: UID[:GID]" },
  { name: "additional-gids", alias: "g", type: "integers", value: "GID", help: "add a group; may be given several times" },
  {
    name: "process",
    alias: "p",
    type: "string",
    value: "FILE",
    path: "files",
    help: "file with the whole process as config.json has it; then there is no command",
  },
  { ...DETACH, help: "return as soon as the process runs" },
  { ...PID_FILE, help: "file to write the pid of the process to" },
  { name: "process-label", type: "string", help: "SELinux label of the process" },
  { name: "apparmor", type: "string", help: "AppArmor profile of the process" },
  {
    name: "no-new-privs",
    type: "boolean",
    help: "the process and its children cannot gain privileges by what they execute",
  },
  {
    name: "cap",
    alias: "c",
    type: "strings",
    value: "CAP_NAME",
    help: "add a capability (CAP_*); may be given several times",
  },
  PRESERVE_FDS,
  {
    name: "cgroup",
    type: "strings",
    value: "PATH",
    help: "run in an existing cgroup below the container's: [controller[,controller]:]path",
  },
  { name: "ignore-paused", type: "boolean", help: "allow exec in a paused container" },
] as const satisfies readonly OptionRow[];

export const EXEC = defineCommand({
  name: "exec",
  summary: "run one more process inside the container",
  arguments: "<container-id> <command> [arguments...]  |  --process FILE <container-id>",
  min: 1,
  max: Infinity,
  takesId: true,
  // The words behind the id are the command's, options too.
  stopAfter: 1,
  failure: { prefix: "exec failed: ", status: 255 },
  options: OPTIONS,
  description: `Runs one more process in a container that was created or runs: in its namespaces and
cgroups, and by default with the user, environment, working directory and capabilities of the
process in config.json. In the foreground the exit status is that of the process, or 128 and
the number of the signal that ended it; a failure of exec itself is 255.`,
  examples: [
    "# runt exec web ps",
    "# runt exec --tty --user 1000:1000 --env TERM=xterm web sh",
    "# runt exec --detach --pid-file /run/job.pid --process process.json web",
  ],
  exitStatus: `In the foreground that of the process, or 128 and the number of the signal that ended it. With
--detach 0 as soon as the process runs. 255 where exec itself has failed; nothing was run then.`,
  seeAlso: ["runt-ps(8)", "capabilities(7)"],
  async run(context, flags, positionals) {
    const options = execOptions(flags, positionals, currentDirectory());
    // In the foreground more signals are caught.
    if (options.detach === true) Signals.catch();
    return { output: "", exitCode: await exec(context, options) };
  },
});

/**
 * The options of `exec`, from its flags. Pure.
 *
 * @param positionals the id, the program, its arguments
 * @param directory relative paths start here
 * @throws RuntimeError `USAGE`
 */
export function execOptions(flags: Flags<typeof OPTIONS>, [id, ...args]: Positionals, directory: string): ExecOptions {
  const preserveFds = flags["preserve-fds"] ?? 0;
  if (preserveFds < 0) {
    throw new RuntimeError("USAGE", `--preserve-fds ${preserveFds}: it is a number from 0 up`);
  }
  const path = (flag: string | undefined): string | undefined =>
    flag === undefined || flag === "" ? undefined : absolutePath(flag, directory);
  const file = path(flags.process);
  const pidFile = path(flags["pid-file"]);
  const consoleSocket = path(flags["console-socket"]);
  const pidfdSocket = path(flags["pidfd-socket"]);
  return {
    id,
    process: file === undefined ? processChanges(args, flags) : { file },
    detach: flags.detach ?? false,
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    preserveFds,
    cgroups: cgroupPaths(flags.cgroup ?? []),
    ignorePaused: flags["ignore-paused"] ?? false,
  };
}

function processChanges(args: readonly string[], flags: Flags<typeof OPTIONS>): ProcessChanges {
  const groups = flags["additional-gids"];
  for (const group of groups ?? []) {
    if (group >= 0 && group <= MAX_ID) continue;
    throw new RuntimeError("USAGE", `--additional-gids ${group}: it is a number from 0 to ${MAX_ID}`);
  }
  const noNewPrivileges = flags["no-new-privs"];
  return {
    args,
    ...(flags.cwd === undefined || flags.cwd === "" ? {} : { cwd: flags.cwd }),
    env: flags.env ?? [],
    terminal: flags.tty ?? false,
    ...readUser(flags.user ?? ""),
    additionalGids: groups ?? [],
    capabilities: flags.cap ?? [],
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
    ...(flags.apparmor === undefined || flags.apparmor === "" ? {} : { apparmorProfile: flags.apparmor }),
    ...(flags["process-label"] === undefined || flags["process-label"] === "" ? {} : { selinuxLabel: flags["process-label"] }),
  };
}

/** `UID[:GID]`, numbers and nothing else: a value that is misread means another user (CVE-2026-30892). */
function readUser(text: string): { uid?: number; gid?: number } {
  if (text === "") return {};
  const colon = text.indexOf(":");
  const uid = readId("uid", colon < 0 ? text : text.slice(0, colon), text);
  return colon < 0 ? { uid } : { uid, gid: readId("gid", text.slice(colon + 1), text) };
}

function readId(what: string, digits: string, text: string): number {
  let valid = digits !== "" && digits.length <= 10;
  for (let index = 0; valid && index < digits.length; index++) {
    const code = digits.charCodeAt(index);
    valid = code >= 48 && code <= 57;
  }
  const id = Number(digits);
  if (valid && id <= MAX_ID) return id;
  const found = JSON.stringify(digits);
  throw new RuntimeError("USAGE", `--user ${text}: bad ${what}: ${found} is not a number from 0 to ${MAX_ID}`);
}

/** `[controller[,controller]:]path` each, as a map; a path without controllers is for all of them, and then the only one. */
export function cgroupPaths(values: readonly string[]): Readonly<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const value of values) {
    const colon = value.indexOf(":");
    if (colon < 0) {
      if (values.length === 1) return { "": value };
      const text = `invalid --cgroup argument: ${value} (missing <controller>: prefix)`;
      throw new RuntimeError("USAGE", text);
    }
    for (const controller of value.slice(0, colon).split(",")) {
      if (controller === "") {
        throw new RuntimeError("USAGE", `invalid --cgroup argument: ${value} (empty <controller> prefix)`);
      }
      if (Object.hasOwn(paths, controller)) {
        const text = `invalid --cgroup argument(s): controller ${controller} specified multiple times`;
        throw new RuntimeError("USAGE", text);
      }
      paths[controller] = value.slice(colon + 1);
    }
  }
  return paths;
}
