// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { parseGVariant } from "./gvariant.ts";

t.test("values and their types", async (t) => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["true", "b", true],
    ["5", "i", 5],
    ["-0x10", "i", -16],
    ["010", "i", 8],
    ["1.5", "d", 1.5],
    ["1e3", "d", 1000],
    ["uint64 18446744073709551615", "t", 18446744073709551615n],
    ["@t 7", "t", 7n],
    ["int64 -1", "x", -1n],
    ["byte 0xff", "y", 255],
    ["'it''s'".slice(0, 4), "s", "it"],
    ['"a\\n\\u00e9\\"b"', "s", 'a\né"b'],
    ["objectpath '/a/b'", "o", "/a/b"],
    ["b'ab'", "ay", new Uint8Array([97, 98, 0])],
    ["['a', 'b']", "as", ["a", "b"]],
    ["@as []", "as", []],
    ["[1, 2.5]", "ad", [1, 2.5]],
    ["[uint32 1, 2]", "au", [1, 2]],
    ["[('/dev/null', 'rw')]", "a(ss)", [["/dev/null", "rw"]]],
    ["(1, 's', <true>)", "(isv)", [1, "s", ["b", true]]],
    [
      "{'a': <uint64 1>, 'b': <'x'>}",
      "a{sv}",
      [
        ["a", ["t", 1n]],
        ["b", ["s", "x"]],
      ],
    ],
    ["@a{su} {}", "a{su}", []],
    ["@aay [[1, 2], b'x']", "aay", [[1, 2], new Uint8Array([120, 0])]],
    [" [ 1 , 2 , ] ", "ai", [1, 2]],
  ];
  for (const [source, signature, value] of cases) t.same(parseGVariant(source), { signature, value }, source);
});

t.test("what is no value", async (t) => {
  const wrong = [
    "",
    "[]",
    "{}",
    "yes",
    "1 2",
    "'open",
    "[1, 'a']",
    "uint32 -1",
    "byte 256",
    "int32 2147483648",
    "uint64 1.5",
    "@q",
    "@aq 1",
    "uint64 'a'",
    "@t uint32 1",
    "<>",
    "(1",
    "{1}",
    "99999999999",
    "0x",
    "'\\uZZZZ'",
    "@(s) ('a', 'b')",
    `${"[".repeat(40)}1${"]".repeat(40)}`,
  ];
  for (const source of wrong) t.throws(() => parseGVariant(source), { name: "GVariantError" }, source);
});
