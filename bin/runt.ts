// SPDX-License-Identifier: Apache-2.0
/** What the program starts with: native/engine/main.cc calls `main` when all modules are loaded. */

import { finishRecording } from "../lib/runtime/recording/finish.ts";
import { FINISH } from "../lib/runtime/recording/recorder.ts";
import { main as runCommandLine } from "../lib/cli/main.ts";
import { isShim, main as runShim } from "../lib/shim/main.ts";

export function main(): void {
  const args = process.argv.slice(2);
  if (isShim(process.title)) void runShim(args);
  else if (args[0] === "shim") void runShim(args.slice(1));
  else if (args[0] === FINISH) finishRecording(args[1] ?? "");
  else void runCommandLine(args);
}
