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
    files: [join(root, "lib", "plan", "header.ts"), join(root, "lib", "cli", "manual.ts"), join(root, "lib", "cli", "option_lists.ts")],
  }),
);
execFileSync(process.execPath, [
  join(root, "node_modules", "typescript", "bin", "tsc"),
  "-p",
  join(out, "tsconfig.json"),
], { stdio: "inherit" });
const { header } = await import(pathToFileURL(join(out, "lib", "plan", "header.js")).href);
writeFileSync(join(root, "native", "plan", "ops.gen.h"), header());

const { manualPages } = await import(pathToFileURL(join(out, "lib", "cli", "manual.js")).href);
const man = join(root, "man");
mkdirSync(man, { recursive: true });
const pages = manualPages();
// The page of a command that is no more.
for (const name of readdirSync(man)) if (!pages.has(name)) rmSync(join(man, name));
for (const [name, text] of pages) writeFileSync(join(man, name), text);

const { optionListsModule } = await import(pathToFileURL(join(out, "lib", "cli", "option_lists.js")).href);
writeFileSync(join(root, "lib", "cli", "option_lists.gen.ts"), await optionListsModule());
