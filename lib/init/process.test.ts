// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { CLONE_NEWPID, CLONE_NEWUTS } from "../kernel/plan_numbers.ts";
import { native } from "../sys/native.ts";
import { InitProcess } from "./process.ts";

const ECHILD = -10;
const ROUNDS = 300;
/** Spread over the time in which init clones the container's first process; milliseconds. */
const LONGEST = 1;
const needsRoot = process.getuid?.() === 0 ? false : "needs root";

t.test("kill leaves no process, whenever it comes", { skip: needsRoot }, (t) => {
  for (let round = 0; round < ROUNDS; round++) {
    const init = InitProcess.start({
      clone: { flags: CLONE_NEWPID | CLONE_NEWUTS, staged: false },
      early: true,
      stdio: [0, 1, 2],
      preserveFds: 0,
    });
    init.begin(undefined, () => undefined);
    const until = performance.now() + (round / ROUNDS) * LONGEST;
    while (performance.now() < until);
    init.kill();
  }
  t.equal(native.waitpid(-1, true), ECHILD, "no child is left, alive or a zombie");
  t.end();
});
