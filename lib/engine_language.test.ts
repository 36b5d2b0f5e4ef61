// SPDX-License-Identifier: Apache-2.0
/**
 * Faults of the engine that native/engine/patches mend. In Node.js they are tests of the tests: the language says what has to come.
 */
import t from "tap";

t.test("0003: a BigInt as text, for each radix that is a power of two", (t) => {
  const values: readonly (readonly [bigint, string, string, string])[] = [
    [0n, "0", "0", "0"],
    [-1n, "-1", "-1", "-1"],
    [0x7fff_ffff_ffff_ffffn, "777777777777777777777", "7fffffffffffffff", "7vvvvvvvvvvvv"],
    [0x8000_0000_0000_0000n, "1000000000000000000000", "8000000000000000", "8000000000000"],
    [0xffff_ffff_ffff_ffffn, "1777777777777777777777", "ffffffffffffffff", "fvvvvvvvvvvvv"],
    [-0x8000_0000_0000_0000n, "-1000000000000000000000", "-8000000000000000", "-8000000000000"],
    [0x1_ffff_ffff_ffff_ffffn, "3777777777777777777777", "1ffffffffffffffff", "vvvvvvvvvvvvv"],
  ];
  for (const [value, octal, hexadecimal, base32] of values) {
    t.equal(value.toString(8), octal);
    t.equal(value.toString(16), hexadecimal);
    t.equal(value.toString(32), base32);
  }
  t.end();
});

t.test("0004: an object whose conversion changes the variable that it is appended to", (t) => {
  const append = (word: string): string => {
    let text = `before ${word}`;
    const object = {
      toString(): string {
        text = "changed";
        return " after";
      },
    };
    text += object as unknown as string;
    return text;
  };
  t.equal(append("it"), "before it after");
  t.end();
});

t.test("0006: JSON.parse of strings and names of every kind", (t) => {
  const strings = [
    "",
    "a",
    "a b/c~\x7f",
    "\u00e4",
    "\u20ac",
    "\u{1F433}",
    'a"b',
    "a\\b",
    "\u0000",
    "\t",
    "x".repeat(2000),
    `${"y".repeat(300)}\u00e4`,
  ];
  for (const text of strings) t.equal(JSON.parse(JSON.stringify(text)), text);
  t.equal(JSON.parse(String.raw`"\u0041\n\/"`), "A\n/");
  for (const bad of ['"', '"a', '"a\nb"', '"\u0001"', "'a'", '{"a" 1}', '{"a":1,}', "{a:1}", '{"a":"b}', '["a]', '"\\']) {
    t.throws(() => JSON.parse(bad) as unknown, SyntaxError, bad);
  }

  const names = JSON.parse('{"b":1,"2":2,"a":3,"1":4,"":5,"__proto__":6,"\u00e4":7,"toString":8,"b":9,"2":10}') as object;
  t.strictSame(Object.entries(names), [
    ["1", 4],
    ["2", 10],
    ["b", 9],
    ["a", 3],
    ["", 5],
    ["__proto__", 6],
    ["\u00e4", 7],
    ["toString", 8],
  ]);
  t.equal(Object.getPrototypeOf(names), Object.prototype);
  t.strictSame(Object.getOwnPropertyDescriptor(names, "a"), { value: 3, writable: true, enumerable: true, configurable: true });
  const many: Record<string, number> = {};
  for (let index = 0; index < 60; index++) many[`name${index}`] = index;
  t.strictSame(JSON.parse(JSON.stringify(many)), many);
  t.strictSame(JSON.parse('{"a":{"a":[{"a":"a"},[],{}]}}'), { a: { a: [{ a: "a" }, [], {}] } });
  t.end();
});

// Node.js would compute it for minutes.
if ("quickjs" in process.versions) {
  t.test("0002: a BigInt of more digits than there is room for", (t) => {
    t.throws(() => BigInt(`1${"0".repeat(80_000_000)}`));
    t.end();
  });
}
