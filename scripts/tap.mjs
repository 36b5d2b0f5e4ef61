// SPDX-License-Identifier: Apache-2.0
// What the runners of tests share: where the files are, and what their TAP says.
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "./prepare.mjs";

/** Path of every file below `folder` whose name ends in `.test.ts`, sorted. */
export function testFiles(folder) {
  const found = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/**
 * Counts the tests in parsed TAP: a subtest without subtests is one test, and so is a lone assertion.
 * `problems` gets the full name of each test that failed, and its diagnostics.
 */
export function count(events, path, problems) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let child;
  for (const [kind, value] of events) {
    if (kind === "child") child = value;
    else if (kind === "bailout") {
      counts.failed += 1;
      problems.push({ name: [...path, `Bail out! ${value}`].join(" > ") });
    } else if (kind === "assert") {
      const nested = child?.some(([inner]) => inner === "child") === true;
      const inside = nested ? count(child, [...path, value.name], problems) : undefined;
      if (inside !== undefined) for (const key of Object.keys(counts)) counts[key] += inside[key];
      const missed = inside === undefined || (!value.ok && inside.failed === 0);
      if (missed) {
        if (value.skip || value.todo) counts.skipped += 1;
        else if (value.ok) counts.passed += 1;
        else {
          counts.failed += 1;
          problems.push({ name: [...path, value.name].join(" > "), failed: failedAsserts(child), diag: value.diag });
        }
      }
      child = undefined;
    }
  }
  return counts;
}

function failedAsserts(events) {
  const asserts = (events ?? []).filter(([kind, value]) => kind === "assert" && !value.ok);
  return asserts.map(([, value]) => ({ name: value.name, diag: value.diag }));
}

/** Lines for a person about one of the `problems` of {@link count}. */
export function describe(problem) {
  const lines = [`    not ok ${problem.name}`];
  for (const { name, diag } of problem.failed ?? []) {
    lines.push(`      ${name}`);
    const text = diag?.diff ?? JSON.stringify({ ...diag, stack: undefined, source: undefined });
    for (const line of String(text ?? "")
      .split("\n")
      .slice(0, 24))
      lines.push(`        ${line.slice(0, 400)}`);
    if (diag?.at !== undefined) lines.push(`        at ${diag.at.fileName}:${diag.at.lineNumber}`);
  }
  return lines.join("\n");
}
