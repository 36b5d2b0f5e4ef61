// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { errnoText } from "../../../kernel/errno.ts";
import { addMounts, listMounts, removeMounts, type LiveMountReport } from "../../../runtime/live/mounts.ts";
import { inspectMounts, parseMounts } from "../../../spec/documents/mounts_file.ts";
import type { Config, Mount } from "../../../spec/types.ts";
import { AT_FDCWD } from "../../../sys/files.ts";
import { native } from "../../../sys/native.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { columns } from "../../output/columns.ts";
import { jsonText } from "../../output/json_text.ts";
import { absolutePath, currentDirectory } from "../../paths.ts";
import { readInput } from "../../read_input.ts";
import { printed, SILENT } from "../../result.ts";
import { FORMAT_TABLE } from "../../shared_options.ts";

/** Largest size of a file of mounts; bytes. */
const LIMIT = 16 << 20;

const OPTIONS = [
  { name: "type", alias: "t", type: "string", help: "add: type of the mount, as in config.json" },
  {
    name: "source",
    alias: "s",
    type: "string",
    help: "add: what is mounted; a path of a bind mount counts from the current directory",
  },
  { name: "destination", alias: "d", type: "string", help: "add, remove: absolute path in the container" },
  {
    name: "options",
    alias: "o",
    type: "strings",
    help: "add: options as in config.json, separated by commas; may be given several times",
  },
  { ...FORMAT_TABLE, help: "list: format of the output" },
] as const satisfies readonly OptionRow[];

type MountFlags = Flags<typeof OPTIONS>;

export const MOUNTS = defineCommand({
  name: "mounts",
  summary: "add mounts to a container that is there, remove and list them",
  arguments: "add|remove <container-id> [<file>]  |  list <container-id>",
  min: 2,
  max: 3,
  argumentHint: { words: ["add", "remove", "list"] },
  options: OPTIONS,
  description: `Adds mounts to a container that has been created or runs, paused ones too, takes them away
again, and lists them. The file has an array of mounts as "mounts" of config.json (the format is
crun's); "-" is stdin. A single mount can be given by options instead. All types and options of
config.json are known, but for remount and copy-symlink. Sources are found on the host; the
destination is found below the container's root, whatever the container does to its directories
meanwhile. A missing directory or file is made for it, and stays. All mounts of a list are
added, or none.

What was added is recorded with the container: "remove" takes away just that, the last one at
each destination, and nothing else that is mounted there; of the file it reads the destinations
alone. "list" shows what was added, and whether it is still mounted: a container with
CAP_SYS_ADMIN may unmount it. All of it goes with the container.`,
  examples: [
    "# runt mounts add --source /srv/data --destination /data --options rbind,ro web",
    "# runt mounts add web mounts.json",
    "# runt mounts list web",
    "# runt mounts remove --destination /data web",
  ],
  seeAlso: ["runt-update(8)", "mount(8)", "mount_namespaces(7)"],
  async run(context, flags, [action, id = "", file]) {
    if (id === "") throw new RuntimeError("INVALID_ID", "container id cannot be empty");
    switch (action) {
      case "add":
        await addMounts(context, id, (config) => readMounts(file, flags, config));
        return SILENT;
      case "remove":
        await removeMounts(context, id, destinations(file, flags));
        return SILENT;
      case "list":
        if (file !== undefined) throw new RuntimeError("USAGE", "mounts list takes a container id alone");
        return printed(listing(listMounts(context, id), flags.format ?? "table"));
      default:
        throw new RuntimeError("USAGE", `unknown action ${JSON.stringify(action)}: it is add, remove or list`);
    }
  },
});

function readMounts(file: string | undefined, flags: MountFlags, config: Config): readonly Mount[] {
  const { type, source, destination, options = [] } = flags;
  if (file !== undefined) {
    refuseBoth(flags);
    return parseMounts(readText(file), nameOf(file), config);
  }
  if (destination === undefined) throw new RuntimeError("USAGE", "--destination is missing: or is there a file with mounts?");
  const list = options.flatMap((each) => each.split(","));
  const isPath = list.includes("bind") || list.includes("rbind") || type === "bind";
  const mount: Mount = {
    destination,
    ...(type === undefined ? {} : { type }),
    ...(source === undefined ? {} : { source: isPath ? absolutePath(source, currentDirectory()) : source }),
    // A user who writes --type bind means the mount option, which the list of options has to contain.
    options: type === "bind" && !list.includes("bind") && !list.includes("rbind") ? ["bind", ...list] : list,
  };
  const { mounts: found, problems } = inspectMounts(JSON.stringify([mount]), config);
  const [problem] = problems;
  if (problem === undefined) return found;
  const [, , name = "destination"] = problem.pointer.split("/");
  throw new RuntimeError("USAGE", `--${name}: ${problem.message}`, { pointer: problem.pointer });
}

function refuseBoth({ type, source, destination, options }: MountFlags): void {
  if (type === undefined && source === undefined && destination === undefined && options === undefined) return;
  throw new RuntimeError("USAGE", "the mounts are given twice: by a file and by options");
}

/** crun's form: only the destination of each mount in the file. */
function destinations(file: string | undefined, flags: MountFlags): readonly string[] {
  if (file === undefined) {
    if (flags.destination === undefined)
      throw new RuntimeError("USAGE", "--destination is missing: or is there a file with mounts?");
    return [flags.destination];
  }
  refuseBoth(flags);
  let value: unknown;
  try {
    value = JSON.parse(readText(file));
  } catch (error) {
    throw new RuntimeError("CONFIG_INVALID", `${nameOf(file)}: ${error instanceof Error ? error.message : String(error)}`, {
      pointer: "",
    });
  }
  if (!Array.isArray(value)) {
    const text = `${nameOf(file)}: found something else, must be an array of mounts, as in config.json`;
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "" });
  }
  return value.map((mount: unknown, index) => {
    const destination: unknown =
      typeof mount === "object" && mount !== null && "destination" in mount ? mount.destination : undefined;
    if (typeof destination === "string") return destination;
    throw new RuntimeError("CONFIG_INVALID", `${nameOf(file)}: [${index}].destination: missing`, {
      pointer: `/${index}/destination`,
    });
  });
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : file;
}

function readText(file: string): string {
  const text = file === "-" ? readInput(LIMIT) : native.readUtf8File(AT_FDCWD, file, LIMIT);
  if (typeof text === "string") return text;
  throw new RuntimeError("SYSCALL", `open ${nameOf(file)}: ${errnoText(-text)}`, { path: file, errno: -text });
}

/** Pure. */
function listing(reports: readonly LiveMountReport[], format: string): string {
  if (format === "json") return `${jsonText(reports.map(reported))}\n`;
  const rows = reports.map((report) => {
    const { destination, type = "", source = "", options = [], mounted } = reported(report);
    return [destination, type, source, options.join(","), mounted ? "yes" : "no"];
  });
  return columns([["DESTINATION", "TYPE", "SOURCE", "OPTIONS", "MOUNTED"], ...rows]);
}

function reported({ destination, type, source, options, mounted }: LiveMountReport) {
  return { destination, type, source, options, mounted };
}
