// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { header } from "./plan_header.ts";
import { CALLS, OPS } from "../../lib/plan/steps.ts";

/** The project's folder, whether this file runs from lib/ or compiled from build/js/lib/. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "native", "plan"))) folder = dirname(folder);
  return folder;
}

t.test("the committed header is the one that the table gives", (t) => {
  const committed = readFileSync(join(projectRoot(), "native", "plan", "ops.gen.h"), "utf8");
  t.equal(committed, header(), "run `npm run generate`");
  t.end();
});

t.test("every operation and call has a number, its place in the table", (t) => {
  const text = header();
  const numbers = (name: string): number[] => {
    const body = new RegExp(`enum class ${name} [^{]*{([^}]*)}`).exec(text)?.[1] ?? "";
    return [...body.matchAll(/= (\d+),/g)].map((match) => Number(match[1]));
  };
  t.same(
    numbers("Op"),
    Object.keys(OPS).map((_, index) => index),
  );
  t.same(
    numbers("Call"),
    CALLS.map((_, index) => index),
  );
  t.match(text, "kOpCount = " + String(Object.keys(OPS).length));
  t.end();
});

t.test("fields keep the order of the table, in C++ spelling", (t) => {
  const text = header();
  t.match(
    text,
    "return in.Read(&out->resource) &&\n         in.Read(&out->soft) &&\n" +
      "         in.Read(&out->hard) &&\n         in.AtEnd();",
  );
  t.match(text, "std::uint32_t timeout_ms = 0;");
  t.match(text, "Strings args;");
  t.match(text, "in.ReadText(&out->state_head)");
  t.match(text, "struct IdMapsStep {};");
  t.end();
});

t.test("every step is decoded by name", (t) => {
  const text = header();
  for (const name of Object.keys(OPS)) {
    const type = name.charAt(0).toUpperCase() + name.slice(1);
    t.match(text, `case Op::k${type}: {\n      ${type}Step step;`, name);
  }
  t.end();
});
