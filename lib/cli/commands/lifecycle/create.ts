// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { create } from "../../../runtime/operations/create.ts";
import type { CreateOptions } from "../../../runtime/options.ts";
import { Signals } from "../../../sys/signals.ts";
import { bundlePaths } from "../../bundle_paths.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { explained } from "../../output/explain_bundle.ts";
import { absolutePath, currentDirectory } from "../../paths.ts";
import { SILENT } from "../../result.ts";
import { BUNDLE, CONFIG, CONSOLE_SOCKET, ONE_ID, PID_FILE, PIDFD_SOCKET, PRESERVE_FDS } from "../../shared_options.ts";

/** The options of `create`, which `run` has, too. */
export const CREATE_OPTIONS = [
  BUNDLE,
  { ...CONFIG, alias: "f" },
  CONSOLE_SOCKET,
  { ...PIDFD_SOCKET, help: "AF_UNIX socket that gets a pidfd of the container's first process" },
  { ...PID_FILE, help: "file to write the pid of the container's first process to" },
  { name: "no-pivot", type: "boolean", help: "move the root instead of pivot_root, for a rootfs on a ramdisk" },
  {
    name: "no-new-keyring",
    type: "boolean",
    help: "keep the caller's session keyring instead of making one for the container",
  },
  PRESERVE_FDS,
  {
    name: "keep-exit",
    type: "boolean",
    help: 'note how the container ends, for "wait" and "state" at any time until it is deleted',
  },
  {
    name: "record-seccomp",
    type: "string",
    value: "FILE",
    path: "files",
    help: "record the container's system calls, and write a seccomp profile that allows them to FILE",
  },
  {
    name: "append",
    type: "boolean",
    help: "with --record-seccomp: FILE may be there, and what it allows stays allowed",
  },
  {
    name: "format",
    type: "string",
    choices: ["oci", "docker"],
    default: "oci, or that of FILE",
    help: "with --record-seccomp: the form of FILE, as linux.seccomp or as a profile for docker",
  },
  {
    name: "record-arguments",
    type: "strings",
    choices: ["ioctl", "prctl"],
    help: "with --record-seccomp: allow only the numbers of ioctl or prctl that were used; may be given several times",
  },
] as const satisfies readonly OptionRow[];

export const CREATE = defineCommand({
  name: "create",
  summary: "create a container",
  ...ONE_ID,
  prefixed: true,
  argumentHint: { newId: true },
  options: CREATE_OPTIONS,
  description: `Makes a container of the bundle up to the point where its process would run; that waits
for "runt start". Terminals ("terminal": true) need --console-socket.

With --keep-exit a small process beside the container is the parent of its first process. It
notes how that has ended in exit.json of the state directory, and ends.`,
  examples: ["# runt create --bundle /bundles/web --pid-file /run/web.pid web", "# runt start web"],
  seeAlso: ["runt-start(8)", "runt-run(8)", "runt-delete(8)"],
  async run(context, flags, [id]) {
    const options = createOptions(id, flags, currentDirectory());
    Signals.catch();
    await explained(options, () => create(context, options));
    return SILENT;
  },
});

/**
 * The options of `create`, and those of `run` that are the same. Pure.
 *
 * @param directory relative paths start here
 * @throws RuntimeError `USAGE`
 */
export function createOptions(id: string, flags: Flags<typeof CREATE_OPTIONS>, directory: string): CreateOptions {
  const { bundle, configFile } = bundlePaths(flags, directory);
  const preserveFds = flags["preserve-fds"] ?? 0;
  if (preserveFds < 0) {
    throw new RuntimeError("USAGE", `--preserve-fds ${preserveFds}: it is a number from 0 up`);
  }
  // runc changes to the bundle before it opens the sockets, but not before it takes the pid file's path.
  const consoleSocket = socketPath(flags["console-socket"], bundle);
  const pidfdSocket = socketPath(flags["pidfd-socket"], bundle);
  const pidFile = flags["pid-file"] ?? "";
  return {
    id,
    bundle,
    ...(configFile === undefined ? {} : { configFile }),
    ...(pidFile === "" ? {} : { pidFile: absolutePath(pidFile, directory) }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    noPivot: flags["no-pivot"] ?? false,
    noNewKeyring: flags["no-new-keyring"] ?? false,
    preserveFds,
    ...(flags["keep-exit"] === true && { keepExit: true }),
    ...recordOptions(flags, directory),
  };
}

/** @throws RuntimeError `USAGE` for options that go with `--record-seccomp` alone */
function recordOptions(flags: Flags<typeof CREATE_OPTIONS>, directory: string): Pick<CreateOptions, "recordSeccomp"> {
  const { append, format, "record-seccomp": file, "record-arguments": asked } = flags;
  if (file === undefined) {
    const other =
      append !== undefined ? "append" : format !== undefined ? "format" : asked === undefined ? "" : "record-arguments";
    if (other !== "") throw new RuntimeError("USAGE", `--${other} goes with --record-seccomp`);
    return {};
  }
  if (file === "" || file.endsWith("/"))
    throw new RuntimeError("USAGE", `--record-seccomp ${JSON.stringify(file)}: it is no file`);
  return {
    recordSeccomp: {
      file: absolutePath(file, directory),
      ...(format !== undefined && { format }),
      ...(append === true && { append }),
      ...(asked !== undefined && { arguments: asked }),
    },
  };
}

function socketPath(flag: string | undefined, bundle: string): string | undefined {
  return flag === undefined || flag === "" ? undefined : absolutePath(flag, bundle);
}
