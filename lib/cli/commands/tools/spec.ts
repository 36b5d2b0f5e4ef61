// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { Errno } from "../../../kernel/errno.ts";
import { newConfig } from "../../../runtime/operations/new_config.ts";
import { formatConfig } from "../../../spec/defaults.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY, syscallError } from "../../../sys/files.ts";
import { native } from "../../../sys/native.ts";
import { bundlePaths } from "../../bundle_paths.ts";
import { defineCommand } from "../../command.ts";
import { type CommandResult, SILENT } from "../../result.ts";
import { BUNDLE, NO_ARGUMENTS } from "../../shared_options.ts";

export const SPEC = defineCommand({
  name: "spec",
  summary: "write a new config.json to start from",
  ...NO_ARGUMENTS,
  options: [BUNDLE, { name: "rootless", type: "boolean", help: "for a container of an unprivileged user" }],
  description: `Writes a config.json to start from: it runs "sh" in a terminal, with the root file
system in "rootfs", read-only. A config.json that exists is not replaced.

With --rootless the container gets a user namespace in which the caller is root. Root in a
user namespace does not need it.`,
  examples: ["$ runt spec --rootless --bundle ./bundle"],
  seeAlso: ["runt-check(8)", "runt-run(8)"],
  run(_context, flags) {
    return spec(bundlePaths(flags).bundle, flags.rootless ?? false);
  },
});

/**
 * Writes `config.json` to the directory `bundle`.
 *
 * @param rootless for a user without privileges: a user namespace that maps the caller's ids to 0
 * @throws RuntimeError `USAGE` if the file exists already, `SYSCALL` if it cannot be written
 */
function spec(bundle: string, rootless: boolean): CommandResult {
  const config = newConfig({ rootless });
  const path = `${bundle}/config.json`;
  const data = formatConfig(config);
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  const written = native.writeFile(AT_FDCWD, path, flags, 0o666, data);
  if (written === -Errno.EEXIST) {
    throw new RuntimeError("USAGE", "File config.json exists. Remove it first", { path });
  }
  if (written === -Errno.ENOENT || written === -Errno.ENOTDIR) {
    throw syscallError(-written, `chdir ${bundle}`, { path: bundle });
  }
  check(written, `open ${path}`, { path });
  return SILENT;
}
