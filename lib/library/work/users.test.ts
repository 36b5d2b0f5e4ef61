// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { native } from "../../sys/native.ts";
import { findUser, rootOf, type FoundUser } from "./users.ts";

function inRoot(t: Test, passwd: string, group: string): { readonly path: string; find(user: string): FoundUser } {
  const path = t.testdir({});
  mkdirSync(join(path, "etc"));
  writeFileSync(join(path, "etc/passwd"), passwd);
  writeFileSync(join(path, "etc/group"), group);
  return {
    path,
    find(user) {
      const root = rootOf(path);
      try {
        return findUser(user, [root]);
      } finally {
        native.close(root);
      }
    },
  };
}

t.test("names and numbers", async (t) => {
  const { find } = inRoot(t, "worker:x:1234:55::/:/bin/sh\n", "staff:x:60:worker,other\nother:x:61:\n");
  t.strictSame(find("worker"), { uid: 1234, gid: 55, additionalGids: [60] });
  t.strictSame(find("1234"), { uid: 1234, gid: 55, additionalGids: [60] });
  t.strictSame(find("worker:other"), { uid: 1234, gid: 61 });
  t.strictSame(find("7"), { uid: 7, gid: 0 });
  t.strictSame(find("7:8"), { uid: 7, gid: 8 });
  t.throws(() => find("nobody"), { code: "USAGE", message: /no user "nobody"/ });
  t.throws(() => find("worker:nobody"), { code: "USAGE", message: /no group "nobody"/ });
  t.throws(() => find("4294967295:0"), { code: "USAGE" });
});

t.test("a file that is too large is refused, not taken for an empty one; numbers need none", async (t) => {
  for (const file of ["etc/passwd", "etc/group"]) {
    const { path, find } = inRoot(t, "worker:x:1234:55::/:/bin/sh\n", "staff:x:60:worker\n");
    truncateSync(join(path, file), (4 << 20) + 1);
    t.throws(() => find("worker"), {
      code: "USAGE",
      message: `user: /${file} of the root file system has more than 4194304 bytes: give numbers, such as "1000:1000"`,
    });
    t.strictSame(find("1234:55"), { uid: 1234, gid: 55 });
  }
});
