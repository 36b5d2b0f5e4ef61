/** How `state` and `list` print containers: byte for byte as runc, whose output other programs read. Pure. */

import type { StateReport } from "../../runtime/options.ts";
import { jsonText } from "./json_text.ts";

/** JSON with runc's order of keys, indented by two spaces, no newline at the end. */
export function formatState(report: StateReport): string {
  return jsonText(ordered(report), 2);
}

/** A JSON array on one line; `null` where there is no container, as runc prints it. */
export function formatList(reports: readonly StateReport[]): string {
  if (reports.length === 0) return "null\n";
  return `${jsonText(reports.map(ordered))}\n`;
}

/** One id a line. */
export function formatIds(reports: readonly StateReport[]): string {
  return reports.map(({ id }) => `${id}\n`).join("");
}

const HEADER: readonly string[] = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
const MIN_WIDTH = 12;
const PADDING = 3;

/** A table with a header; columns are at least 12 wide and 3 apart. */
export function formatTable(reports: readonly StateReport[]): string {
  const rows = [
    HEADER,
    ...reports.map((report) => [
      report.id,
      String(report.pid),
      report.status,
      report.bundle,
      report.created,
      report.owner,
    ]),
  ];
  const widths = HEADER.map((_, column) =>
    Math.max(MIN_WIDTH, ...rows.map((row) => length(row[column] ?? "") + PADDING)),
  );
  const last = HEADER.length - 1;
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === last ? cell : pad(cell, widths[column] ?? 0))).join(""),
  );
  return `${lines.join("\n")}\n`;
}

function ordered(report: StateReport): Record<string, unknown> {
  const { ociVersion, id, pid, status, bundle, rootfs, created, owner } = report;
  const annotations = sorted(report.annotations ?? {});
  return {
    ociVersion,
    id,
    pid,
    status,
    bundle,
    rootfs,
    created,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(report.exit === undefined ? {} : { exit: report.exit }),
    owner,
  };
}

function sorted(annotations: Readonly<Record<string, string>>): Record<string, string> {
  // No prototype: an annotation may be called "__proto__".
  const result: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const key of Object.keys(annotations).sort()) result[key] = annotations[key] ?? "";
  return result;
}

/** In characters, not UTF-16 units. */
function length(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - length(text)));
}
