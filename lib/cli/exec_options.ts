/** The options of `exec`, from its flags. Pure. */
import { RuntimeError } from "../errors.ts";
import type { ExecOptions, ProcessChanges } from "../runtime/options.ts";
import { absolutePath } from "./paths.ts";
import type { CommandFlags } from "./table.ts";

/** The highest id: the kernel takes 2^32-1 for "leave it as it is". */
const MAX_ID = 4294967294;

/**
 * @param positionals the id, the program, its arguments
 * @param directory what relative paths start from
 * @throws RuntimeError `USAGE`
 */
export function execOptions(
  id: string,
  positionals: readonly string[],
  flags: CommandFlags<"exec">,
  directory: string,
): ExecOptions {
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
    process: file === undefined ? processChanges(positionals.slice(1), flags) : { file },
    detach: flags.detach ?? false,
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    preserveFds,
    cgroups: cgroupPaths(flags.cgroup ?? []),
    ignorePaused: flags["ignore-paused"] ?? false,
  };
}

function processChanges(args: readonly string[], flags: CommandFlags<"exec">): ProcessChanges {
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
    ...(flags["process-label"] === undefined || flags["process-label"] === ""
      ? {}
      : { selinuxLabel: flags["process-label"] }),
  };
}

/** `UID[:GID]`, numbers and nothing else: whoever misreads it runs as somebody else (CVE-2026-30892). */
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
  throw new RuntimeError("USAGE", `--user ${text}: bad ${what}: ${found} is no number from 0 to ${MAX_ID}`);
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
