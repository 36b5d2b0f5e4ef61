// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { createOptions } from "./create.ts";

t.test("options of create", async (t) => {
  t.strictSame(createOptions("c1", {}, "/w"), {
    id: "c1",
    bundle: "/w",
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
  });
  const flags = {
    bundle: "b",
    "pid-file": "p",
    "console-socket": "c",
    "pidfd-socket": "/s/../f",
    "no-pivot": true,
    "no-new-keyring": true,
    "preserve-fds": 2,
  };
  t.strictSame(createOptions("c1", flags, "/w"), {
    id: "c1",
    bundle: "/w/b",
    pidFile: "/w/p",
    consoleSocket: "/w/b/c",
    pidfdSocket: "/f",
    noPivot: true,
    noNewKeyring: true,
    preserveFds: 2,
  });
  const empty = createOptions("c1", { "pid-file": "", "console-socket": "", "pidfd-socket": "" }, "/w");
  t.notOk("pidFile" in empty || "consoleSocket" in empty || "pidfdSocket" in empty);
  t.throws(() => createOptions("c1", { "preserve-fds": -1 }, "/w"), {
    code: "USAGE",
    message: /--preserve-fds -1/,
  });
});
