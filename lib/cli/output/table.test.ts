// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { formatTable } from "./table.ts";

interface Row {
  readonly id: string;
  readonly bundle: string;
  readonly owner: string;
}

const COLUMNS = [
  ["ID", ({ id }: Row) => id, "ascii"],
  ["BUNDLE", ({ bundle }: Row) => bundle],
  ["OWNER", ({ owner }: Row) => owner],
] as const;

t.test("titles alone", (t) => {
  t.equal(formatTable(COLUMNS, []), "ID          BUNDLE      OWNER\n");
  t.end();
});

t.test("columns are at least 12 wide and 3 apart", (t) => {
  const rows = [
    { id: "a", bundle: "/b", owner: "root" },
    { id: "a-long-identifier", bundle: "/bundle-of-16-ch", owner: "" },
  ];
  t.equal(
    formatTable(COLUMNS, rows),
    [
      "ID                  BUNDLE             OWNER",
      "a                   /b                 root",
      "a-long-identifier   /bundle-of-16-ch   ",
      "",
    ].join("\n"),
  );
  t.end();
});

t.test("widths count characters, not UTF-16 units", (t) => {
  const rows = [
    { id: "a", bundle: "/\u{1F433}\u{1F433}/bundle-of-19-c", owner: "o\u{1F433}" },
    { id: "b", bundle: "/ä", owner: "root" },
  ];
  t.equal(
    formatTable(COLUMNS, rows),
    [
      "ID          BUNDLE               OWNER",
      "a           /\u{1F433}\u{1F433}/bundle-of-19-c   o\u{1F433}",
      "b           /ä                   root",
      "",
    ].join("\n"),
  );
  t.end();
});
