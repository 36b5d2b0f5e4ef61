import { RuntimeError } from "../../errors.ts";
import { newConfig } from "../../runtime/operations/new_config.ts";
import { formatConfig } from "../../spec/defaults.ts";
import { Errno } from "../../kernel/errno.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY, syscallError } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** Options of {@link spec}. */
export interface SpecOptions {
  /** Absolute directory to write `config.json` to. */
  readonly bundle: string;
  /** For a user without privileges: a user namespace that maps the caller's ids to 0. */
  readonly rootless: boolean;
}

/**
 * `runt spec`: a new `config.json` to start from.
 *
 * @throws RuntimeError `USAGE` where there is one already, `SYSCALL` where it cannot be written
 */
export function spec(options: SpecOptions): CommandResult {
  const { bundle, rootless } = options;
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
