// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { StateReport } from "../../runtime/options.ts";
import { formatList, formatState } from "./report_format.ts";

const web: StateReport = {
  status: "running",
  owner: "root",
  ociVersion: "1.3.0",
  pid: 4711,
  id: "web",
  rootfs: "/bundles/web/rootfs",
  bundle: "/bundles/web",
  annotations: { z: "<1>", a: "&", ["__proto__"]: "p" },
  created: "2026-11-21T06:18:39.123456789Z",
};
const long: StateReport = {
  id: "a-container-with-a-long-näme",
  pid: 0,
  status: "stopped",
  bundle: "/b",
  rootfs: "/b/rootfs",
  created: "2026-11-21T06:18:39Z",
  ociVersion: "1.3.0",
  owner: "",
};

t.test("state", async (t) => {
  t.equal(
    formatState(web),
    `{
  "ociVersion": "1.3.0",
  "id": "web",
  "pid": 4711,
  "status": "running",
  "bundle": "/bundles/web",
  "rootfs": "/bundles/web/rootfs",
  "created": "2026-11-21T06:18:39.123456789Z",
  "annotations": {
    "__proto__": "p",
    "a": "\\u0026",
    "z": "\\u003c1\\u003e"
  },
  "owner": "root"
}`,
  );
  t.notMatch(formatState(long), "annotations");
  t.notMatch(formatState({ ...long, annotations: {} }), "annotations");
});

t.test("a list is one line", async (t) => {
  t.equal(formatList([]), "null\n");
  t.equal(formatList([long, long]).split("\n").length, 2);
  t.strictSame(JSON.parse(formatList([web]))[0].pid, 4711);
});
