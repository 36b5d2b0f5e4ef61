// SPDX-License-Identifier: Apache-2.0
// The tables of scripts/properties.mjs: what the scenarios say of each property, with each runtime.
import { cell } from "./scenarios.mjs";

/** Numbered notes; the same text is one note. */
class Notes {
  #texts = [];

  number(text) {
    if (!this.#texts.includes(text)) this.#texts.push(text);
    return this.#texts.indexOf(text) + 1;
  }

  lines() {
    return this.#texts.map((text, index) => `${index + 1}. ${cell(text)}`);
  }
}

const IN_MACHINE = "in the virtual machine with cgroup v2 and systemd: this host cannot have it";

/** `[word, note]` of what scenarios say; one that fails outweighs those that pass, and those outweigh skipped ones. */
function verdictOf(proofs, title) {
  const of = (verdict) => proofs.filter((each) => each.verdict === verdict);
  if (proofs.length === 0) return ["untested"];
  const failed = of("failed");
  if (failed.length > 0)
    return ["failed", `${title} fails: ${failed.map(({ file, scenario }) => `${topic(file)}: ${scenario}`).join("; ")}`];
  const passed = of("ok");
  if (passed.length > 0) return passed.every(({ inMachine }) => inMachine) ? ["ok", IN_MACHINE] : ["ok"];
  const reasons = [...new Set(of("skipped").map(({ reason }) => reason))];
  return ["skipped", reasons.join("; ")];
}

function topic(file) {
  return file.split("/").at(-1).replace(".test.ts", "");
}

function cellsOf(name, columns, notes) {
  return columns.map(({ title, proofs }) => {
    const about = proofs.filter(({ properties }) => Object.hasOwn(properties, name));
    const [word, note] = verdictOf(about, title);
    const shown = word === "failed" ? "**failed**" : word;
    return note === undefined || note === "" ? shown : `${shown} (${notes.number(note)})`;
  });
}

function head(first, columns, last) {
  const names = [first, ...columns.map(({ title }) => title), ...(last === undefined ? [] : [last])];
  return [`| ${names.join(" | ")} |`, `|${"---|".repeat(names.length)}`];
}

/** How many properties pass with each runtime. */
function sums(properties, columns) {
  const counts = columns.map(({ title, proofs }) => {
    const words = properties.map(
      ({ name }) =>
        verdictOf(
          proofs.filter((each) => Object.hasOwn(each.properties, name)),
          title,
        )[0],
    );
    const others = ["failed", "skipped", "untested"].flatMap((word) => {
      const count = words.filter((each) => each === word).length;
      return count === 0 ? [] : [`${count} ${word}`];
    });
    return `${title} ${words.filter((word) => word === "ok").length} of ${words.length}${others.length === 0 ? "" : ` (${others.join(", ")})`}`;
  });
  return `Properties that pass: ${counts.join("; ")}.`;
}

/** One row a property, with the files that prove it, and one for each value that the specification lists. */
export function fullTable(properties, columns) {
  const notes = new Notes();
  const lines = [];
  for (const { name } of properties) {
    const about = columns[0].proofs.filter(({ properties: proven }) => Object.hasOwn(proven, name));
    const files = [...new Set(about.map(({ file }) => topic(file)))];
    lines.push(`| \`${name}\` | ${cellsOf(name, columns, notes).join(" | ")} | ${files.join(", ")} |`);
  }
  const values = [];
  for (const { name, values: listed = [] } of properties) {
    for (const value of listed) {
      const cells = columns.map(({ proofs }) => {
        const about = proofs.filter(({ properties: proven }) => proven[name]?.includes(value));
        if (about.some(({ verdict }) => verdict === "failed")) return "**failed**";
        return about.length === 0 ? "–" : "ok";
      });
      values.push(`| \`${name}\` | ${value === "" ? "(empty)" : `\`${cell(value)}\``} | ${cells.join(" | ")} |`);
    }
  }
  const titles = columns.map(({ title }) => title).join(" | ");
  return [
    sums(properties, columns),
    "",
    ...head("property", columns, "scenarios in"),
    ...lines,
    "",
    ...notes.lines(),
    "",
    "## Values",
    "",
    "A value is `ok` where a scenario that has it passes, and – where no scenario that was run has it.",
    "",
    `| property | value | ${titles} |`,
    `|---|---|${"---|".repeat(columns.length)}`,
    ...values,
  ].join("\n");
}
