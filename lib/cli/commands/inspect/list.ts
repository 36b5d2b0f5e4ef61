// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { Errno, errnoText } from "../../../kernel/errno.ts";
import { list, listIds } from "../../../runtime/operations/list.ts";
import type { StateReport } from "../../../runtime/options.ts";
import { exists } from "../../../sys/files.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { formatList } from "../../output/report_format.ts";
import { type Column, formatTable } from "../../output/table.ts";
import { printed } from "../../result.ts";
import { FORMAT_TABLE, NO_ARGUMENTS } from "../../shared_options.ts";

const OPTIONS = [
  // As in runc.
  { ...FORMAT_TABLE, ignoredWith: "quiet" },
  { name: "quiet", alias: "q", type: "boolean", help: "print container ids only" },
] as const satisfies readonly OptionRow[];

const COLUMNS: readonly Column<StateReport>[] = [
  ["ID", ({ id }) => id, "ascii"],
  ["PID", ({ pid }) => String(pid), "ascii"],
  ["STATUS", ({ status }) => status, "ascii"],
  ["BUNDLE", ({ bundle }) => bundle],
  ["CREATED", ({ created }) => created, "ascii"],
  ["OWNER", ({ owner }) => owner],
];

export const LIST = defineCommand({
  name: "list",
  summary: "list the containers of the root directory",
  ...NO_ARGUMENTS,
  options: OPTIONS,
  description: "Lists the containers whose state is in the root directory.",
  examples: ["# runt --root /run/containerd/runc/default list --format json"],
  seeAlso: ["runt-state(8)"],
  run(context, flags) {
    const { root, rootFrom } = context;
    // The caller named it, so it is an error and not an empty list.
    if (rootFrom === "option" && !exists(root)) {
      const facts = { path: root, errno: Errno.ENOENT, syscall: "open" };
      throw new RuntimeError("SYSCALL", `open ${root}: ${errnoText(Errno.ENOENT)}`, facts);
    }
    return printed(flags.quiet === true ? idsText(listIds(context)) : listText(list(context), flags));
  },
});

/** The output of --quiet, whatever the format. Pure. */
export function idsText(ids: readonly string[]): string {
  return ids.map((id) => `${id}\n`).join("");
}

/** The output. Pure. */
export function listText(reports: readonly StateReport[], { format }: Flags<typeof OPTIONS>): string {
  return format === "json" ? formatList(reports) : formatTable(COLUMNS, reports);
}
