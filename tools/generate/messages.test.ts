// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import protobuf from "protobufjs";
import t from "tap";
import * as M from "../../lib/shim/proto/messages.gen.ts";
import { messagesModule } from "./messages.ts";

/** The project's folder, whether this file runs from tools/ or compiled from build/js/tools/. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "native", "plan"))) folder = dirname(folder);
  return folder;
}

const folder = join(projectRoot(), "lib/shim/proto");
const sources = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith(".proto"))
    .sort()
    .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
);
const root = new protobuf.Root();
for (const text of sources.values()) protobuf.parse(text, root, { keepCase: false });
root.resolveAll();

t.test("the committed module is the one that the .proto files give", (t) => {
  t.equal(readFileSync(join(folder, "messages.gen.ts"), "utf8"), messagesModule(sources), "run `npm run generate`");
  t.end();
});

t.test("what is written protobufjs reads, and the other way round", (t) => {
  const text = fc.string({ unit: "binary" });
  const request = fc.record({
    id: text,
    bundle: text,
    terminal: fc.boolean(),
    rootfs: fc.array(fc.record({ type: text, source: text, target: text, options: fc.array(text) })),
    options: fc.record({ typeUrl: text, value: fc.uint8Array() }),
  });
  const type = root.lookupType("CreateTaskRequest");
  fc.assert(
    fc.property(request, (message) => {
      const bytes = M.writeCreateTaskRequest(message);
      const theirs = type.encode(type.create(message)).finish();
      t.match(type.toObject(type.decode(bytes), { bytes: Array, defaults: true, arrays: true }), {
        id: message.id,
        bundle: message.bundle,
      });
      t.same(M.readCreateTaskRequest(theirs), M.readCreateTaskRequest(bytes));
      const { options, ...rest } = M.readCreateTaskRequest(bytes);
      t.match(rest, { id: message.id, bundle: message.bundle, terminal: message.terminal, rootfs: message.rootfs });
      t.same([...(options?.value ?? [])], [...message.options.value]);
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test("numbers of all sizes and signs", (t) => {
  const type = root.lookupType("MemoryEntryV1");
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      (large, small) => {
        const bytes = M.writeMemoryEntryV1({ limit: large, usage: 1 });
        t.equal(BigInt(M.readMemoryEntryV1(bytes).limit), large);
        t.equal(type.toObject(type.decode(bytes), { longs: String })["limit"] ?? "0", String(large));
        t.equal(M.readBootstrapParams(M.writeBootstrapParams({ logLevel: small })).logLevel, small);
        t.equal(M.readTimestamp(M.writeTimestamp({ seconds: small })).seconds, small);
      },
    ),
    { numRuns: 300 },
  );
  const packed = M.readCpuUsageV1(M.writeCpuUsageV1({ perCpu: [1, 0, 300n] }));
  t.same(packed.perCpu, [1, 0, 300]);
  t.end();
});

t.test("any bytes are a message or an error of ours", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        M.readCreateTaskRequest(bytes);
        M.readMetricsV2(bytes);
      } catch (error) {
        t.match(error, { name: "RuntimeError", code: "USAGE" });
      }
    }),
    { numRuns: 2000 },
  );
  t.end();
});
