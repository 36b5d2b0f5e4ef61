// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { encodePlan } from "./encode.ts";
import { OPS, PLAN_MAGIC, PLAN_VERSION, type Step } from "./steps.ts";

/** Reads fields back, by rules written down again: the format of native/README.md. */
class Reader {
  at = 0;
  readonly #view: DataView;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }
  u64(): bigint {
    this.at += 8;
    return this.#view.getBigUint64(this.at - 8, true);
  }
  text(length: number): string {
    const text = new TextDecoder().decode(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }
  align(): void {
    this.at = (this.at + 7) & ~7;
  }
}

function opNumber(name: string): number {
  return Object.keys(OPS).indexOf(name);
}

t.test("header, then one step with every kind of field", async (t) => {
  const step: Step = {
    op: "hook",
    origin: "/hooks/createContainer/0",
    fields: {
      path: "/bin/hook",
      args: ["a", "", "ü"],
      env: [],
      timeoutMs: 1500,
      stateHead: "{",
      stateTail: "",
      slot: 3,
      home: 1,
    },
  };
  const bytes = encodePlan([step, { op: "ready", origin: "", fields: {} }]);
  const reader = new Reader(bytes);
  t.equal(reader.u32(), PLAN_MAGIC);
  t.equal(reader.u32(), PLAN_VERSION);
  t.equal(reader.u32(), bytes.length);
  t.equal(reader.u32(), 2);
  t.equal(reader.u32(), opNumber("hook"));
  const size = reader.u32();
  t.equal(size % 8, 0);
  t.equal(reader.u64(), 9n);
  t.equal(reader.text(10), "/bin/hook\0");
  reader.align();
  t.equal(reader.u64(), 3n, "three arguments");
  t.equal(reader.u64(), 6n, "in so many bytes");
  t.equal(reader.text(6), "a\0\0ü\0");
  reader.align();
  t.equal(reader.u64(), 0n);
  t.equal(reader.u64(), 0n);
  t.equal(reader.u64(), 1500n);
  t.equal(reader.u64(), 1n);
  t.equal(reader.text(2), "{\0");
  reader.align();
  t.equal(reader.u64(), 0n);
  t.equal(reader.text(1), "\0", "an empty string has its NUL too");
  reader.align();
  t.equal(reader.u64(), 3n);
  t.equal(reader.u64(), 1n);
  t.equal(reader.at, 16 + size);
  t.equal(reader.u32(), opNumber("ready"));
  t.equal(reader.u32(), 8);
  t.equal(reader.at, bytes.length);
});

t.test("64-bit numbers are exact, negative ones in two's complement", async (t) => {
  const infinity = 0xffff_ffff_ffff_ffffn;
  const bytes = encodePlan([
    { op: "rlimit", origin: "", fields: { resource: 7, soft: 9007199254740993n, hard: infinity } },
    { op: "oomScoreAdj", origin: "", fields: { value: -998n } },
  ]);
  const reader = new Reader(bytes);
  reader.at = 16 + 8 + 8;
  t.equal(reader.u64(), 9007199254740993n);
  t.equal(reader.u64(), infinity);
  reader.at += 8;
  t.equal(BigInt.asIntN(64, reader.u64()), -998n);
});

t.test("a plan that outgrows the first buffer", async (t) => {
  const args = Array.from({ length: 5000 }, (_, index) => `argument ${index}`);
  const bytes = encodePlan([{ op: "exec", origin: "", fields: { args, env: [], preserve: 0, home: 0 } }]);
  const reader = new Reader(bytes);
  reader.at = 16 + 8;
  t.equal(reader.u64(), 5000n);
  const length = Number(reader.u64());
  t.equal(reader.text(length), args.map((text) => `${text}\0`).join(""));
});

t.test("lists of numbers are padded", async (t) => {
  const credentials = {
    uid: 1,
    gid: 2,
    groups: [4294967295, 5, 6],
    keepGroups: 0,
    bounding: 1n,
    effective: 2n,
    permitted: 3n,
    inheritable: 4n,
    ambient: 5n,
    forFilter: 6,
  };
  const bytes = encodePlan([{ op: "credentials", origin: "", fields: credentials }]);
  const reader = new Reader(bytes);
  reader.at = 16 + 8 + 16;
  t.equal(reader.u64(), 3n);
  t.same([reader.u32(), reader.u32(), reader.u32()], [4294967295, 5, 6]);
  reader.align();
  t.equal(reader.u64(), 0n);
  t.same([reader.u64(), reader.u64(), reader.u64(), reader.u64(), reader.u64(), reader.u64()], [1n, 2n, 3n, 4n, 5n, 6n]);
});

t.test("a NUL byte is refused: the kernel would see another string than was checked", async (t) => {
  const step: Step = { op: "hostname", origin: "/hostname", fields: { name: "a\0b" } };
  t.throws(() => encodePlan([step]), { code: "INTERNAL" });
});

t.test("a string that does not fit into what is left of the buffer keeps its length", async (t) => {
  for (let length = 7800; length < 8300; length++) {
    const steps: Step[] = [
      { op: "hostname", origin: "", fields: { name: "a".repeat(length) } },
      { op: "hostname", origin: "", fields: { name: "second" } },
    ];
    const reader = new Reader(encodePlan(steps));
    reader.at = 16 + 8;
    const found = Number(reader.u64());
    reader.at += found + 1;
    reader.align();
    reader.at += 8;
    if (found === length && reader.u64() === 6n) continue;
    t.fail(`the first string has ${length} bytes`);
  }
  t.pass();
});
