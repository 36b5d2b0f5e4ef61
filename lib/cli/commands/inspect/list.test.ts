// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { StateReport } from "../../../runtime/options.ts";
import { idsText, listText } from "./list.ts";

const web: StateReport = {
  status: "running",
  owner: "root",
  ociVersion: "1.3.0",
  pid: 4711,
  id: "web",
  rootfs: "/bundles/web/rootfs",
  bundle: "/bundles/web",
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

t.test("a table", async (t) => {
  // The header alone, as runc 1.1.5 printed it.
  t.equal(listText([], {}), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
  t.equal(
    listText([web, long], {}),
    [
      "ID                             PID         STATUS      BUNDLE         CREATED                          OWNER",
      "web                            4711        running     /bundles/web   2026-11-21T06:18:39.123456789Z   root",
      "a-container-with-a-long-näme   0           stopped     /b             2026-11-21T06:18:39Z             ",
      "",
    ].join("\n"),
  );
});

t.test("ids, and JSON", async (t) => {
  t.equal(idsText([web.id, long.id]), "web\na-container-with-a-long-näme\n");
  t.equal(idsText([]), "");
  t.match(listText([web], { format: "json" }), /^\[\{"ociVersion":"1\.3\.0","id":"web",.*\}\]\n$/);
});
