// SPDX-License-Identifier: Apache-2.0
/**
 * The option strings of `mounts[].options`, as flags of the mount API.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#linux-mount-options
 */
import { isIdMapOption } from "../spec/rules/id_map_option.ts";
import { MountFlag } from "./steps.ts";
import * as K from "../kernel/plan_numbers.ts";

/** The meaning of a list of options. Options that are not in the table belong to the file system: `data`. */
export interface MountOptions {
  /** {@link MountFlag} bits. */
  flags: number;
  /** MS_* flags of the superblock. */
  sb: number;
  /** MOUNT_ATTR_* to set and to clear on the mount. */
  set: number;
  clear: number;
  /** An option of the mount itself was given, whatever its effect. */
  named: boolean;
  /** The same for the mount and everything below it. */
  recSet: number;
  recClear: number;
  /** MS_* propagation changes, in order. */
  propagation: number[];
  /** Options for the file system, joined by commas. */
  data: string;
  /** `idmap` or `ridmap`, where given. */
  idmap?: "idmap" | "ridmap";
  /** A source that is a symbolic link is made once more, not followed. */
  copySymlink?: boolean;
}

/** [what, bits]: `+` sets an attribute, `-` clears it, `a` is an access time mode, `c` takes that mode back, capitals recursive. */
type Meaning = readonly ["+" | "-" | "a" | "c" | "s" | "S" | "f" | "p" | "0" | "i" | "l", number];

const attribute: Readonly<Record<string, Meaning>> = {
  ro: ["+", K.MOUNT_ATTR_RDONLY],
  rw: ["-", K.MOUNT_ATTR_RDONLY],
  nosuid: ["+", K.MOUNT_ATTR_NOSUID],
  suid: ["-", K.MOUNT_ATTR_NOSUID],
  nodev: ["+", K.MOUNT_ATTR_NODEV],
  dev: ["-", K.MOUNT_ATTR_NODEV],
  noexec: ["+", K.MOUNT_ATTR_NOEXEC],
  exec: ["-", K.MOUNT_ATTR_NOEXEC],
  nodiratime: ["+", K.MOUNT_ATTR_NODIRATIME],
  diratime: ["-", K.MOUNT_ATTR_NODIRATIME],
  nosymfollow: ["+", K.MOUNT_ATTR_NOSYMFOLLOW],
  symfollow: ["-", K.MOUNT_ATTR_NOSYMFOLLOW],
  noatime: ["a", K.MOUNT_ATTR_NOATIME],
  strictatime: ["a", K.MOUNT_ATTR_STRICTATIME],
  // relatime is the kernel's default, so taking away any of the modes gives it.
  relatime: ["a", 0],
  atime: ["c", K.MOUNT_ATTR_NOATIME],
  norelatime: ["c", 0],
  nostrictatime: ["c", K.MOUNT_ATTR_STRICTATIME],
};

const other: Readonly<Record<string, Meaning>> = {
  defaults: ["0", 0],
  bind: ["f", MountFlag.BIND],
  rbind: ["f", MountFlag.BIND | MountFlag.RECURSIVE],
  remount: ["f", MountFlag.REMOUNT],
  tmpcopyup: ["f", MountFlag.COPY_UP],
  sync: ["s", K.MS_SYNCHRONOUS],
  async: ["S", K.MS_SYNCHRONOUS],
  dirsync: ["s", K.MS_DIRSYNC],
  mand: ["s", K.MS_MANDLOCK],
  nomand: ["S", K.MS_MANDLOCK],
  silent: ["s", K.MS_SILENT],
  loud: ["S", K.MS_SILENT],
  iversion: ["s", K.MS_I_VERSION],
  noiversion: ["S", K.MS_I_VERSION],
  lazytime: ["s", K.MS_LAZYTIME],
  nolazytime: ["S", K.MS_LAZYTIME],
  private: ["p", K.MS_PRIVATE],
  rprivate: ["p", K.MS_PRIVATE | K.MS_REC],
  shared: ["p", K.MS_SHARED],
  rshared: ["p", K.MS_SHARED | K.MS_REC],
  slave: ["p", K.MS_SLAVE],
  rslave: ["p", K.MS_SLAVE | K.MS_REC],
  unbindable: ["p", K.MS_UNBINDABLE],
  runbindable: ["p", K.MS_UNBINDABLE | K.MS_REC],
  idmap: ["i", 0],
  ridmap: ["i", 1],
  "copy-symlink": ["l", 0],
  "src-nofollow": ["f", MountFlag.SRC_NOFOLLOW],
  "dest-nofollow": ["f", MountFlag.DEST_NOFOLLOW],
};

