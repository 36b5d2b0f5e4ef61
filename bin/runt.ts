/** What the program starts with: native/engine/main.cc calls `main` when all modules are loaded. */

import { main as runCommandLine } from "../lib/cli/main.ts";

export function main(): void {
  void runCommandLine(process.argv.slice(2));
}
