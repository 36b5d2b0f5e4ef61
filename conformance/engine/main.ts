// SPDX-License-Identifier: Apache-2.0
/** The test program starts here: the build puts the imports of the unit tests before it. */

import { native } from "../../lib/sys/native.ts";
import { runAll } from "./tap.ts";

const STDOUT = 1;

/** Members of the engine's globals, for the comparison with native/engine/engine.d.ts. */
function globals(): string {
  const members = (object: object): string[] => Object.getOwnPropertyNames(object).sort();
  return JSON.stringify({
    process: members(process),
    TextEncoder: members(TextEncoder.prototype),
    TextDecoder: members(TextDecoder.prototype),
    decoder: members(new TextDecoder()),
    all: members(globalThis),
  });
}

export function main(): void {
  const write = (line: string): void => {
    native.write(STDOUT, new TextEncoder().encode(`${line}\n`));
  };
  if (process.argv[2] === "--globals") {
    write(globals());
    process.exit(0);
  }
  void runAll(write).then((good) => process.exit(good ? 0 : 1));
}
