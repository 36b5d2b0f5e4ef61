/** From parsed options to those of `checkpoint` and `restore`. Pure. */
import { RuntimeError } from "../errors.ts";
import type { CheckpointOptions } from "../runtime/criu/checkpoint.ts";
import type { CriuOptions } from "../runtime/criu/options.ts";
import type { RestoreOptions } from "../runtime/criu/restore.ts";
import { absolutePath } from "./paths.ts";
import type { CommandFlags } from "./table.ts";

/** Where the images are if nothing is said: in the current directory, as with runc. */
const IMAGES = "checkpoint";

/** The options of `checkpoint`. @throws RuntimeError `USAGE` */
export function checkpointOptions(
  id: string,
  flags: CommandFlags<"checkpoint">,
  directory: string,
): CheckpointOptions {
  const parentPath = flags["parent-path"] ?? "";
  const statusFd = flags["status-fd"] ?? -1;
  const pageServer = flags["page-server"] ?? "";
  return {
    ...criuOptions(id, flags, directory),
    leaveRunning: flags["leave-running"] ?? false,
    tcpSkipInFlight: flags["tcp-skip-in-flight"] ?? false,
    linkRemap: flags["link-remap"] ?? false,
    preDump: flags["pre-dump"] ?? false,
    ...(parentPath === "" ? {} : { parentPath }),
    ...(statusFd === -1 ? {} : { statusFd }),
    ...(pageServer === "" ? {} : { pageServer: parsePageServer(pageServer) }),
  };
}

/** The options of `restore`. */
export function restoreOptions(id: string, flags: CommandFlags<"restore">, directory: string): RestoreOptions {
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

function criuOptions(
  id: string,
  flags: CommandFlags<"checkpoint"> | CommandFlags<"restore">,
  directory: string,
): CriuOptions {
  const workPath = flags["work-path"] ?? "";
  return {
    id,
    imagePath: absolutePath(flags["image-path"] || IMAGES, directory),
    ...(workPath === "" ? {} : { workPath: absolutePath(workPath, directory) }),
    tcpEstablished: flags["tcp-established"] ?? false,
    extUnixSk: flags["ext-unix-sk"] ?? false,
    shellJob: flags["shell-job"] ?? false,
    lazyPages: flags["lazy-pages"] ?? false,
    fileLocks: flags["file-locks"] ?? false,
    autoDedup: flags["auto-dedup"] ?? false,
    manageCgroupsMode: flags["manage-cgroups-mode"] ?? "",
    emptyNs: flags["empty-ns"] ?? [],
  };
}

/** `ADDRESS:PORT`; an IPv6 address stands in brackets. @throws RuntimeError `USAGE` */
export function parsePageServer(text: string): { readonly address: string; readonly port: number } {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):([^:]+)$/.exec(text);
  const address = parts?.[1] ?? parts?.[2];
  if (address === undefined) throw new RuntimeError("USAGE", "Use --page-server ADDRESS:PORT to specify page server");
  const port = Number(parts?.[3]);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new RuntimeError("USAGE", `--page-server ${text}: Invalid port number`);
  }
  return { address, port };
}
