// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import t from "tap";
import { Errno } from "../kernel/errno.ts";
import { native, replaceNative } from "./native.ts";
import { signalListed, signalProcess } from "./send_signals.ts";

const SIGTERM = 15;
const real = native;

/** Calls that send signals, with a kernel that answers pidfd_open with `errno`, or as it does. */
function watched(errno: number | undefined, action: () => void): string[] {
  const calls: string[] = [];
  replaceNative({
    ...real,
    pidfdOpen: (pid) => (errno === undefined ? real.pidfdOpen(pid) : -errno),
    kill: (pid, signal) => (calls.push(`kill ${pid} ${signal}`), 0),
    pidfdKill: (_, signal) => (calls.push(`pidfd ${signal}`), 0),
  });
  try {
    action();
  } finally {
    replaceNative(real);
  }
  return calls;
}

t.test("nothing is sent to a number that is none of a process, whatever the kernel lacks", async (t) => {
  for (const errno of [undefined, Errno.ENOSYS, Errno.EPERM, Errno.EMFILE]) {
    const calls = watched(errno, () => {
      for (const pid of [0, -1, -7, Number.NaN])
        t.equal(
          signalProcess(pid, SIGTERM, () => true),
          false,
        );
      signalListed(() => [0, -1, -7, Number.NaN], SIGTERM);
    });
    t.same(calls, []);
  }
});

t.test("a process gets the signal by its pidfd, or by its number where there are none", async (t) => {
  const child = spawn("sleep", ["1000"]);
  const pid = child.pid ?? 0;
  t.teardown(() => child.kill("SIGKILL"));
  t.same(
    watched(undefined, () => signalProcess(pid, SIGTERM, () => true)),
    ["pidfd 15"],
  );
  t.same(
    watched(undefined, () => signalProcess(pid, SIGTERM, () => false)),
    [],
    "it is another one by now",
  );
  for (const errno of [Errno.ENOSYS, Errno.EPERM, Errno.EMFILE]) {
    t.same(
      watched(errno, () => signalProcess(pid, SIGTERM, () => true)),
      [`kill ${pid} 15`],
    );
    t.same(
      watched(errno, () => signalListed(() => [pid], SIGTERM)),
      [`kill ${pid} 15`],
    );
  }
  t.same(
    watched(Errno.ESRCH, () => signalProcess(pid, SIGTERM, () => true)),
    [],
    "it is gone",
  );
});

t.test("of a list only those get it that are still in it once their pidfds are open", async (t) => {
  const lists = [[process.pid, 1], [1]];
  const calls = watched(undefined, () => {
    t.same(
      signalListed(() => lists.shift() ?? [], SIGTERM),
      [process.pid, 1],
    );
  });
  t.same(calls, ["pidfd 15"]);
  t.same(
    watched(undefined, () =>
      signalListed(
        () => [process.pid, 1],
        SIGTERM,
        (pid) => pid !== 1,
      ),
    ),
    ["pidfd 15"],
  );
});
