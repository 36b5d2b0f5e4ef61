// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { reserve } from "./store.ts";

t.test("a directory for the state that cannot be made: the option that names it is told", async (tt) => {
  await tt.rejects(reserve("/proc/self/no/state", "c1"), {
    code: "SYSCALL",
    message: /^--root: mkdir \/proc\/self\/no: no such file or directory$/,
  });
  await tt.rejects(reserve("/proc/self/status", "c1"), { message: /^--root: mkdir \/proc\/self\/status\/c1: not a directory$/ });
});
