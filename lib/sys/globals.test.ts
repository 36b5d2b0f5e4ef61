// SPDX-License-Identifier: Apache-2.0
/** The functions beyond ECMAScript that lib needs of its engine; this file runs in Node.js and in the program's engine. */
import t from "tap";

const TEXT = "\uFEFFa é € \u{1F600} \uFEFF end";
const bytes = new TextEncoder().encode(TEXT);

t.test("TextDecoder: stream keeps a character that is split, wherever that is", async (t) => {
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const decoder = new TextDecoder("utf-8", { fatal: true });
      const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      const text = parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
      if (text !== TEXT.slice(1)) t.fail(`split at ${first} and ${second}: ${JSON.stringify(text)}`);
    }
  }
  t.pass("all splits");
});

t.test("TextDecoder: what never becomes a character", async (t) => {
  const lossy = new TextDecoder();
  t.equal(lossy.decode(Uint8Array.of(0x61, 0xe2, 0x82), { stream: true }), "a", "it may still become one");
  t.match(lossy.decode(Uint8Array.of(0x62)), /^\uFFFD+b$/, "not with this byte");
  for (const wrong of [[0xe2, 0x82], [0xff], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf5]]) {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    t.throws(() => decoder.decode(Uint8Array.from(wrong)), `${String(wrong)} at the end`);
    t.equal(decoder.decode(Uint8Array.of(0x61)), "a", "the next text starts afresh");
  }
});

t.test("process: real and effective ids are functions", async (t) => {
  for (const name of ["getuid", "getgid", "geteuid", "getegid"] as const) t.equal(typeof process[name]?.(), "number", name);
});
