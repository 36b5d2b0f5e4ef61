// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { addDevices, listDevices, numbersText, removeDevices, type DeviceRequest } from "../../../runtime/live/devices.ts";
import type { LiveDevice } from "../../../runtime/record.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { columns } from "../../output/columns.ts";
import { jsonText } from "../../output/json_text.ts";
import { printed, SILENT } from "../../result.ts";
import { FORMAT_TABLE } from "../../shared_options.ts";

const OPTIONS = [
  {
    name: "access",
    alias: "a",
    type: "string",
    default: "rwm",
    help: "add: what the cgroup allows, of r (read), w (write) and m (mknod)",
  },
  { name: "mode", alias: "m", type: "string", help: "add: octal permissions of the node; as the host's if not given" },
  { name: "uid", type: "integer", help: "add: owner of the node, an id of the container; as the host's if not given" },
  { name: "gid", type: "integer", help: "add: group of the node, likewise" },
  {
    name: "number",
    alias: "n",
    type: "strings",
    help: "add: TYPE:MAJOR:MINOR[:PATH] of a device that the host need not have; MINOR may be *",
  },
  { ...FORMAT_TABLE, help: "list: format of the output" },
] as const satisfies readonly OptionRow[];

type DeviceFlags = Flags<typeof OPTIONS>;

export const DEVICES = defineCommand({
  name: "devices",
  summary: "add devices to a container that is there, remove and list them",
  arguments: "add <container-id> <host-path>[:<path>[:<access>]]...  |  remove <container-id> <path>...  |  list <container-id>",
  min: 2,
  max: Infinity,
  argumentHint: { words: ["add", "remove", "list"] },
  options: OPTIONS,
  description: `Makes device nodes in a container that has been created or runs, and lets its cgroup use them;
takes both away again; and lists what was added. Of a directory of the host, such as /dev/snd, all
devices are added. With --number a device may come that the host does not have yet; without a path,
or with * for the minor number, only the cgroup is changed.

On cgroup v1 only the lines that differ are written, on v2 the program that filters is replaced in
one step. With the systemd driver the unit gets the rules too, so that a daemon-reload or a change
of other properties keeps them. "update" changes none of them. In a user namespace the node is made
outside and mounted on an empty file.

"remove" takes a path, a directory with all that was added below it, or TYPE:MAJOR:MINOR of a rule
without a node. A device that was there before is left where it is. All of it goes with the
container.`,
  examples: [
    "# runt devices add web /dev/snd",
    "# runt devices add --access rw --mode 0660 --gid 44 web /dev/video2:/dev/video0",
    "# runt devices add --number c:226:* web",
    "# runt devices remove web /dev/snd",
  ],
  seeAlso: ["runt-update(8)", "mknod(2)", "cgroups(7)"],
  async run(context, flags, [action, id = "", ...names]) {
    if (id === "") throw new RuntimeError("INVALID_ID", "container id cannot be empty");
    switch (action) {
      case "add":
        await addDevices(context, id, requests(flags, names));
        return SILENT;
      case "remove":
        if (names.length === 0) throw new RuntimeError("USAGE", "devices remove needs a path");
        await removeDevices(context, id, names);
        return SILENT;
      case "list":
        if (names.length > 0) throw new RuntimeError("USAGE", "devices list takes a container id alone");
        return printed(listing(listDevices(context, id), flags.format ?? "table"));
      default:
        throw new RuntimeError("USAGE", `unknown action ${JSON.stringify(action)}: it is add, remove or list`);
    }
  },
});

/** Pure. @throws RuntimeError `USAGE` */
export function requests(flags: DeviceFlags, names: readonly string[]): readonly DeviceRequest[] {
  const { access, mode, uid, gid, number = [] } = flags;
  const common: Pick<DeviceRequest, "access" | "mode" | "uid" | "gid"> = {
    ...(access === undefined ? {} : { access }),
    ...(mode === undefined ? {} : { mode: octal(mode) }),
    ...(uid === undefined ? {} : { uid: anId("uid", uid) }),
    ...(gid === undefined ? {} : { gid: anId("gid", gid) }),
  };
  if (names.length + number.length === 0) throw new RuntimeError("USAGE", "devices add needs a path of the host, or --number");
  return [...names.map((name) => byPath(name, common)), ...number.map((text) => byNumber(text, common))];
}

function byPath(name: string, common: DeviceRequest): DeviceRequest {
  const [host = "", path, access, ...more] = name.split(":");
  if (!host.startsWith("/") || (path !== undefined && !path.startsWith("/")) || more.length > 0) {
    throw new RuntimeError("USAGE", `${JSON.stringify(name)}: a device is HOST-PATH[:PATH[:ACCESS]], with absolute paths`);
  }
  return { ...common, host, ...(path === undefined ? {} : { path }), ...(access === undefined ? {} : { access }) };
}

function byNumber(text: string, common: DeviceRequest): DeviceRequest {
  const [, type, major = "", minor = "", path] = /^([bc]):(\d{1,8}):(\d{1,8}|\*)(?::(\/.*))?$/.exec(text) ?? [];
  if (type !== "b" && type !== "c") {
    const form = "TYPE:MAJOR:MINOR[:PATH], with b or c as the type and an absolute path";
    throw new RuntimeError("USAGE", `--number ${JSON.stringify(text)}: it is ${form}`);
  }
  const numbers = { type, major: Number(major), minor: minor === "*" ? -1 : Number(minor) } as const;
  return { ...common, numbers, ...(path === undefined ? {} : { path }) };
}

function octal(text: string): number {
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  throw new RuntimeError("USAGE", `--mode ${JSON.stringify(text)}: it is an octal number, such as 0660`);
}

function anId(name: string, value: number): number {
  if (value >= 0 && value < 2 ** 32 - 1) return value;
  throw new RuntimeError("USAGE", `--${name} ${value}: it is a number from 0 up`);
}

/** Pure. */
function listing(devices: readonly LiveDevice[], format: string): string {
  if (format === "json") {
    return `${jsonText(devices.map(({ type, major, minor, access, path }) => ({ type, major, minor, access, path })))}\n`;
  }
  return columns([
    ["DEVICE", "ACCESS", "PATH"],
    ...devices.map((device) => [numbersText(device), device.access, device.path ?? ""]),
  ]);
}