/** Every option that the runtime itself understands, for `features` and for checks. */
export function knownMountOptions(): string[] {
  const names = Object.keys(attribute);
  return [...names, ...names.map((name) => `r${name}`), ...Object.keys(other)].sort();
}

/** Parses `options`; a later option overrules an earlier one, as in mount(8). */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const result: MountOptions = {
    flags: 0,
    sb: 0,
    set: 0,
    clear: 0,
    named: false,
    recSet: 0,
    recClear: 0,
    propagation: [],
    data: "",
  };
  for (const option of options) {
    const single = lookup(attribute, option);
    if (single !== undefined) {
      const [set, clear] = applyAttribute(single, result.set, result.clear);
      result.set = set;
      result.clear = clear;
      result.named = true;
      continue;
    }
    const rest = lookup(other, isIdMapOption(option) ? option.replace(/=.*/, "") : option);
    if (rest !== undefined) {
      applyOther(rest, result);
      continue;
    }
    // "r" in front of an attribute: the whole tree (mount_setattr with AT_RECURSIVE).
    const recursive = option.startsWith("r") ? lookup(attribute, option.slice(1)) : undefined;
    if (recursive !== undefined) {
      const whole: Meaning = recursive[0] === "c" ? ["a", 0] : recursive;
      const [set, clear] = applyAttribute(whole, result.recSet, result.recClear);
      result.recSet = set;
      result.recClear = clear;
      continue;
    }
    result.data = result.data === "" ? option : `${result.data},${option}`;
  }
  return result;
}

/** Options that a bind mount loses if another is given; in a mount namespace of another user namespace they may be locked. */
const LOCKED = K.MOUNT_ATTR_RDONLY | K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NODEV | K.MOUNT_ATTR_NOEXEC;

/**
 * The options of its source that a bind mount loses. With no option it keeps all; with any it has those that are given and
 * no other, as with runc. Access times stay unless `noatime`, `strictatime`, `relatime` or `nodiratime` is given: as in
 * mount(2), to take one back changes nothing.
 *
 * @returns MOUNT_ATTR_* bits to clear, and those of them that no option names and that stay where they are locked
 */
export function bindClear({ named, set, clear }: MountOptions): { readonly clear: number; readonly implied: number } {
  if (!named) return { clear, implied: 0 };
  const hasMode = (clear & K.MOUNT_ATTR__ATIME) !== 0;
  const noDirectories = (set & K.MOUNT_ATTR_NODIRATIME) !== 0;
  let all = (clear & ~K.MOUNT_ATTR_NODIRATIME) | LOCKED | K.MOUNT_ATTR_NOSYMFOLLOW;
  if (hasMode || noDirectories) all |= K.MOUNT_ATTR_NODIRATIME | K.MOUNT_ATTR__ATIME;
  all &= ~(set & ~K.MOUNT_ATTR__ATIME);
  return { clear: all, implied: all & ~clear & LOCKED };
}

function lookup(table: Readonly<Record<string, Meaning>>, option: string): Meaning | undefined {
  return Object.hasOwn(table, option) ? table[option] : undefined;
}

function applyAttribute([kind, bits]: Meaning, set: number, clear: number): [number, number] {
  switch (kind) {
    case "+":
      return [set | bits, clear & ~bits];
    case "-":
      return [set & ~bits, clear | bits];
    case "c": {
      const isMode = (clear & K.MOUNT_ATTR__ATIME) !== 0 && (set & K.MOUNT_ATTR__ATIME) === bits;
      return isMode ? [set & ~K.MOUNT_ATTR__ATIME, clear & ~K.MOUNT_ATTR__ATIME] : [set, clear];
    }
    default:
      // mount_setattr(2) wants the whole mask cleared whenever a mode is set.
      return [(set & ~K.MOUNT_ATTR__ATIME) | bits, clear | K.MOUNT_ATTR__ATIME];
  }
}

function applyOther([kind, bits]: Meaning, result: MountOptions): void {
  switch (kind) {
    case "f":
      result.flags |= bits;
      break;
    case "s":
      result.sb |= bits;
      break;
    case "S":
      result.sb &= ~bits;
      break;
    case "p":
      result.propagation.push(bits);
      break;
    case "l":
      result.copySymlink = true;
      break;
    case "i":
      result.idmap = bits === 0 ? "idmap" : "ridmap";
      break;
    default:
      break;
  }
}
