import { existsSync } from "node:fs";
import t from "tap";
import { silentLog } from "../log.ts";
import { readArguments } from "./argv.ts";
import { createOptions, dispatch } from "./dispatch.ts";

const context = { root: "/run/runt", log: silentLog, systemdCgroup: false, rootless: "auto" as const };
const root = { path: "/run/runt", from: "default" as const };

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

t.test("refused before anything is loaded", async (t) => {
  for (const command of ["create", "run", "start", "state", "delete", "kill"]) {
    await t.rejects(dispatch(readArguments([command, ""]), context, root), {
      code: "INVALID_ID",
      message: "container id cannot be empty",
    });
  }
  for (const command of ["create", "run"]) {
    await t.rejects(
      dispatch(readArguments([command, "c1"]), { ...context, systemdCgroup: true }, root),
      existsSync("/run/systemd/system") ? { code: "CONFIG_INVALID" } : { code: "HOST_UNABLE", message: /--systemd-cgroup: systemd not running/ },
    );
  }
});
