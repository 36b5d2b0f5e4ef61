// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { decodeMessage, encodeCall, encodeMessage, messageLength } from "./message.ts";
import { isType, typesOf } from "./signature.ts";
import type { BusValue } from "./values.ts";

const there = (signature: string, values: readonly BusValue[]): readonly BusValue[] =>
  decodeMessage(encodeMessage(2, 9, [[5, ["u", 7]]], signature, values)).values;

t.test("the bytes are those of the specification", async (t) => {
  const bytes = encodeCall({ path: "/a", interfaceName: "b.c", member: "D", signature: "su", values: ["hi", 1] }, 3);
  const expected = [
    ...[0x6c, 1, 0, 1, 12, 0, 0, 0, 3, 0, 0, 0, 55, 0, 0, 0],
    ...[1, 1, 0x6f, 0, 2, 0, 0, 0, 0x2f, 0x61, 0, 0, 0, 0, 0, 0],
    ...[2, 1, 0x73, 0, 3, 0, 0, 0, 0x62, 0x2e, 0x63, 0, 0, 0, 0, 0],
    ...[3, 1, 0x73, 0, 1, 0, 0, 0, 0x44, 0, 0, 0, 0, 0, 0, 0],
    ...[8, 1, 0x67, 0, 2, 0x73, 0x75, 0],
    ...[2, 0, 0, 0, 0x68, 0x69, 0, 0, 1, 0, 0, 0],
  ];
  expected[12] = 56;
  t.same([...bytes], expected);
});

t.test("what is written is read again", async (t) => {
  const cases: readonly (readonly [string, readonly BusValue[]])[] = [
    ["", []],
    ["ybnqiu", [255, true, -32768, 65535, -2147483648, 4294967295]],
    ["xt", [-1n, 18446744073709551615n]],
    ["xx", [-9223372036854775808n, 9223372036854775807n]],
    ["yd", [1, -1.5]],
    ["sog", ["é", "/a/b", "a{sv}"]],
    [
      "ya(ss)",
      [
        1,
        [
          ["/dev/null", "rw"],
          ["", ""],
        ],
      ],
    ],
    [
      "a(sv)",
      [
        [
          ["Slice", ["s", "a.slice"]],
          ["Max", ["t", 5n]],
          ["PIDs", ["au", [1, 2]]],
        ],
      ],
    ],
    ["ssa(sv)a(sa(sv))", ["u", "replace", [["A", ["b", false]]], []]],
    [
      "a{sv}y",
      [
        [
          ["a", ["x", 1n]],
          ["b", ["v", ["y", 2]]],
        ],
        3,
      ],
    ],
    ["aatx", [[[1n], [], [2n, 3n]], 4n]],
    ["atat", [[], [1n]]],
  ];
  for (const [signature, values] of cases) t.same(there(signature, values), values, signature);
  t.same(there("ay", [new Uint8Array([1, 2])]), [[1, 2]]);
});

t.test("the head of an answer", async (t) => {
  const bytes = encodeMessage(
    3,
    9,
    [
      [5, ["u", 7]],
      [4, ["s", "a.b.Gone"]],
    ],
    "s",
    ["no"],
  );
  t.match(decodeMessage(bytes), { kind: 3, replyTo: 7, errorName: "a.b.Gone", path: "", member: "", values: ["no"] });
  t.equal(messageLength(bytes), bytes.length);
  t.equal(messageLength(bytes.subarray(0, 15)), 0, "not yet");
});

t.test("values that do not fit are refused", async (t) => {
  const wrong: readonly (readonly [string, BusValue])[] = [
    ["y", 256],
    ["y", -1],
    ["u", 1.5],
    ["u", 1n],
    ["t", 1],
    ["t", -1n],
    ["t", 18446744073709551616n],
    ["x", 9223372036854775808n],
    ["b", 1],
    ["s", 1],
    ["s", "a\0b"],
    ["as", "a"],
    ["(ss)", ["a"]],
    ["v", ["s"]],
    ["v", ["ss", "a"]],
    ["au", new Uint8Array([1])],
    ["a{sv}", ["a"]],
    ["z", 1],
  ];
  for (const [signature, value] of wrong) t.throws(() => there(signature, [value]), { code: "INTERNAL" }, signature);
  t.throws(() => there("ss", ["a"]), { code: "INTERNAL" });
});

t.test("what is no message is refused, whatever it is", async (t) => {
  const good = encodeMessage(2, 9, [[5, ["u", 7]]], "a(sv)s", [[["a", ["s", "b"]]], "x"]);
  const changed = (at: number, value: number): Uint8Array => good.map((byte, index) => (index === at ? value : byte));
  t.throws(() => messageLength(changed(0, 0x42)), { code: "CGROUP", message: /not a message/ }, "the other byte order");
  t.throws(() => messageLength(changed(7, 0x70)), { code: "CGROUP" }, "too long");
  for (let size = 0; size < good.length; size++)
    t.throws(() => decodeMessage(good.subarray(0, size)), { code: "CGROUP" }, `cut at ${size}`);
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      try {
        decodeMessage(changed(at, value));
      } catch (error) {
        t.match(error, { code: "CGROUP" }, `byte ${at} as ${value}`);
      }
    }
  }
});

t.test("signatures", async (t) => {
  t.same(typesOf("ssa(sv)a(sa(sv))"), ["s", "s", "a(sv)", "a(sa(sv))"]);
  t.same(typesOf(""), []);
  for (const type of ["s", "as", "a{sv}", "(ii)", "v", "aay"]) t.ok(isType(type), type);
  for (const type of ["", "a", "()", "(s", "{sv}", "a{vs}", "a{s", "z", "ss", "a".repeat(100)]) t.notOk(isType(type), type);
});
