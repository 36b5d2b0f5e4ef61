// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { resolve } from "node:path";
import { runtOnly } from "./runtime.ts";
import { without } from "./without.ts";

/** The scenarios in which the calls matter, on a runtime without them. `how` is the prefix of {@link without}. */
export function scenariosWithout(how: "" | "EPERM:", calls: string, files: readonly string[]): void {
  const skip = runtOnly("what it does without the calls is its own affair");
  for (const name of files) {
    const file = resolve(import.meta.dirname, `../${name}.test.js`);
    void t.test(`${name}, without ${how}${calls}`, { skip, timeout: 180_000 }, async (tt) => {
      const env = { ...process.env, RUNTIME_WRAP: without(`${how}${calls}`).join(" ") };
      await tt.spawn(process.execPath, [file], { env, timeout: 180_000 }, name);
    });
  }
}
