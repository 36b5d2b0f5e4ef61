#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `runt` of the npm package: the program is in the package of the platform. An engine should be given the program's own path,
// which saves it the start of Node.js: docs/install.md tells how to find it.
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";

const name = `@runt-oci/linux-${process.arch}`;

function program() {
  try {
    return fileURLToPath(import.meta.resolve(`${name}/bin/runt`));
  } catch {
    console.error(`runt: the npm package ${name} is not installed: it is an optional dependency, for Linux on x64 and arm64`);
    return process.exit(1);
  }
}

const path = program();
try {
  accessSync(path, constants.X_OK);
} catch (error) {
  console.error(`runt: ${path}: ${error.code}: the npm package ${name} is not whole: install it once more`);
  process.exit(1);
}
// From Node.js 22.15 on the program takes the place of this process.
if (typeof process.execve === "function") process.execve(path, ["runt", ...process.argv.slice(2)]);
const child = spawn(path, process.argv.slice(2), { stdio: "inherit", argv0: "runt" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"])
  process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`runt: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (status, signal) => {
  if (signal === null) return process.exit(status ?? 1);
  process.removeAllListeners(signal);
  return process.kill(process.pid, signal);
});
