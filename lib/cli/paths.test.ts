import t from "tap";
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
