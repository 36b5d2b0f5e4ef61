// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { POLLIN } from "../../kernel/numbers.ts";
import { check, checkValue } from "../../sys/files.ts";
import { native, type Spawned } from "../../sys/native.ts";
import { supervise } from "./supervise.ts";

const SIGCHLD = 17;
const SOCK_STREAM = 1;

function shell(script: string, stdin: number): Spawned {
  return checkValue(
    native.spawn({ program: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"], fds: [stdin, 1, 2] }),
    "spawn",
  );
}

t.test("the end of the process is seen, whenever its SIGCHLD is read", async (t) => {
  const [hold, held] = checkValue(native.socketpair(SOCK_STREAM), "socketpair");
  const child = shell("read line; exit 7", held);
  native.close(held);
  // The alarm ends the wait, in case nothing else does.
  const [alarm, other] = checkValue(native.socketpair(SOCK_STREAM), "socketpair");
  const late = shell("exec sleep 3", other);
  native.close(other);
  const signals = [SIGCHLD];
  const source = {
    fd: alarm,
    endWaits: () => undefined,
    // The process ends while signals are read, and SIGCHLD is one of them.
    next: (): number => {
      if (signals.length > 0) {
        check(native.write(hold, new TextEncoder().encode("x\n")), "write");
        native.poll(new Int32Array([child.pidfd, POLLIN]), -1);
      }
      return signals.shift() ?? 0;
    },
  };
  const before = native.now();
  t.equal(supervise(child.pid, child.pidfd, source, undefined), 7);
  t.ok(native.now() - before < 2000, "nothing had to wake it");
  native.kill(late.pid, 9);
  native.waitpid(late.pid, false);
  for (const fd of [hold, alarm, child.pidfd, late.pidfd]) native.close(fd);
});
