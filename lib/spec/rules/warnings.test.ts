// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { parseConfig, warnings } from "../documents/config.ts";
import type { Config } from "../types.ts";

function config(change: object): Config {
  const process = { args: ["sh"], cwd: "/" };
  return parseConfig(JSON.stringify({ ociVersion: "1.3.0", root: { path: "rootfs" }, process, ...change }), "config.json");
}

t.test("warnings", (t) => {
  const maps = [{ containerID: 0, hostID: 0, size: 1 }];
  const odd = config({
    windows: {},
    process: {
      args: ["sh"],
      cwd: "/",
      capabilities: { bounding: ["CAP_CHOWN", "CAP_NEW", "chown", "cap_kill"], ambient: ["CAP_CHECKPOINT_RESTORE"] },
    },
    mounts: [
      { destination: "/a", type: "tmpfs" },
      { destination: "b", type: "tmpfs" },
    ],
    linux: {
      namespaces: [{ type: "user", path: "/u" }],
      uidMappings: maps,
      personality: { domain: "LINUX", flags: ["X"] },
      resources: {
        memory: { kernel: 1 },
        devices: [
          { allow: true, access: "mrw" },
          { allow: false, type: "c", access: "rwa" },
        ],
      },
    },
  });
  t.strictSame(warnings(odd), [
    "/windows: ignored, it is not for Linux",
    '/process/capabilities/bounding/1: "CAP_NEW" is not a known capability; ignored',
    '/process/capabilities/bounding/2: "chown" is not a known capability; ignored: did you mean "CAP_CHOWN"?',
    '/process/capabilities/bounding/3: "cap_kill" is not a known capability; ignored: did you mean "CAP_KILL"?',
    '/mounts/1/destination: "b" is relative, which is deprecated; it counts from "/"',
    "/mounts: without a mount namespace in /linux/namespaces the mounts appear on the host, and stay until the root file system is unmounted (umount --recursive)",
    '/linux/uidMappings: ignored, the user namespace "/u" has its own',
    '/linux/resources/devices/1/access: "rwa" has more than the letters r, w and m; the others are ignored',
    "/linux/resources/memory/kernel: ignored, it is deprecated",
    '/linux/personality/flags/0: "X" is not a known flag; ignored',
  ]);
  t.strictSame(warnings(config({})), []);
  const namespaces = [{ type: "mount" }];
  const loose = { namespaces, maskedPaths: ["/a", "b", ""], readonlyPaths: ["c"], uidMappings: maps, gidMappings: maps };
  const without = "ignored without a user namespace in /linux/namespaces: root of the container is the host's";
  t.strictSame(warnings(config({ annotations: { "": "x", a: "" }, linux: loose })), [
    "/annotations/: the name is empty, which the specification does not allow",
    `/linux/uidMappings: ${without}`,
    `/linux/gidMappings: ${without}`,
    '/linux/maskedPaths/1: "b" is relative; it counts from "/"',
    '/linux/maskedPaths/2: "" is empty; ignored',
    '/linux/readonlyPaths/0: "c" is relative; it counts from "/"',
  ]);
  for (const version of [
    "",
    "1",
    "1.0",
    "1.0.0.0",
    "01.0.0",
    "1.0.0-",
    "1.0.0-01",
    "1.0.0+",
    "1.0.0-a..b",
    "v1.0.0",
    "1.0.0-ä",
  ]) {
    t.strictSame(warnings(config({ ociVersion: version })), [
      `/ociVersion: "${version}" is not a version in the form of SemVer 2.0.0, such as 1.3.0`,
    ]);
  }
  for (const version of ["1.0.0", "1.2.3-rc.1", "1.0.0-0a.-+001.x", "0.5.0-dev", "1.2.1+dev"]) {
    t.strictSame(warnings(config({ ociVersion: version })), [], version);
  }
  t.end();
});
