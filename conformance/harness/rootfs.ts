// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Debian's package busybox-static puts it here. */
export const BUSYBOX = "/bin/busybox";

let applets: readonly string[] | undefined;

function appletNames(): readonly string[] {
  if (applets !== undefined) return applets;
  if (!existsSync(BUSYBOX)) throw new Error(`${BUSYBOX} is missing: install busybox-static`);
  const listed = spawnSync(BUSYBOX, ["--list"], { encoding: "utf8" }).stdout;
  applets = listed.split("\n").filter((name) => name !== "" && name !== "busybox");
  return applets;
}

const PASSWD = `root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
user:x:1000:1000:user:/home/user:/bin/sh
`;
const GROUP = `root:x:0:
tty:x:5:
nogroup:x:65534:
user:x:1000:
`;

/** Makes a root file system with busybox in the new directory `path`. */
export function makeRootfs(path: string): void {
  for (const folder of ["bin", "dev", "etc", "home/user", "proc", "root", "sys", "tmp", "var"]) {
    mkdirSync(join(path, folder), { recursive: true });
  }
  chmodSync(path, 0o755);
  chmodSync(join(path, "tmp"), 0o1777);
  const busybox = join(path, "bin/busybox");
  copyFileSync(BUSYBOX, busybox);
  chmodSync(busybox, 0o755);
  for (const name of appletNames()) symlinkSync("busybox", join(path, "bin", name));
  writeFileSync(join(path, "etc/passwd"), PASSWD);
  writeFileSync(join(path, "etc/group"), GROUP);
}
