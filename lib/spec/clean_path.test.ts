import t from "tap";
import { plainPath } from "./clean_path.ts";

void t.test("plainPath writes a place below a root in one way", async (t) => {
  for (const path of ["/proc", "//proc", "/proc/", "/proc//", "/./proc", "/proc/.", "proc", "./proc/"]) {
    t.equal(plainPath(path), "/proc", path);
  }
  for (const path of ["/", "", ".", "//", "/./"]) t.equal(plainPath(path), "/", path);
  for (const path of ["/a/..b/.c/d.", "/a/../b", "/..", "/a b/c"]) t.equal(plainPath(path), path, path);
});
