// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { native } from "./native.ts";
import { openPidfd } from "./pidfd.ts";

t.test("a pidfd is given for the process that is meant, and for no other one", async (t) => {
  const pidfd = openPidfd(process.pid, () => true);
  t.ok(pidfd !== undefined && native.pidfdKill(pidfd, 0) === 0);
  t.equal(native.close(pidfd ?? -1), 0);
  const free = native.memfd("test");
  native.close(free);
  t.equal(
    openPidfd(process.pid, () => false),
    undefined,
  );
  t.throws(
    () =>
      openPidfd(process.pid, () => {
        throw new Error("why");
      }),
    { message: "why" },
  );
  const next = native.memfd("test");
  t.equal(next, free, "nothing stays open");
  native.close(next);
});

t.test("there is no process with pid 0, nor with one that the kernel does not give", async (t) => {
  t.equal(
    openPidfd(0, () => true),
    undefined,
  );
  t.equal(
    openPidfd(2 ** 30, () => true),
    undefined,
  );
});
