// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { Errno } from "../kernel/errno.ts";
import { POLLIN } from "../kernel/numbers.ts";
import { native } from "./native.ts";

t.test("a counter of events", async (t) => {
  const fd = native.eventfd();
  t.ok(fd >= 0);
  const value = new BigUint64Array(1);
  const bytes = new Uint8Array(value.buffer);
  t.equal(native.read(fd, bytes), -Errno.EAGAIN, "0 is not read");
  for (const more of [2n, 3n]) {
    value[0] = more;
    t.equal(native.write(fd, bytes), 8);
  }
  t.equal(native.poll(new Int32Array([fd, POLLIN]), 0), 1);
  t.equal(native.read(fd, bytes), 8);
  t.equal(value[0], 5n);
  native.close(fd);
});

t.test("how a process has ended, by its pidfd", async (t) => {
  const child = spawn("sh", ["-c", "read line; exit 5"], { stdio: ["pipe", "ignore", "ignore"] });
  const pidfd = native.pidfdOpen(child.pid ?? 0);
  t.teardown(() => native.close(pidfd));
  const early = native.pidfdExit(pidfd);
  if (early !== null) return t.match(early, (value: number) => value < 0, "a kernel before 6.15 says an errno");
  child.stdin.end("\n");
  await once(child, "exit");
  t.equal(native.pidfdExit(pidfd), 5 << 8, "after Node has reaped it");
  t.ok((native.pidfdExit(0) ?? 0) < 0, "no pidfd");
});
