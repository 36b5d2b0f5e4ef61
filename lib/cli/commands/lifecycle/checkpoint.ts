// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { checkpoint, type CheckpointOptions } from "../../../runtime/criu/checkpoint.ts";
import { Signals } from "../../../sys/signals.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { currentDirectory } from "../../paths.ts";
import { SILENT } from "../../result.ts";
import { ONE_ID } from "../../shared_options.ts";
import { CRIU, criuOptions, IMAGE_PATH } from "./criu_options.ts";

const OPTIONS = [
  { ...IMAGE_PATH, help: "directory for criu's images" },
  ...CRIU,
  {
    name: "parent-path",
    type: "string",
    value: "DIR",
    path: "directories",
    help: "images of an earlier --pre-dump, relative to --image-path",
  },
  { name: "leave-running", type: "boolean", help: "let the container go on instead of deleting it" },
  { name: "tcp-skip-in-flight", type: "boolean", help: "leave out TCP connections that are being made" },
  { name: "link-remap", type: "boolean", help: "link deleted files that are open back into their directory" },
  { name: "status-fd", type: "integer", help: "descriptor that gets a zero byte when lazy pages can be fetched" },
  { name: "page-server", type: "string", help: "ADDRESS:PORT of the page server that gets the memory" },
  { name: "pre-dump", type: "boolean", help: "save memory only, and let the container go on" },
] as const satisfies readonly OptionRow[];

export const CHECKPOINT = defineCommand({
  name: "checkpoint",
  summary: "save a running container to files, by criu",
  ...ONE_ID,
  argumentHint: { status: "running" },
  options: OPTIONS,
  description: `Saves the processes of a running container to files, by CRIU (criu(8), which has to be in
PATH), and deletes the container, unless --leave-running is given. Terminals, TCP connections and file
locks are saved only where an option says so. /etc/criu/runt.conf, or else /etc/criu/runc.conf,
or the file that the annotation "org.criu.config" names, has settings for CRIU that count more
than the options.`,
  examples: [
    "# runt checkpoint --image-path /var/lib/web.images web",
    "# runt restore --detach --image-path /var/lib/web.images --bundle /bundles/web web",
  ],
  async run(context, flags, [id]) {
    const options = checkpointOptions(id, flags, currentDirectory());
    Signals.catch();
    await checkpoint(context, options);
    return SILENT;
  },
});

/** The options of `checkpoint`, from its flags. Pure. @throws RuntimeError `USAGE` */
export function checkpointOptions(id: string, flags: Flags<typeof OPTIONS>, directory: string): CheckpointOptions {
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
