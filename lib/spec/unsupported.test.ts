import t from "tap";
import { parseConfig, warnings } from "./config.ts";
import type { Config } from "./types.ts";
import { unsupported } from "./unsupported.ts";

function config(change: object): Config {
  const process = { args: ["sh"], cwd: "/" };
  return parseConfig(
    JSON.stringify({ ociVersion: "1.3.0", root: { path: "rootfs" }, process, ...change }),
    "config.json",
  );
}

t.test("every property that asks for something is named", (t) => {
  const asked = config({
    process: {
      args: ["sh"],
      cwd: "/",
      execCPUAffinity: { initial: "0" },
    },
    linux: {
      namespaces: ["mount", "network", "time"].map((type) => ({ type })),
      intelRdt: { closID: "x" },
      resources: {
        blockIO: { weight: 10 },
        hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
        network: { classID: 1 },
        rdma: { mlx: { hcaHandles: 1 } },
        unified: { "memory.high": "1" },
        memory: { limit: 1 },
        cpu: { cpus: "0" },
        pids: { limit: 1 },
        devices: [{ allow: false }],
      },
    },
  });
  t.strictSame(
    unsupported(asked).map(({ pointer }) => pointer),
    [
      "/linux/intelRdt",
    ],
  );
  t.strictSame(unsupported(asked)[0], { pointer: "/linux/intelRdt", what: "Intel RDT" });
  t.end();
});

t.test("empty values ask for nothing", (t) => {
  const empty = config({
    process: {
      args: ["sh"],
      cwd: "/",
    },
    mounts: [{ destination: "/a", uidMappings: [], gidMappings: [], options: ["idmapped"] }],
    linux: {
      namespaces: [{ type: "mount" }],
      seccomp: { syscalls: [] },
      intelRdt: {},
      timeOffsets: {},
      resources: { blockIO: {}, hugepageLimits: [], network: { priorities: [] }, rdma: {}, unified: {} },
    },
  });
  t.strictSame(unsupported(empty), []);
  t.strictSame(unsupported(config({})), []);
  t.end();
});

t.test("warnings", (t) => {
  const maps = [{ containerID: 0, hostID: 0, size: 1 }];
  const odd = config({
    windows: {},
    process: {
      args: ["sh"],
      cwd: "/",
      capabilities: { bounding: ["CAP_CHOWN", "CAP_NEW", "chown"], ambient: ["CAP_CHECKPOINT_RESTORE"] },
    },
    mounts: [{ destination: "/a" }, { destination: "b" }],
    linux: {
      namespaces: [{ type: "user", path: "/u" }],
      uidMappings: maps,
      personality: { domain: "LINUX", flags: ["X"] },
      resources: { memory: { kernel: 1 } },
    },
  });
  t.strictSame(warnings(odd), [
    "/windows: ignored, it is not for Linux",
    '/process/capabilities/bounding/1: "CAP_NEW" is no capability that is known; ignored',
    '/process/capabilities/bounding/2: "chown" is no capability that is known; ignored',
    '/mounts/1/destination: "b" is relative, which is deprecated; it counts from "/"',
    "/mounts: without a mount namespace in /linux/namespaces the mounts appear on the host, and stay",
    '/linux/uidMappings: ignored, the user namespace "/u" has its own',
    "/linux/resources/memory/kernel: ignored, it is deprecated",
    '/linux/personality/flags/0: "X" is no flag that is known; ignored',
  ]);
  t.strictSame(warnings(config({})), []);
  t.end();
});
