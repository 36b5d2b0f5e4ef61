// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { filterChanges, wantedFilter } from "./devices.ts";

const values = (before: Parameters<typeof wantedFilter>[0], after: Parameters<typeof wantedFilter>[0]): string[] =>
  filterChanges(wantedFilter(before, []), wantedFilter(after, [])).map(({ file, value }) => `${file} ${value}`);

t.test("the difference of two filters, and nothing else", async (t) => {
  const base = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 1, minor: 11, access: "r" },
  ] as const;
  const more = [
    ...base,
    { allow: true, type: "c", major: 1, minor: 11, access: "rw" },
    { allow: true, type: "b", major: 8, access: "r" },
  ] as const;
  t.same(values(base, base), []);
  t.same(values(base, more), ["devices.allow c 1:11 w", "devices.allow b 8:* r"]);
  t.same(values(more, base), ["devices.deny c 1:11 w", "devices.deny b 8:* r"]);
});

t.test("where all is allowed but for some", async (t) => {
  const base = [
    { allow: true, access: "rwm" },
    { allow: false, type: "c", major: 1, minor: 11, access: "rw" },
  ] as const;
  const more = [...base, { allow: true, type: "c", major: 1, minor: 11, access: "w" }] as const;
  t.same(values(base, more), ["devices.allow c 1:11 w"]);
  t.same(values(more, base), ["devices.deny c 1:11 w"]);
});
