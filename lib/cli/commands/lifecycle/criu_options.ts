// SPDX-License-Identifier: Apache-2.0
/** Options that `checkpoint` and `restore` share, and their translation to options of the runtime. Pure. */

import type { CriuOptions } from "../../../runtime/criu/options.ts";
import type { Flags, OptionRow } from "../../command.ts";
import { absolutePath } from "../../paths.ts";

/** The default directory of the images, in the current directory, as with runc. */
const IMAGES = "checkpoint";

/** Without its help: `checkpoint` writes to the directory, `restore` reads from it. */
export const IMAGE_PATH = { name: "image-path", type: "string", value: "DIR", path: "directories", default: IMAGES } as const;

/** Options of `checkpoint` and `restore`. */
export const CRIU = [
  {
    name: "work-path",
    type: "string",
    value: "DIR",
    path: "directories",
    help: "directory for criu's log and work files; defaults to the image directory",
  },
  { name: "tcp-established", type: "boolean", help: "allow open TCP connections" },
  { name: "ext-unix-sk", type: "boolean", help: "allow unix sockets whose other end is outside of the container" },
  { name: "shell-job", type: "boolean", help: "allow the session and the terminal of a shell outside" },
  { name: "file-locks", type: "boolean", help: "allow file locks" },
  { name: "lazy-pages", type: "boolean", help: "bring memory back when it is used (userfaultfd)" },
  { name: "auto-dedup", type: "boolean", help: "keep one copy only of a page that several images hold" },
  {
    name: "manage-cgroups-mode",
    type: "string",
    choices: ["soft", "full", "strict", "ignore"],
    otherSpelling: (value) => (value === "" ? "soft" : undefined),
    wrongChoice: (value) => `--manage-cgroups-mode ${value}: invalid manage-cgroups-mode value`,
    default: "soft",
    help: "how criu treats cgroups and their settings",
  },
  {
    name: "empty-ns",
    type: "strings",
    choices: ["network"],
    wrongChoice: (value) => `--empty-ns: namespace "${value}" is not supported`,
    help: "make the namespace, but leave it empty",
  },
] as const satisfies readonly OptionRow[];

type SharedFlags = Flags<readonly [...typeof CRIU, typeof IMAGE_PATH & { readonly help: string }]>;

/** @param directory relative paths start here */
export function criuOptions(id: string, flags: SharedFlags, directory: string): CriuOptions {
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
    manageCgroupsMode: flags["manage-cgroups-mode"] ?? "default",
    emptyNs: flags["empty-ns"] ?? [],
  };
}
