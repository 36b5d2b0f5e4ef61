// SPDX-License-Identifier: Apache-2.0
// The tables of scripts/properties.mjs: what the scenarios say of each property, with each runtime.
import { cell } from "./scenarios.mjs";

const PROVES = "# proves ";
/** Before a scenario that can try no more than that a property is refused. */
const REFUSED = "# refused: ";
/** What becomes of a property, from the worst to the least; `ok` if nothing of it. */
const OTHERS = ["failed", "refused", "skipped", "untested"];

const CANNOT = "this host cannot have it";

/** What a note says of a property that was tried on a host of HOSTS.md alone. */
export function onHost(name) {
  return `on ${name} of [HOSTS.md](HOSTS.md): ${CANNOT}`;
}

/** `{ scenario, properties: { name: values }, verdict, reason }` for each scenario of parsed TAP that names properties. */
export function proofs(events, file) {
  const found = [];
  let properties;
  let refused;
  for (const [kind, value] of events) {
    if (kind === "child") {
      const said = (word) =>
        value
          .find(([inner, text]) => inner === "comment" && text.startsWith(word))?.[1]
          .slice(word.length)
          .trim();
      properties = said(PROVES) === undefined ? undefined : JSON.parse(said(PROVES));
      refused = said(REFUSED);
    } else if (kind === "assert") {
      const passed = refused === undefined ? "ok" : "refused";
      const verdict = value.skip ? "skipped" : value.ok ? passed : "failed";
      const reason = typeof value.skip === "string" ? value.skip : verdict === "refused" ? refused : "";
      if (properties !== undefined) found.push({ file, scenario: value.name, properties, verdict, reason });
      properties = undefined;
    }
  }
  return found;
}

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

/** `[word, note]` of what scenarios say; one that fails outweighs those that pass, then come refusals, and skipped ones at last. */
function verdictOf(proofs, title) {
  const of = (verdict) => proofs.filter((each) => each.verdict === verdict);
  if (proofs.length === 0) return ["untested"];
  /** The host, where there is but another one that says so, and more. */
  const noteOf = (found, ...more) =>
    [...(found.every(({ where }) => where !== undefined) ? [found[0].where] : []), ...more].join("; ");
  const failed = of("failed");
  if (failed.length > 0)
    return [
      "failed",
      noteOf(failed, `${title} fails: ${failed.map(({ file, scenario }) => `${topic(file)}: ${scenario}`).join("; ")}`),
    ];
  const passed = of("ok");
  if (passed.length > 0) return ["ok", noteOf(passed)];
  const refused = of("refused");
  if (refused.length > 0) return ["refused", noteOf(refused, refused[0].reason)];
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
    const others = OTHERS.flatMap((word) => {
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

/** The table that a document has, as `fullTable` has made it: rows of cells by property, notes, and the rows of values. */
function read(text) {
  const [properties, values = ""] = text.split("\n## Values\n");
  const cells = (line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((each) => each.trim());
  const plain = (note) => note.replaceAll("\\|", "|").replaceAll("&lt;", "<");
  const notes = new Map([...properties.matchAll(/^(\d+)\. (.*)$/gm)].map(([, number, note]) => [number, plain(note)]));
  const rows = properties
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map(cells);
  return {
    rows,
    notes,
    values: values
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .map(cells),
  };
}

/** Names of the properties that were skipped with the first runtime of a table. */
export function skippedIn(text) {
  return read(text)
    .rows.filter(([, first]) => first.startsWith("skipped"))
    .map(([name]) => name.replaceAll("`", ""));
}

/**
 * A table with what further proofs say of the properties that it has as skipped or refused, of those that it has from the same host, and
 * of those that this host could not have then; all else stays.
 *
 * @param text of {@link fullTable}
 * @param columns as of {@link fullTable}
 */
export function amendedTable(text, columns) {
  const { rows, notes: old, values } = read(text);
  const notes = new Notes();
  const proven = (name) => columns[0].proofs.filter(({ properties }) => Object.hasOwn(properties, name));
  const renumber = (shown) => shown.replace(/\((\d+)\)$/, (_, number) => `(${notes.number(old.get(number))})`);
  const amended = rows.map(([shown, ...cells]) => {
    const name = shown.replaceAll("`", "");
    const about = proven(name);
    const isOpen = /^(skipped|refused)/.test(cells[0]);
    const note = old.get(/\((\d+)\)$/.exec(cells[0])?.[1]) ?? "";
    const isAgain = about.some(({ where, verdict }) =>
      where === undefined ? note.includes(CANNOT) && verdict !== "skipped" : note.startsWith(where),
    );
    const isNew = (isOpen || isAgain) && about.some(({ verdict }) => verdict !== "skipped");
    if (!isNew) return [shown, ...cells.slice(0, -1).map(renumber), cells.at(-1)];
    const files = [...new Set([...cells.at(-1).split(", "), ...about.map(({ file }) => topic(file))])];
    // A runtime that was not asked keeps what the table says of it.
    const asked = columns.map(({ proofs }) => proofs.some(({ properties }) => Object.hasOwn(properties, name)));
    const found = columns.map((column, index) => (asked[index] ? cellsOf(name, [column], notes)[0] : renumber(cells[index])));
    return [shown, ...found, files.join(", ")];
  });
  const shownValues = values.map(([name, value, ...cells]) => {
    const found = columns.map(({ proofs }, index) => {
      const isHere = proofs.some(
        (each) => each.verdict === "ok" && each.properties[name.replaceAll("`", "")]?.includes(value.replaceAll("`", "")),
      );
      return cells[index] === "–" && isHere ? "ok" : cells[index];
    });
    return [name, value, ...found];
  });
  const sum = columns.map(({ title }, index) => {
    const words = amended.map((cells) => /[a-z]+/.exec(cells[index + 1])?.[0]);
    const others = OTHERS.map((word) => [words.filter((each) => each === word).length, word]);
    const rest = others.filter(([times]) => times > 0).map(([times, word]) => `${times} ${word}`);
    return `${title} ${words.filter((word) => word === "ok").length} of ${words.length}${rest.length === 0 ? "" : ` (${rest.join(", ")})`}`;
  });
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const titles = columns.map(({ title }) => title).join(" | ");
  return [
    `Properties that pass: ${sum.join("; ")}.`,
    "",
    ...head("property", columns, "scenarios in"),
    ...amended.map(line),
    "",
    ...notes.lines(),
    "",
    "## Values",
    "",
    "A value is `ok` where a scenario that has it passes, and – where no scenario that was run has it.",
    "",
    `| property | value | ${titles} |`,
    `|---|---|${"---|".repeat(columns.length)}`,
    ...shownValues.map(line),
  ].join("\n");
}
