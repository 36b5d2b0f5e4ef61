// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { kernelNumbers, kernelNumbersTest } from "./kernel_numbers.ts";

function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "native", "plan"))) folder = dirname(folder);
  return folder;
}

t.test("the committed test is the one that lib/kernel gives", async (t) => {
  const committed = readFileSync(join(projectRoot(), "native", "test", "kernel_numbers_test.cc"), "utf8");
  t.equal(committed, kernelNumbersTest(), "run `npm run generate`");
});

t.test("numbers of each module are in it", async (t) => {
  t.match(kernelNumbers(), { SIGKILL: 9, O_CREAT: 64, CLONE_NEWNS: 0x20000, RLIMIT_CORE: 4, ENOENT: 2 });
});
