// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { parseJson } from "./json.ts";
import { type Json, lineAndColumn, MAX_DEPTH, parseExact } from "./exact.ts";
import { isPlainJson } from "../../sys/pure.ts";
import { pointerStep } from "./pointer.ts";

/** JSON text of a value that may have bigints, as a program would write it. */
function write(value: Json): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(write).join(" , ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:\n${write(member)}`);
    return `{${members.join(",\t")}}`;
  }
  return JSON.stringify(value);
}

function messages(text: string): string[] {
  return parseJson(text).problems.map((p) => `${p.pointer} ${p.line}:${p.column} ${p.message}`);
}

t.test("integers keep their value", (t) => {
  const { value } = parseJson('{"a":18446744073709551615,"b":9007199254740991,"c":-9223372036854775808,"d":1e3,"e":1.5}');
  t.strictSame(value, {
    a: 18446744073709551615n,
    b: 9007199254740991,
    c: -9223372036854775808n,
    d: 1000,
    e: 1.5,
  });
  t.strictSame(parseJson("9007199254740993").value, 9007199254740993n);
  t.strictSame(parseJson("[-0]").value, [-0]);
  t.end();
});

t.test("equal names are an error, at the second", (t) => {
  t.strictSame(messages('{\n "a": 1,\n "b": {"x~/y": 1,\n   "x~/y": 2},\n "a": 3}'), [
    '/b/x~0~1y 4:4 the name "x~/y" stands twice in one object',
    '/a 5:2 the name "a" stands twice in one object',
  ]);
  t.strictSame(messages('{"a":"\\u003a","a":""}'), ['/a 1:15 the name "a" stands twice in one object']);
  t.strictSame(messages('{"a":1,"\\u0061":2}'), ['/a 1:8 the name "a" stands twice in one object']);
  t.strictSame(messages('[{"a":1},{"a":"::"}]'), []);
  t.end();
});

t.test("__proto__ is a name like others", (t) => {
  for (const text of ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1},"n":18446744073709551615}']) {
    const value = parseJson(text).value as { readonly [name: string]: Json };
    t.ok(Object.hasOwn(value, "__proto__"));
    t.equal(Object.getPrototypeOf(value), Object.prototype);
    t.equal(value["a"], undefined);
  }
  t.strictSame(messages('{"__proto__":1,"__proto__":2}').length, 1);
  t.end();
});

t.test("what is not JSON", (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ["", " 1:1 not valid JSON: end of file where a value is expected"],
    ['{"a" 1}', ' 1:6 not valid JSON: "1" where ":" is expected'],
    ['{"a":1,}', ' 1:8 not valid JSON: "}" where a name in quotes is expected'],
    ["{'a':1}", ` 1:2 not valid JSON: "'" where a name in quotes is expected`],
    ["[1\n 2]", ' 2:2 not valid JSON: "2" where "," or "]" is expected'],
    ["[1,]", ' 1:4 not valid JSON: "]" where a value is expected'],
    ['{"a":1', ' 1:7 not valid JSON: end of file where "," or "}" is expected'],
    ['["abc', " 1:2 not valid JSON: the string is not closed"],
    ['["a\tb"]', " 1:4 not valid JSON: control character 0x09 in a string; write it as an escape"],
    ['["a\0b"]', " 1:4 not valid JSON: control character 0x00 in a string; write it as an escape"],
    ['["\\x"]', ' 1:4 not valid JSON: "x" after "\\" in a string'],
    ['["\\u12G4"]', ' 1:4 not valid JSON: "\\u" must be followed by four hexadecimal digits'],
    ["01", ' 1:2 not valid JSON: "1" after the end of the document'],
    ["tru", ' 1:1 not valid JSON: "t" where a value is expected'],
    ["\ufeff{}", " 1:1 not valid JSON: a byte order mark where a value is expected"],
    ["{} // end", ' 1:4 not valid JSON: "/" after the end of the document'],
    ["[.5]", ' 1:2 not valid JSON: "." where a value is expected'],
    ["[+1]", ' 1:2 not valid JSON: "+" where a value is expected'],
    ["[NaN]", ' 1:2 not valid JSON: "N" where a value is expected'],
  ];
  for (const [text, expected] of cases) t.strictSame(messages(text), [expected], JSON.stringify(text));
  t.end();
});

t.test("half of a surrogate pair", (t) => {
  const message = "the string has half of a surrogate pair, which is not a character";
  t.strictSame(messages('["x", "\\ud800"]'), [`/1 1:7 ${message}`]);
  t.strictSame(messages('["\ud800"]'), [`/0 1:2 ${message}`]);
  t.strictSame(parseJson('["\\uD83D\\ude00"]'), { ...parseExact('["\u{1F600}"]', false), places: new Map() });
  t.end();
});

