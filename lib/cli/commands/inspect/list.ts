import { RuntimeError } from "../../../errors.ts";
import { Errno, errnoText } from "../../../kernel/errno.ts";
import { list } from "../../../runtime/operations/list.ts";
import { exists } from "../../../sys/files.ts";
import { defineCommand } from "../../command.ts";
import { formatIds, formatList, formatTable } from "../../output/report_format.ts";
import { printed } from "../../result.ts";
import { FORMAT_TABLE, NO_ARGUMENTS } from "../../shared_options.ts";

export const LIST = defineCommand({
  name: "list",
  summary: "list the containers of the root directory",
  ...NO_ARGUMENTS,
  options: [
    // As in runc.
    { ...FORMAT_TABLE, ignoredWith: "quiet" },
    { name: "quiet", alias: "q", type: "boolean", help: "print container ids only" },
  ],
  description: "Lists the containers whose state is in the root directory.",
  examples: ["# runt --root /run/containerd/runc/default list --format json"],
  seeAlso: ["runt-state(8)"],
  run(context, { format, quiet }) {
    const { root, rootFrom } = context;
    // Somebody named it, so it is an error and not an empty list.
    if (rootFrom === "option" && !exists(root)) {
      const facts = { path: root, errno: Errno.ENOENT, syscall: "open" };
      throw new RuntimeError("SYSCALL", `open ${root}: ${errnoText(Errno.ENOENT)}`, facts);
    }
    const reports = list(context);
    if (quiet === true) return printed(formatIds(reports));
    return printed(format === "json" ? formatList(reports) : formatTable(reports));
  },
});
