// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { openLog } from "./log.ts";
import { absolutePath } from "./paths.ts";

t.test("absolutePath", async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["", "/w", "/w"],
    [".", "/w", "/w"],
    ["b", "/w", "/w/b"],
    ["./b/", "/w/", "/w/b"],
    ["/b//c/./d/..", "/w", "/b/c"],
    ["..", "/w", "/"],
    ["../../..", "/w/x", "/"],
    ["", "/", "/"],
    ["b", "/", "/b"],
  ];
  for (const [path, directory, expected] of cases) {
    t.equal(absolutePath(path, directory), expected, `${path} in ${directory}`);
  }
});

t.test("a current directory that is gone matters to relative paths alone", async (t) => {
  t.equal(absolutePath("/b", ""), "/b");
  t.throws(() => absolutePath("b", ""), { code: "HOST_UNABLE", message: /^b: .* has been deleted$/ });
  t.throws(() => absolutePath("", ""), { code: "HOST_UNABLE", message: "the current directory has been deleted" });
});

t.test("a path that was no UTF-8 is refused", async (t) => {
  t.throws(() => absolutePath("/b\uFFFD", "/"), { code: "USAGE", message: /a path has to be UTF-8$/ });
  t.throws(() => openLog({ file: "/b\uFFFD" }), { code: "USAGE", message: /a path has to be UTF-8$/ });
});
