// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { paxRecords, textOf } from "./entries.ts";
import { namesOf } from "./tree.ts";

t.test("names that are no UTF-8 keep their bytes", async (t) => {
  t.equal(textOf(Buffer.from("grün €")), "grün €");
  t.equal(textOf(Buffer.from([0x61, 0xff, 0x62])), "a\udcffb");
  t.equal(textOf(Buffer.from([0xe2, 0x82])), "\udce2\udc82");
});

t.test("records of a pax header", async (t) => {
  const records = paxRecords(Buffer.from("12 path=a=b\n17 mtime=12345.5\n"));
  t.same(
    [...records].map(([name, value]) => [name, textOf(value)]),
    [
      ["path", "a=b"],
      ["mtime", "12345.5"],
    ],
  );
  for (const wrong of ["path=a\n", "99 path=a\n", "0 path=a\n", "9 path=ab", "10 pathhhh\n", "9999999999999 a=b\n"]) {
    t.throws(() => paxRecords(Buffer.from(wrong)), { code: "IMAGE_INVALID" }, wrong);
  }
});

t.test("paths", async (t) => {
  t.same(namesOf("./a//b/", "file"), ["a", "b"]);
  t.same(namesOf("..a/b..", "file"), ["..a", "b.."]);
  for (const wrong of ["/a", "a/..", "../a", "a\0b", "a".repeat(5000)])
    t.throws(() => namesOf(wrong, "file"), { code: "IMAGE_INVALID" });
});
