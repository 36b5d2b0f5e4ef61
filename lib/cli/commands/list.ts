import { RuntimeError } from "../../errors.ts";
import { list as listContainers } from "../../runtime/operations/list.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { exists } from "../../sys/files.ts";
import { formatIds, formatList, formatTable } from "../output/report_format.ts";
import { type CommandResult, printed } from "../result.ts";

/** Options of {@link list}. */
export interface ListOptions {
  /** `table` or `json`; looked at only without `quiet`, as in runc. */
  readonly format: string;
  /** Ids only. */
  readonly quiet: boolean;
  /** A root directory that does not exist is an error, not an empty list: somebody named it. */
  readonly rootMustExist: boolean;
}

/**
 * `runt list`: the containers of the root directory.
 *
 * @throws RuntimeError `USAGE` for an unknown format, `SYSCALL` for a root directory that is missing
 */
export function list(context: RuntimeContext, options: ListOptions): CommandResult {
  const { root } = context;
  if (options.rootMustExist && !exists(root)) {
    const facts = { path: root, errno: Errno.ENOENT, syscall: "open" };
    throw new RuntimeError("SYSCALL", `open ${root}: ${errnoText(Errno.ENOENT)}`, facts);
  }
  const reports = listContainers(context);
  if (options.quiet) return printed(formatIds(reports));
  switch (options.format) {
    case "table":
      return printed(formatTable(reports));
    case "json":
      return printed(formatList(reports));
    default:
      throw new RuntimeError("USAGE", "invalid format option");
  }
}
