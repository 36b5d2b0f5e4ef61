// SPDX-License-Identifier: Apache-2.0
/** `..` in paths of config.json is taken as text, whatever of the image stands before it. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { exec } from "../harness/exec.ts";
import { notFor, runtOnly } from "../harness/runtime.ts";

/** Ways to /q/f: over what is plain, missing, a link to a directory, a dangling link, a file; and with what means nothing. */
const WAYS = [
  "/q/../q/f",
  "/q/none/../f",
  "/none/a/../../q/f",
  "/q/link/../f",
  "/q/gone/../f",
  "/q/file/../f",
  "/../../../q/f",
  "/./q/.//f",
  "/q/f/",
];

function bundleWith(box: Box, edit: (config: Config) => void) {
  const bundle = box.bundle((config) => {
    config.root.readonly = false;
    edit(config);
  });
  mkdirSync(join(bundle.rootfs, "q"));
  mkdirSync(join(bundle.rootfs, "far/away"), { recursive: true });
  symlinkSync("/far/away", join(bundle.rootfs, "q/link"));
  symlinkSync("nowhere", join(bundle.rootfs, "q/gone"));
  writeFileSync(join(bundle.rootfs, "q/file"), "");
  return bundle;
}

scenario("mounts: .. in a destination is taken as text", (t, box) => {
  const file = box.file("hello\n");
  for (const destination of WAYS) {
    const bundle = bundleWith(box, (config) => {
      config.process.args = ["cat", "/q/f"];
      config.mounts.push({ destination, type: "bind", source: file, options: ["bind", "ro"] });
    });
    t.equal(box.run(bundle).stdout, "hello\n", destination);
  }
  t.same(box.leftovers(), []);
});

scenario(
  "process.cwd and exec --cwd: .. is taken as text",
  (t, box) => {
    for (const cwd of WAYS) {
      const bundle = bundleWith(box, (config) => {
        config.process.args = ["sleep", "1000"];
        config.process.cwd = cwd;
      });
      const container = box.create(bundle);
      container.start();
      t.equal(exec(box, container, ["pwd"]).stdout, "/q/f\n", cwd);
      t.equal(exec(box, container, ["pwd"], ["--cwd", cwd]).stdout, "/q/f\n", `--cwd ${cwd}`);
    }
  },
  { skip: notFor("runc", "leaves it to the kernel") },
);

scenario(
  "linux.devices, maskedPaths and readonlyPaths: .. is taken as text",
  (t, box) => {
    for (const path of WAYS) {
      const device = bundleWith(box, (config) => {
        config.process.args = ["stat", "-c", "%t:%T", "/q/f"];
        config.linux.devices = [{ path, type: "c", major: 1, minor: 3 }];
      });
      t.equal(box.run(device).stdout, "1:3\n", path);
      const hidden = bundleWith(box, (config) => {
        config.process.args = ["sh", "-c", "ls /q/f; touch /q/f/x 2>&1"];
        config.linux.maskedPaths = [path];
        config.linux.readonlyPaths = [`${path}/../r`];
      });
      mkdirSync(join(hidden.rootfs, "q/f"));
      mkdirSync(join(hidden.rootfs, "q/r"));
      writeFileSync(join(hidden.rootfs, "q/f/secret"), "");
      const config = box.run(hidden);
      t.equal(config.stdout, "touch: /q/f/x: Read-only file system\n", `${path}: ${config.stderr}`);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("runc leaves it to the kernel where it hides something") },
);
