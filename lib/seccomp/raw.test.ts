// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { listenerFlag, rawFilter } from "./raw.ts";

const returns = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(0x06);
  bytes.writeUInt32LE(value, 4);
  return bytes.toString("base64");
};

t.test("a program", async (t) => {
  t.equal(rawFilter(returns(0x7fff0000)).length, 8);
  for (const size of [8, 16, 24, 4096 * 8]) {
    const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 37 + (index >> 3)) & 0xff);
    t.same([...rawFilter(Buffer.from(bytes).toString("base64"))], [...bytes], `${size} bytes`);
  }
  t.equal(listenerFlag(rawFilter(returns(0x7fff0000))), 0);
  t.equal(listenerFlag(rawFilter(returns(0x7fc00000))), 8);
});

t.test("what is none", async (t) => {
  for (const text of ["", "AAAA", "not base64!", "AAA", Buffer.alloc(8 * 4097).toString("base64")]) {
    try {
      rawFilter(text);
      t.fail(text.slice(0, 20));
    } catch (error) {
      t.ok(error instanceof RuntimeError && error.code === "CONFIG_INVALID", text.slice(0, 20));
      t.match(String(error), /run\.oci\.seccomp_bpf_data/);
    }
  }
});
