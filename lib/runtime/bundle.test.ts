// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { silentLog } from "../log.ts";
import { RuntimeError } from "../errors.ts";
import { loadBundle } from "./bundle.ts";

const context = { root: "/nowhere", log: silentLog, systemdCgroup: false, rootless: "auto" } as const;
const good = { ociVersion: "1.3.0", root: { path: "rootfs" }, process: { args: ["sh"], cwd: "/" } };

function refusal(change: object): RuntimeError {
  const text = JSON.stringify({ ...good, ...change });
  try {
    loadBundle(context, t.testdir({ rootfs: {}, "config.json": text }));
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error("accepted");
}

t.test("a good bundle", (t) => {
  const path = t.testdir({ rootfs: {}, "config.json": JSON.stringify(good) });
  const bundle = loadBundle(context, path);
  t.equal(bundle.rootfs, `${path}/rootfs`);
  t.strictSame(bundle.config.process, { args: ["sh"], cwd: "/", user: { uid: 0, gid: 0 } });
  t.end();
});

t.test("every problem is in one error", (t) => {
  const error = refusal({ hostname: 5, linux: { intelRdt: { closID: "a/b" } } });
  t.equal(error.code, "CONFIG_INVALID");
  t.match(error.message, /config\.json:1:\d+: \/linux\/intelRdt\/closID: found "a\/b", must be/);
  t.match(error.message, /\/hostname: found 5, must be a string/);
  t.strictSame(
    error.facts.problems?.map(({ pointer }) => pointer),
    ["/hostname", "/linux/intelRdt/closID"],
  );
  t.end();
});
