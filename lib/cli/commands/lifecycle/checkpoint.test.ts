// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { checkpointOptions, parsePageServer } from "./checkpoint.ts";
import { restoreOptions } from "./restore.ts";

t.test("paths are absolute; the images are in the current directory by default", async (t) => {
  const options = checkpointOptions("a", { "work-path": "w" }, "/here");
  t.match(options, { id: "a", imagePath: "/here/checkpoint", workPath: "/here/w", leaveRunning: false });
  t.notOk("statusFd" in options);
  t.notOk("pageServer" in options);
  const restored = restoreOptions("a", { bundle: "b", "image-path": "/i", "console-socket": "s", detach: true }, "/here");
  t.match(restored, { imagePath: "/i", bundle: "/here/b", consoleSocket: "/here/b/s", detach: true });
});

t.test("--page-server", async (t) => {
  t.same(parsePageServer("10.0.0.1:27"), { address: "10.0.0.1", port: 27 });
  t.same(parsePageServer("[::1]:65535"), { address: "::1", port: 65535 });
  for (const text of ["", ":1", "host", "host:", "::1:27"]) {
    t.throws(() => parsePageServer(text), { code: "USAGE", message: "Use --page-server ADDRESS:PORT to specify page server" });
  }
  for (const text of ["h:x", "h:0", "h:65536", "h:1.5"]) t.throws(() => parsePageServer(text), /Invalid port number/);
});
