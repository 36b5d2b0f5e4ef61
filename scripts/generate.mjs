// SPDX-License-Identifier: Apache-2.0
// Writes native/plan/ops.gen.h from lib/plan/steps.ts, native/test/kernel_numbers_test.cc from lib/kernel, and
// lib/shim/proto/messages.gen.ts from the .proto files beside it. Run it after a change of those.
//
// Node 20 does not run TypeScript, so the modules are compiled to a folder of its own first.

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "build", "generate");
mkdirSync(out, { recursive: true });
writeFileSync(
  join(out, "tsconfig.json"),
  JSON.stringify({
    extends: join(root, "tsconfig.json"),
    compilerOptions: { rootDir: root, outDir: out, declaration: false, incremental: false },
    include: [],
    files: [
      join(root, "tools/generate/plan_header.ts"),
      join(root, "tools/generate/kernel_numbers.ts"),
      join(root, "tools/generate/messages.ts"),
    ],
  }),
);
execFileSync(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", join(out, "tsconfig.json")], {
  stdio: "inherit",
});
const { header } = await import(pathToFileURL(join(out, "tools/generate/plan_header.js")).href);
writeFileSync(join(root, "native", "plan", "ops.gen.h"), header());
const { kernelNumbersTest } = await import(pathToFileURL(join(out, "tools/generate/kernel_numbers.js")).href);
writeFileSync(join(root, "native", "test", "kernel_numbers_test.cc"), kernelNumbersTest());

const protos = join(root, "lib/shim/proto");
const { messagesModule } = await import(pathToFileURL(join(out, "tools/generate/messages.js")).href);
const texts = readdirSync(protos)
  .filter((name) => name.endsWith(".proto"))
  .sort();
writeFileSync(
  join(protos, "messages.gen.ts"),
  messagesModule(new Map(texts.map((name) => [name, readFileSync(join(protos, name), "utf8")]))),
);
