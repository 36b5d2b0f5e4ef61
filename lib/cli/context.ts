// SPDX-License-Identifier: Apache-2.0
/** The global options as the context that every operation of the runtime takes. */

import { S_IFDIR, S_IFMT } from "../kernel/numbers.ts";
import { RuntimeError } from "../errors.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { inUserNamespace } from "../sys/user_namespace.ts";
import type { CommandLog } from "./log.ts";
import { currentDirectory } from "./paths.ts";
import { chooseRoot, managerOf, rootlessOf, type Root } from "./root.ts";
import type { GlobalFlags } from "./global_options.ts";

/** {@link chooseRoot} with the facts of this process. */
export function rootOf(globals: GlobalFlags): Root {
  return chooseRoot(globals.root, {
    // It is read only when it is needed: it may have been removed, which does not matter to "delete".
    get directory() {
      return currentDirectory();
    },
    environment: process.env,
    effectiveUid: process.geteuid?.() ?? 0,
    inUserNamespace,
  });
}

/**
 * The context of a command.
 *
 * @throws RuntimeError `USAGE` for options that contradict each other, `SYSCALL` where the root directory below
 *   $XDG_RUNTIME_DIR cannot be made
 */
export function makeContext(globals: GlobalFlags, root: Root, log: CommandLog): RuntimeContext {
  if (globals.criu !== undefined) log.warn("--criu is ignored");
  if (root.from === "xdg") makeSticky(root.path);
  return {
    root: root.path,
    log,
    ...managerOf(globals["cgroup-manager"], globals["systemd-cgroup"]),
    rootless: rootlessOf(globals.rootless),
  };
}

/** The XDG base directory specification: old files there may be removed, unless they have the sticky bit. */
function makeSticky(path: string): void {
  for (let end = path.indexOf("/", 1); ; end = path.indexOf("/", end + 1)) {
    const part = end === -1 ? path : path.slice(0, end);
    const made = native.mkdir(AT_FDCWD, part, 0o700);
    if (made < 0 && made !== -Errno.EEXIST && !isDirectory(part)) {
      throw failed("mkdir", path, -made, "the path in $XDG_RUNTIME_DIR must be writable by the user");
    }
    if (end === -1) break;
  }
  const changed = native.chmod(AT_FDCWD, path, 0o1700);
  if (changed < 0) {
    throw failed("chmod", path, -changed, "check the permissions of the path in $XDG_RUNTIME_DIR");
  }
}

function isDirectory(path: string): boolean {
  const stat = native.stat(AT_FDCWD, path, true);
  return typeof stat !== "number" && (stat.mode & S_IFMT) === S_IFDIR;
}

function failed(syscall: string, path: string, errno: number, advice: string): RuntimeError {
  const message = `${syscall} ${path}: ${errnoText(errno)} (${advice})`;
  return new RuntimeError("SYSCALL", message, { syscall, path, errno });
}
