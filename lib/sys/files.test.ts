// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { check, checkValue, exists, O_DIRECTORY, readText, readTextIfExists } from "./files.ts";
import { native } from "./native.ts";

t.test("check", async (t) => {
  t.equal(check(0, "open /x"), 0);
  t.equal(check(7, "open /x"), 7);
  t.throws(
    () => check(-2, "open /x", { path: "/x" }),
    new RuntimeError("SYSCALL", "open /x: no such file or directory", { path: "/x", errno: 2 }),
  );
  t.equal(checkValue("text", "read /x"), "text");
  t.throws(() => checkValue(-13, "read /x"), { message: "read /x: permission denied", code: "SYSCALL" });
});

t.test("files", async (t) => {
  const directory = t.testdir({ file: "one\ntwo\n" });
  t.equal(readText(`${directory}/file`), "one\ntwo\n");
  t.equal(readTextIfExists(`${directory}/file`), "one\ntwo\n");
  t.equal(readTextIfExists(`${directory}/none`), undefined);
  t.throws(() => readText(`${directory}/none`), {
    code: "SYSCALL",
    message: `open ${directory}/none: no such file or directory`,
    facts: { errno: 2, path: `${directory}/none` },
  });
  t.equal(exists(`${directory}/file`), true);
  t.equal(exists(`${directory}/none`), false);
  writeFileSync(`${directory}/large`, "x".repeat(100));
  t.throws(() => readText(`${directory}/large`, 99), { code: "SYSCALL", facts: { errno: 27 } });
  t.throws(() => readTextIfExists(`${directory}/large`, 99), { code: "SYSCALL" });
});

t.test("O_DIRECTORY has the number of this machine", async (t) => {
  const directory = t.testdir({ file: "" });
  t.equal(native.open(-100, `${directory}/file`, O_DIRECTORY, 0), -20);
  const fd = native.open(-100, directory, O_DIRECTORY, 0);
  t.ok(fd >= 0);
  native.close(fd);
});
