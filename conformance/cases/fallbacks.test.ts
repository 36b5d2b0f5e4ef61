// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { PROJECT, runtOnly } from "../harness/runtime.ts";
import { CALLS, SINCE_4_18, without } from "../harness/without.ts";

/** Calls that a filter around the runtime may refuse, each alone and all at once: those that came after Linux 4.18. */
const REFUSED = SINCE_4_18.split(",");

const skip = runtOnly("what it does without the calls is its own affair");

scenario(
  "the calls are really missing: an id-mapped mount, which needs one, is an error that names it",
  (t, box) => {
    const done = box.run(
      (config) => {
        const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
        config.mounts.push({
          destination: "/var",
          type: "bind",
          source: box.folder(),
          options: ["bind"],
          uidMappings: map,
          gidMappings: map,
        });
      },
      [],
      { wrap: without() },
    );
    t.equal(done.status, 1);
    t.match(done.stderr, /mount_setattr.*function not implemented/);
    t.same(box.leftovers(), []);
  },
  { skip },
);

scenario(
  "paths through links, and made ones, stay inside the root",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", "cat /on/made/here/file"];
      const source = box.folder();
      writeFileSync(join(source, "file"), "seen\n");
      config.mounts.push({ destination: "/way/up/made/here", type: "bind", source, options: ["bind", "ro", "nosuid"] });
    });
    mkdirSync(join(bundle.rootfs, "inside"));
    symlinkSync("/way/on", join(bundle.rootfs, "up"));
    mkdirSync(join(bundle.rootfs, "way"));
    symlinkSync("../../../../up/../on", join(bundle.rootfs, "way/up"));
    symlinkSync("/inside", join(bundle.rootfs, "way/on"));
    for (const wrap of [without(), []]) {
      const done = box.call(["run", "--bundle", bundle.dir, box.id()], { wrap });
      t.equal(done.stdout, "seen\n", done.stderr);
    }
  },
  { skip },
);

for (const how of ["", "EPERM:"]) {
  for (const calls of [...REFUSED, REFUSED.join(",")]) {
    scenario(
      `the life of a container without ${how}${calls}`,
      (t, box) => {
        const wrap = without(`${how}${calls}`);
        const bundle = box.bundle((config) => {
          config.process.args = ["sh", "-c", "cat /v/file; touch /v/new || sleep 100"];
          const source = box.folder();
          writeFileSync(join(source, "file"), "seen\n");
          config.mounts.push({ destination: "/v", type: "bind", source, options: ["rbind", "ro", "nosuid"] });
          config.hooks = { createContainer: [{ path: "/bin/true" }], poststart: [{ path: "/bin/true" }] };
        });
        const id = box.id();
        const well = (args: readonly string[]): string => {
          const done = box.call(args, { wrap });
          t.equal(done.status, 0, `${args[0] ?? ""}: ${done.output}`);
          return done.stdout;
        };
        well(["create", "--bundle", bundle.dir, id]);
        well(["start", id]);
        t.match(well(["exec", id, "sh", "-c", "cat /v/file; hostname"]), /^seen/);
        t.match(well(["state", id]), /"running"/);
        well(["kill", id, "KILL"]);
        well(["delete", "--force", id]);
        t.same(box.leftovers(), []);
      },
      { skip },
    );

    scenario(
      `run without ${how}${calls}: the exit status, and what is killed`,
      (t, box) => {
        const done = box.run((config) => void (config.process.args = ["sh", "-c", "exit 3"]), [], {
          wrap: without(`${how}${calls}`),
        });
        t.equal(done.status, 3, done.output);
        t.same(box.leftovers(), []);
      },
      { skip },
    );
  }
}

const nativeTest = join(PROJECT, "build/native-test/native/native_test");
for (const how of ["", "EPERM:"]) {
  // The C library of the tests, not init, makes threads by clone3(2), and has no other way for EPERM.
  for (const calls of [CALLS, SINCE_4_18.replace("clone3,clone_pidfd,", "")]) {
    void t.test(
      `the tests of init, without ${how}${calls}`,
      {
        skip: skip || (existsSync(nativeTest) ? false : "npm test -- native builds them"),
        timeout: 180_000,
      },
      async (tt) => {
        const [program = "", list = ""] = without(`${how}${calls}`);
        await tt.spawn(program, [list, nativeTest], { timeout: 180_000 }, "native");
      },
    );
  }
}
