// SPDX-License-Identifier: Apache-2.0
// The tables of conformance/ENGINES.md: a column for each release and runtime, which stays until it is made anew. The page itself
// is where they are kept.
import { readFileSync } from "node:fs";
import { cell } from "./scenarios.mjs";

/** Order of the columns. */
const RELEASES = ["bookworm", "trixie", "forky"];
const RUNTIMES = ["runc", "crun", "runt", "shim"];

/** The cells of a row, as they were before `cell`. */
function cells(line) {
  const found = line.split(/(?<!\\)\|/).slice(1, -1);
  return found.map((text) => text.trim().replaceAll("\\|", "|").replaceAll("&lt;", "<"));
}

/**
 * The columns of a part of the page.
 *
 * @returns verdicts by the name of the column, and in it by "ENGINE\nSCENARIO"
 */
export function readTables(path, part) {
  const text = readFileSync(path, "utf8").split(`<!-- ${part}: begin -->`)[1]?.split(`<!-- ${part}: end -->`)[0] ?? "";
  const columns = new Map();
  let engine = "";
  let names = [];
  for (const line of text.split("\n")) {
    const title = /^\*\*(.*)\*\*$/.exec(line)?.[1];
    if (title !== undefined) engine = title;
    if (engine === "" || !line.startsWith("| ")) continue;
    const [first = "", ...rest] = cells(line);
    if (first === "scenario") {
      names = rest;
      continue;
    }
    rest.forEach((verdict, index) => {
      const name = names[index] ?? "";
      if (!columns.has(name)) columns.set(name, new Map());
      if (verdict !== "") columns.get(name).set(`${engine}\n${first}`, verdict);
    });
  }
  return columns;
}

/**
 * The columns with new ones.
 *
 * @param extent what those hold: `all` there is, whole `engines`, or some `scenarios`; the rest stays as it was
 */
export function merged(columns, added, extent) {
  const all = new Map(columns);
  for (const { name, found } of added) {
    const engines = new Set([...found.keys()].map((key) => key.split("\n")[0]));
    const stays = { all: () => false, engines: (key) => !engines.has(key.split("\n")[0]), scenarios: () => true }[extent];
    all.set(name, new Map([...[...(all.get(name) ?? [])].filter(([key]) => stays(key)), ...found]));
  }
  return all;
}

function placeOf(name) {
  const [release = "", runtime = ""] = name.split(": ");
  const place = (list, word) => (list.includes(word) ? list.indexOf(word) : list.length);
  return place(RELEASES, release) * 10 + place(RUNTIMES, runtime);
}

function countOf(found, kind) {
  return [...found.values()].filter((verdict) => verdict.startsWith(kind)).length;
}

/** The text of the part: sums, then a table an engine. */
export function tables(columns) {
  const names = [...columns.keys()].sort((a, b) => placeOf(a) - placeOf(b));
  // The fullest column has the order of the files; others may have parts.
  const bySize = [...names].sort((a, b) => columns.get(b).size - columns.get(a).size);
  const keys = [...new Set(bySize.flatMap((name) => [...columns.get(name).keys()]))];
  const engines = [...new Set(keys.map((key) => key.split("\n")[0] ?? ""))];
  const lines = ["| engines of: runtime | passed | failed | skipped |", "|---|---|---|---|"];
  for (const name of names) {
    const count = (kind) => countOf(columns.get(name), kind);
    lines.push(`| ${name} | ${count("ok")} | ${count("FAILED")} | ${count("skipped")} |`);
  }
  for (const engine of engines.sort()) {
    lines.push("", `**${engine}**`, "", `| scenario | ${names.join(" | ")} |`, `|---|${"---|".repeat(names.length)}`);
    for (const key of keys.filter((each) => each.startsWith(`${engine}\n`))) {
      const verdicts = names.map((name) => cell(columns.get(name).get(key) ?? ""));
      lines.push(`| ${cell(key.split("\n")[1] ?? "")} | ${verdicts.join(" | ")} |`);
    }
  }
  return lines.join("\n");
}
