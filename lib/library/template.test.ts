// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { argumentsOf, type TemplateValue } from "./template.ts";

function words(template: TemplateStringsArray, ...values: readonly TemplateValue[]): string[] {
  return argumentsOf(template, values);
}

t.test("spaces part arguments, values never do", async (t) => {
  t.same(words`ls -l  /tmp`, ["ls", "-l", "/tmp"]);
  t.same(words`  ls ${"a b"} `, ["ls", "a b"]);
  t.same(words`x${"a b"}y${1}`, ["xa by1"]);
  t.same(words`echo ${["a b", "c"]} d`, ["echo", "a b", "c", "d"]);
  t.same(words`echo x${["a", "b"]}y`, ["echo", "xa", "by"]);
  t.same(words`echo ${[]} d`, ["echo", "d"]);
  t.same(words`echo ${""}`, ["echo", ""]);
  t.same(words`echo a\ b \\ \$`, ["echo", "a b", "\\", "$"]);
  t.same(words`echo "${"x"}"`, ["echo", '"x"'], "quotes are letters");
});

t.test("what is no argument", async (t) => {
  t.throws(() => words` `, { code: "USAGE" });
  for (const wrong of [undefined, null, {}, true, NaN, [["nested"]]]) {
    t.throws(() => words`echo ${wrong as never}`, { code: "USAGE", message: /value 1 of the command/ });
  }
});
