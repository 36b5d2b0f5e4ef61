// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { pathInContainer } from "./clean_path.ts";

void t.test("pathInContainer writes a place in one way, and takes .. as text", async (t) => {
  for (const path of ["/proc", "//proc", "/proc/", "/proc//", "/./proc", "/proc/.", "proc", "./proc/"]) {
    t.equal(pathInContainer(path), "/proc", path);
  }
  for (const path of ["/", "", ".", "//", "/./", "/..", "/proc/..", "a/.."]) t.equal(pathInContainer(path), "/", path);
  for (const path of ["/a/..b/.c/d.", "/..a", "/a b/c", "/a/...", "/.a"]) t.equal(pathInContainer(path), path, path);
  for (const path of ["/a/../b", "/x/y/../../b", "/../../b", "../b", "a/../../b/", "/b/c/.."])
    t.equal(pathInContainer(path), "/b", path);
});
