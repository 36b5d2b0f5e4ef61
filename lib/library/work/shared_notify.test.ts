// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import t from "tap";
import { IN_DELETE_SELF, IN_MODIFY, POLLIN } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { notifyTogether } from "./shared_notify.ts";

const instances = (): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === "anon_inode:inotify";
    } catch {
      return false;
    }
  }).length;

async function isTold(fd: number): Promise<boolean> {
  for (let tries = 0; tries < 200; tries++) {
    if (native.poll(new Int32Array([fd, POLLIN]), 0) > 0) return true;
    await setTimeout(5);
  }
  return false;
}

t.test(
  "more containers than a user may have inotify instances: each is told of its own files, and of those of all",
  async (t) => {
    const before = instances();
    const folder = t.testdir({ shared: "" });
    const shared = join(folder, "shared");
    const path = (at: number): string => join(folder, `file-${at}`);
    const all = Array.from({ length: 200 }, (_, at) => {
      writeFileSync(path(at), "");
      return notifyTogether([
        [path(at), IN_MODIFY],
        [path(at), IN_DELETE_SELF | IN_MODIFY],
        [shared, IN_MODIFY],
      ]);
    });
    const [first, second] = [all[0], all[1]];
    if (first === undefined || second === undefined) throw new Error("there are none");
    // The event loop watches a duplicate.
    t.ok(instances() <= before + 2);
    const isQuiet = (fd: number): boolean => native.poll(new Int32Array([fd, POLLIN]), 0) === 0;
    writeFileSync(path(0), "x");
    t.ok(await isTold(first.fd));
    t.ok(isQuiet(second.fd), "another one is not");
    first.drain();
    t.ok(isQuiet(first.fd));
    writeFileSync(shared, "x");
    for (const each of [first, second, all.at(-1)]) t.ok(await isTold(each?.fd ?? -1));
    for (const each of all) each.drain();
    first.close();
    rmSync(path(1));
    t.ok(await isTold(second.fd), "the end of a file, too; one that was closed keeps nobody from hearing");
    for (const each of all.slice(1)) each.close();
    t.equal(instances(), before, "the last one closes the instance");
    const later = notifyTogether([[shared, IN_MODIFY]]);
    writeFileSync(shared, "y");
    t.ok(await isTold(later.fd), "and there is another one when it is needed");
    later.close();
    t.throws(() => notifyTogether([["/nowhere", IN_MODIFY]]), { code: "CGROUP" });
    t.equal(instances(), before);
  },
);
