// SPDX-License-Identifier: Apache-2.0
import { parseMountOptions } from "../../plan/mount_options.ts";
import { unknownOption } from "../../plan/mounts.ts";
import { MountFlag } from "../../plan/steps.ts";
import type { Report, WithoutWrongValues } from "../../spec/schema/without_wrong_values.ts";
import type { Config, Mount } from "../../spec/types.ts";
import { errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** Options of file systems that containers use; the kernel refuses every other option. */
const OPTIONS: Readonly<Record<string, string>> = {
  tmpfs:
    "size nr_blocks nr_inodes mode uid gid mpol huge inode32 inode64 noswap quota usrquota grpquota " +
    "usrquota_block_hardlimit usrquota_inode_hardlimit grpquota_block_hardlimit grpquota_inode_hardlimit " +
    "casefold strict_encoding",
  devpts: "uid gid mode ptmxmode newinstance max",
  proc: "gid hidepid subset pidns",
  sysfs: "",
  mqueue: "",
};

/** Mounts that this host cannot make. */
export function mountFindings(bundle: string, { mounts }: WithoutWrongValues<Config>, report: Report): void {
  if (mounts === undefined) return;
  const known = fileSystems();
  mounts.forEach((mount, index) => {
    const at = `/mounts/${index}`;
    // A mount that lacks one of its options may be of another kind.
    const options = mount?.options ?? [];
    if (mount === undefined || !options.every((option) => option !== undefined)) return;
    const { flags } = parseMountOptions(options);
    if ((flags & MountFlag.BIND) !== 0) {
      checkBind(bundle, mount, at, report);
    } else if ((flags & MountFlag.REMOUNT) === 0) {
      checkFilesystem(mount, at, known, report);
    }
  });
}

/** Names in /proc/filesystems; `undefined` where it cannot be read. */
function fileSystems(): readonly string[] | undefined {
  const text = readTextIfExists("/proc/filesystems");
  return text?.split("\n").map((line) => line.slice(line.indexOf("\t") + 1));
}

function checkBind(bundle: string, mount: WithoutWrongValues<Mount>, at: string, report: Report): void {
  const unknown = unknownOption(mount as Mount);
  if (unknown !== undefined) report(`${at}/options`, unknown);
  const { source = "" } = mount;
  const path = source.startsWith("/") ? source : `${bundle}/${source}`;
  const stat = native.stat(AT_FDCWD, path, true);
  if (typeof stat === "number") report(`${at}/source`, `${path}: ${errnoText(-stat)}`);
}

function checkFilesystem(
  mount: WithoutWrongValues<Mount>,
  at: string,
  known: readonly string[] | undefined,
  report: Report,
): void {
  const { type = "" } = mount;
  // The result of a mount of type "cgroup" depends on the host's hierarchies; it can always be made.
  if (type === "cgroup") return;
  if (known !== undefined && !known.includes(type)) {
    const message = `${type} is not in /proc/filesystems; a kernel module may be missing`;
    report(`${at}/type`, message, [`${at}/type`, `${at}/options`]);
  }
  if (!Object.hasOwn(OPTIONS, type)) return;
  const names = (OPTIONS[type] ?? "").split(" ");
  mount.options?.forEach((option, index) => {
    if (option === undefined) return;
    const name = option.split("=", 1)[0] ?? "";
    if (names.includes(name) || parseMountOptions([option]).data === "") return;
    report(`${at}/options/${index}`, `${type} has no option ${name}`);
  });
}
