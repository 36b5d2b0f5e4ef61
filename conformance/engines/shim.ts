// SPDX-License-Identifier: Apache-2.0
/** `RUNT_SHIM=1`: containerd, docker and CRI are tried with the shim that is the program itself, instead of containerd's own. */
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME } from "../harness/runtime.ts";
import type { Playground } from "./playground.ts";

export const SHIM: boolean = process.env["RUNT_SHIM"] === "1";
/** What a client asks containerd for. */
export const SHIM_RUNTIME = "io.containerd.runt.v2";
/** Where the state of its containers lies, by namespace. */
export const SHIM_ROOT = "/run/containerd/runt";

/** Puts the shim where containerd looks for it, as a package does. */
export function installShim(pg: Playground): void {
  const folder = join(pg.dir, "bin");
  const link = join(folder, "containerd-shim-runt-v2");
  if (existsSync(link)) return;
  mkdirSync(folder, { recursive: true });
  symlinkSync(RUNTIME, link);
}