t.test("limits", (t) => {
  const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  t.strictSame(messages(nested(MAX_DEPTH)), []);
  t.match(messages(nested(MAX_DEPTH + 2))[0], /more than 200 levels/);
  t.match(messages(nested(100_000))[0], /more than 200 levels/);
  t.match(messages(`[${"9".repeat(1000)}]`)[0], /^\/0 1:2 an integer of 1000 digits/);
  t.end();
});

t.test("places", (t) => {
  const text = '{\n  "a/b": [1, {"~": null}],\n  "c": "é\u{1F600}", "d": true}';
  const { places } = parseExact(text, true);
  const at = (pointer: string): string => {
    const { line, column } = lineAndColumn(text, places.get(pointer) ?? -1);
    return `${line}:${column}`;
  };
  t.equal(at(""), "1:1");
  t.equal(at("/a~1b"), "2:10");
  t.equal(at("/a~1b/0"), "2:11");
  t.equal(at(`/a~1b/1${pointerStep("~")}`), "2:20");
  t.equal(at("/d"), "3:20", "UTF-16 units");
  t.equal(places.size, 7);
  t.end();
});

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<Json>(null, true, false, -0, 2 ** 53, 1e300),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value")),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "a:b", "\ud800", "é")), tie("value")),
  ),
})).value;

t.test("the quick and the exact way agree on written values", (t) => {
  fc.assert(
    fc.property(json, (value) => {
      const text = write(value);
      const quick = parseJson(text);
      const exact = parseExact(text, true);
      assert.deepStrictEqual(quick.problems, exact.problems);
      if (exact.problems.length === 0) assert.deepStrictEqual(quick.value, exact.value);
    }),
    { numRuns: 300 },
  );
  t.pass("300 values");
  t.end();
});

t.test("both accept what the engine accepts, but for equal names and broken pairs", (t) => {
  const pieces = ["{", "}", "[", "]", ",", ":", '"', "\\", '"a"', '"b"', "1", "-", "0", ".5", "e9", "true", " ", "\n"];
  const soup = fc.array(fc.constantFrom(...pieces, "\\ud8", '"\\u0061"', "12345678901234567890"), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        soup.map((list) => list.join("")),
        json.map(write),
      ),
      fc.nat(),
      (base, cut) => {
        const text = base.slice(0, 1 + (cut % (base.length + 1)));
        let accepted = true;
        try {
          JSON.parse(text);
        } catch {
          accepted = false;
        }
        const { value, problems } = parseJson(text);
        const exact = parseExact(text, false);
        assert.deepStrictEqual(problems, exact.problems, text);
        if (problems.length === 0) assert.deepStrictEqual(value, exact.value, text);
        assert.equal(
          problems.some(({ message }) => message.startsWith("not valid JSON")),
          !accepted,
          text,
        );
      },
    ),
    { numRuns: 2000 },
  );
  t.pass("2000 texts");
  t.end();
});

t.test("a plain text is one of which the engine's parser and the exact one say the same", (t) => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"b"',
    '"\\u0041"',
    '"\\ud83d"',
    '"\ud800"',
    "0",
    "-0",
    "01",
    "7",
    "1.",
    "1e2",
    " ",
    "\t",
  ];
  const texts = fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join("")),
    fc.tuple(json.map(write), fc.nat(), fc.constantFrom(...pieces)).map(([text, at, piece]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + (at % 3));
    }),
  );
  let plain = 0;
  fc.assert(
    fc.property(texts, (text) => {
      if (!isPlainJson(text, MAX_DEPTH)) return;
      plain += 1;
      const exact = parseExact(text, false);
      assert.deepStrictEqual(exact.problems, []);
      assert.deepStrictEqual(JSON.parse(text), exact.value);
    }),
    { numRuns: 5000 },
  );
  t.ok(plain > 100, `${plain} texts were plain`);
  t.end();
});

t.test("what is plain", (t) => {
  const members = (count: number): string => Array.from({ length: count }, (_, index) => `"n${index}":${index}`).join(",");
  const isPlain = (text: string): boolean => isPlainJson(text, 3);
  for (const text of [
    "{}",
    " [ ] ",
    '[[1],{"a":-5}]',
    '{"a":{"a":1}}',
    `{${members(40)}}`,
    '"\\u0041\\/"',
    "999999999999999",
    "null",
  ]) {
    t.ok(isPlain(text), text);
  }
  const others = [
    "",
    "{",
    "[1,]",
    "[1 2]",
    '{"a"}',
    "1.5",
    "1e2",
    "-0",
    "-",
    "01",
    "+1",
    "1234567890123456",
    "[[[[1]]]]",
    "nul",
    "[] []",
  ];
  const texts = [
    '{"a":1,"a":2}',
    `{${members(40)},"n7":0}`,
    '{"\\u0061":1}',
    '"\\x"',
    '"\\ud800"',
    '"\ud800"',
    '"\n"',
    '"',
    "\ufeff1",
  ];
  for (const text of [...others, ...texts]) t.notOk(isPlain(text), text);
  t.end();
});
