// SPDX-License-Identifier: Apache-2.0
// Writes the manual pages to the folder that is its argument, from the definitions of the commands as the build has compiled them.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./prepare.mjs";

const [folder] = process.argv.slice(2);
const compiled = (file) => import(pathToFileURL(join(ROOT, "build/js/lib/cli", file)).href);
const { COMMANDS } = await compiled("commands/registry.js");
const { manualPages } = await compiled("help/manual.js");
// The page of a command that is no more goes, too.
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, text] of manualPages(COMMANDS)) writeFileSync(join(folder, name), text);
