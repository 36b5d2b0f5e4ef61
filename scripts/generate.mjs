// Writes native/plan/ops.gen.h from lib/plan/steps.ts, and lib/cli/help/option_lists.gen.ts and the manual pages in man/ from
// lib/cli/table.ts and the texts beside it. Run it after a change of these.
//
// Node 20 does not run TypeScript, so the modules are compiled to a folder of their own first.

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
    files: [...["tools/generate/plan_header.ts", "lib/cli/help/manual.ts", "tools/generate/option_lists.ts"].map((name) => join(root, name))],
  }),
);
execFileSync(process.execPath, [
  join(root, "node_modules", "typescript", "bin", "tsc"),
  "-p",
  join(out, "tsconfig.json"),
], { stdio: "inherit" });
const { header } = await import(pathToFileURL(join(out, "tools/generate/plan_header.js")).href);
writeFileSync(join(root, "native", "plan", "ops.gen.h"), header());

const { manualPages } = await import(pathToFileURL(join(out, "lib/cli/help/manual.js")).href);
const man = join(root, "man");
mkdirSync(man, { recursive: true });
const pages = manualPages();
// The page of a command that is no more.
for (const name of readdirSync(man)) if (!pages.has(name)) rmSync(join(man, name));
for (const [name, text] of pages) writeFileSync(join(man, name), text);

const { optionListsModule } = await import(pathToFileURL(join(out, "tools/generate/option_lists.js")).href);
writeFileSync(join(root, "lib/cli/help/option_lists.gen.ts"), await optionListsModule());
