// SPDX-License-Identifier: Apache-2.0
import { restore, type RestoreOptions } from "../../../runtime/criu/restore.ts";
import { Signals } from "../../../sys/signals.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { absolutePath, currentDirectory } from "../../paths.ts";
import { BUNDLE, CONSOLE_SOCKET, DETACH, NO_SUBREAPER, ONE_ID, PID_FILE } from "../../shared_options.ts";
import { CRIU, criuOptions, IMAGE_PATH } from "./criu_options.ts";

const OPTIONS = [
  BUNDLE,
  CONSOLE_SOCKET,
  { ...IMAGE_PATH, help: "directory with criu's images" },
  ...CRIU,
  { ...DETACH, help: "return as soon as the container runs again" },
  { ...PID_FILE, help: "file to write the pid of the container's first process to" },
  NO_SUBREAPER,
  { name: "no-pivot", type: "boolean", help: "has no effect: criu makes the root" },
  { name: "lsm-profile", type: "string", help: "TYPE:NAME of a security profile instead of the saved one" },
  { name: "lsm-mount-context", type: "string", help: "SELinux context of mounts instead of the saved one" },
] as const satisfies readonly OptionRow[];

export const RESTORE = defineCommand({
  name: "restore",
  summary: "bring a container back from a checkpoint, by criu",
  ...ONE_ID,
  argumentHint: { newId: true },
  options: OPTIONS,
  description: `Makes a container of the bundle from the files of "runt checkpoint", by CRIU: its processes go
on where they stood. The root file system must be as it was. Without --detach runt stays, as
with "runt run".`,
  examples: ["# runt restore --detach --image-path /var/lib/web.images --bundle /bundles/web web"],
  async run(context, flags, [id]) {
    const options = restoreOptions(id, flags, currentDirectory());
    // In the foreground more signals are caught.
    if (options.detach === true) Signals.catch();
    return { output: "", exitCode: await restore(context, options) };
  },
});

/** The options of `restore`, from its flags. Pure. */
export function restoreOptions(id: string, flags: Flags<typeof OPTIONS>, directory: string): RestoreOptions {
  const bundle = absolutePath(flags.bundle ?? "", directory);
  const pidFile = flags["pid-file"] ?? "";
  const consoleSocket = flags["console-socket"] ?? "";
  const lsmProfile = flags["lsm-profile"] ?? "";
  const lsmMountContext = flags["lsm-mount-context"] ?? "";
  return {
    ...criuOptions(id, flags, directory),
    bundle,
    detach: flags.detach ?? false,
    noSubreaper: flags["no-subreaper"] ?? false,
    ...(pidFile === "" ? {} : { pidFile: absolutePath(pidFile, directory) }),
    ...(consoleSocket === "" ? {} : { consoleSocket: absolutePath(consoleSocket, bundle) }),
    ...(lsmProfile === "" ? {} : { lsmProfile }),
    ...(lsmMountContext === "" ? {} : { lsmMountContext }),
  };
}
