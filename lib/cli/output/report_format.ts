// SPDX-License-Identifier: Apache-2.0
/** Containers as JSON, for `state` and `list`: byte for byte as runc, whose output other programs read. Pure. */

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
