// SPDX-License-Identifier: Apache-2.0
/** The meaning of `--root`, `--rootless` and `--cgroup-manager`. Pure. */

import { RuntimeError } from "../errors.ts";
import { absolutePath } from "./paths.ts";

const DEFAULT_ROOT = "/run/runt";

/** The directory of the containers' state, and the reason for it. */
export interface Root {
  readonly path: string;
  /**
   * - `option`: `--root` was given
   * - `xdg`: `$XDG_RUNTIME_DIR/runt`, for a user who is not the machine's root
   * - `default`: `/run/runt`
   */
  readonly from: "option" | "xdg" | "default";
}

/** Facts about this process that {@link chooseRoot} needs. */
export interface RootFacts {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly effectiveUid: number;
  /** Whether the process is in a user namespace other than the machine's; asked only where it matters. */
  readonly inUserNamespace: () => boolean;
}

/**
 * Chooses the directory of the containers' state. Pure.
 *
 * @param option value of `--root`
 * @throws RuntimeError `USAGE` where `option` means `/`
 */
export function chooseRoot(option: string | undefined, facts: RootFacts): Root {
  if (option !== undefined) {
    const path = absolutePath(option, option.startsWith("/") ? "/" : facts.directory);
    // This covers "", "." and ".." if they lead to "/". State would lie among system directories, and `delete` would remove them.
    if (path === "/") throw new RuntimeError("USAGE", "Option --root argument should not be set to /");
    return { path, from: "option" };
  }
  const xdg = facts.environment["XDG_RUNTIME_DIR"] ?? "";
  if (xdg !== "" && honoursXdg(facts)) return { path: `${xdg}/runt`, from: "xdg" };
  return { path: DEFAULT_ROOT, from: "default" };
}

/** As runc: the machine's root never uses $XDG_RUNTIME_DIR, and neither does USER=root in a user namespace. */
function honoursXdg(facts: RootFacts): boolean {
  if (facts.effectiveUid !== 0) return true;
  return facts.inUserNamespace() && facts.environment["USER"] !== "root";
}

/** The value of `--rootless`. */
export function rootlessOf(choice: "true" | "false" | "auto" = "auto"): boolean | "auto" {
  return choice === "auto" ? choice : choice === "true";
}

/**
 * The values of `--cgroup-manager`, which is crun's, and `--systemd-cgroup`.
 *
 * @throws RuntimeError `USAGE` where the two contradict each other
 */
export function managerOf(
  manager: "cgroupfs" | "systemd" | "disabled" | undefined,
  systemd = false,
): { readonly systemdCgroup: boolean; readonly withoutCgroups: boolean } {
  const chosen = manager ?? (systemd ? "systemd" : "cgroupfs");
  if (systemd && chosen !== "systemd") {
    throw new RuntimeError("USAGE", `--cgroup-manager ${chosen} contradicts --systemd-cgroup: leave one of them out`);
  }
  return { systemdCgroup: chosen === "systemd", withoutCgroups: chosen === "disabled" };
}
