// SPDX-License-Identifier: Apache-2.0
/** The shim's decisions without the host: arguments, input, options, mounts, locations, statuses. */
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { readShimArguments } from "./arguments.ts";
import { parseLocation } from "./logger.ts";
import { metrics } from "./metrics.ts";
import { mountOptions, shortened } from "./mounts.ts";
import { mapsOf, parseMaps } from "./id_mapped.ts";
import { namesUnit, checkpointOptions, parseSettings, readOptions, stateRoot } from "./options.ts";
import * as M from "./proto/messages.gen.ts";
import { answer, groupOf, readSent } from "./start.ts";
import { statusOf } from "./ttrpc.ts";

t.test("arguments in the form of Go's flags", (t) => {
  const words = "-namespace k8s.io --address=/run/c.sock -publish-binary /usr/bin/containerd -id a -debug start".split(" ");
  const found = { action: "start", namespace: "k8s.io", address: "/run/c.sock", id: "a", debug: true, version: false };
  t.match(readShimArguments(words), found);
  t.match(readShimArguments(["-v"]), { version: true, action: "" });
  t.throws(() => readShimArguments(["-id"]), { message: "flag needs an argument: -id" });
  t.throws(() => readShimArguments(["-no-such"]), { message: "flag provided but not defined: -no-such" });
  t.end();
});

t.test("containerd 2.3 sends a message of its own, older ones the options", (t) => {
  const options = { typeUrl: "containerd.runc.v1.Options", value: M.writeRuncOptions({ root: "/r", shimCgroup: "/x" }) };
  const given = { id: "box", namespace: "default" };
  const message = { instanceId: "box", namespace: "default", extensions: [{ value: options }], socketDir: "/s" };
  const params = M.writeBootstrapParams(message);
  t.match(readSent(params, given), { params: { socketDir: "/s" }, options: { typeUrl: options.typeUrl } });
  const old = readSent(M.writeAny(options), given);
  t.equal(old.params, undefined);
  t.match(readOptions(old.options), { root: "/r", shimCgroup: "/x" });
  t.same(readSent(new Uint8Array(0), given), { params: undefined, options: undefined });
  t.end();
});

t.test("each containerd is answered in its own form", (t) => {
  t.equal(answer("unix:///s", false, undefined), "unix:///s", "1.6");
  t.equal(answer("unix:///s", false, "2"), '{"version":2,"address":"unix:///s","protocol":"ttrpc"}', "1.7");
  t.match(answer("unix:///s", false, "3"), /"version":3/, "2.0");
  t.match(answer("unix:///s", false, "9"), /"version":3/);
  const result = M.readBootstrapResult(answer("unix:///s", true, "3") as Uint8Array);
  t.match(result, { version: 3, address: "unix:///s", protocol: "ttrpc" });
  t.end();
});

t.test("containers of a pod share a shim", (t) => {
  const config = (annotations: object): string => JSON.stringify({ ociVersion: "1.1.0", annotations });
  t.equal(groupOf(config({ "io.kubernetes.cri.sandbox-id": "pod" })), "pod");
  t.equal(groupOf(config({ "io.kubernetes.cri.sandbox-id": "pod", "io.containerd.runc.v2.group": "group" })), "group");
  t.equal(groupOf(config({ other: "io.kubernetes.cri.sandbox-id" })), undefined);
  t.equal(groupOf("{}"), undefined);
  t.throws(() => groupOf('{"io.kubernetes.cri.sandbox-id'), { code: "CONFIG_INVALID" });
  t.end();
});

t.test("options: runc's message, settings as text, defaults", (t) => {
  t.match(readOptions(undefined), { root: "", systemdCgroup: false });
  const body = new TextEncoder().encode('# of a pod\nSystemdCgroup = true\nRoot = "/run/x" # here\nIoUid = 7\n');
  const generic = { typeUrl: "runtimeoptions.v1.Options", value: M.writeRuntimeOptions({ configBody: body }) };
  t.match(readOptions(generic), { systemdCgroup: true, root: "/run/x", ioUid: 7, noPivotRoot: false });
  t.throws(() => parseSettings("Rooot = true", "x"), { code: "CONFIG_INVALID", message: /^x, line 1: "Rooot = true"/ });
  t.throws(() => readOptions({ typeUrl: "other.Options", value: new Uint8Array(0) }), { code: "USAGE" });
  t.equal(stateRoot({ root: "" }, "moby"), "/run/containerd/runt/moby");
  t.equal(stateRoot({ root: "/run/x" }, "moby"), "/run/x/moby");
  t.end();
});

t.test("a path of the cgroup that names a unit is for systemd", (t) => {
  const config = (cgroupsPath: string) =>
    JSON.stringify({ process: { env: ['"cgroupsPath":"a.slice:b:c"'] }, linux: { cgroupsPath } });
  for (const path of ["system.slice:docker:0123abcd", "a-b.slice::name", "x.slice:cri-containerd:n"])
    t.ok(namesUnit(config(path)), path);
  for (const path of [
    "/docker/0123",
    "/system.slice:docker:1",
    "docker:1",
    "a.slice:b",
    "a.slice/b:c:d",
    "",
    "a:b:c",
    "a.slice:b:c:d",
  ])
    t.notOk(namesUnit(config(path)), path);
  t.notOk(namesUnit("{}"));
  t.end();
});

t.test("what Checkpoint asks for", (t) => {
  const typeUrl = "containerd.runc.v1.CheckpointOptions";
  const options = (given: object) => ({ typeUrl, value: M.writeCheckpointOptions(given) });
  const defaults = { criuPath: "", criuImagePath: "", criuWorkPath: "" };
  const ended = checkpointOptions({ id: "a", path: "/i", options: options({ exit: true, openTcp: true }) }, defaults);
  t.match(ended, { imagePath: "/i", leaveRunning: false, tcpEstablished: true, manageCgroupsMode: "default" });
  const running = checkpointOptions({ id: "a", path: "", options: options({ imagePath: "/j", cgroupsMode: "soft" }) }, defaults);
  t.match(running, { imagePath: "/j", leaveRunning: true, manageCgroupsMode: "soft" });
  t.throws(() => checkpointOptions({ id: "a", path: "", options: undefined }, defaults), { code: "USAGE" });
  t.throws(() => checkpointOptions({ id: "a", path: "/i", options: options({ cgroupsMode: "no" }) }, defaults), {
    code: "USAGE",
  });
  t.throws(() => checkpointOptions({ id: "a", path: "/i", options: options({ emptyNamespaces: ["pid"] }) }, defaults), {
    code: "USAGE",
  });
  const given = { criuPath: "/c", criuImagePath: "/k", criuWorkPath: "/w" };
  const set = checkpointOptions({ id: "a", path: "", options: undefined }, given);
  t.match(set, { imagePath: "/k", workPath: "/w", criuPath: "/c" }, "those of the container, where the request names none");
  const own = checkpointOptions({ id: "a", path: "/i", options: options({ workPath: "/v" }) }, given);
  t.match(own, { imagePath: "/i", workPath: "/v" });
  t.end();
});

t.test("mappings of ids", (t) => {
  const uidMappings = [
    { containerID: 0, hostID: 100000, size: 65536 },
    { containerID: 65536, hostID: 1000, size: 1 },
  ];
  t.same(parseMaps("0:100000:65536,65536:1000:1"), uidMappings);
  t.same(mapsOf(["ro", "uidmap=0:1:2", "gidmap=3:4:5"])?.gidMappings, [{ containerID: 3, hostID: 4, size: 5 }]);
  t.equal(mapsOf(["uidmap=0:1:2"]), undefined, "both, or none");
  for (const wrong of ["", "0:1", "0:1:0", "0:1:2:3", "a:1:2", "0:4294967295:2", "0:1:2,"]) {
    t.throws(() => parseMaps(wrong), { code: "USAGE" }, wrong);
  }
  t.end();
});

t.test("mount options, and layers with long names in common", (t) => {
  t.same(mountOptions(["ro", "nosuid", "rbind", "index=off"]), { flags: 1 | 2 | 4096 | 16384, data: ["index=off"] });
  t.same(mountOptions(["ro", "rw"]).flags, 0);
  const few = ["lowerdir=/a/1/fs:/a/2/fs", "upperdir=/a/3/fs"];
  t.same(shortened(few), { data: few, directory: "" });
  const snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots";
  const layers = Array.from({ length: 100 }, (_, index) => `${snapshots}/${index}/fs`);
  const { data, directory } = shortened([`lowerdir=${layers.join(":")}`]);
  t.equal(directory, snapshots);
  t.equal(data[0]?.startsWith("lowerdir=0/fs:1/fs:"), true);
  t.end();
});

t.test("locations of output", (t) => {
  t.match(parseLocation("/run/fifo"), { scheme: "fifo", path: "/run/fifo" });
  t.match(parseLocation("file:///var/log/a%20b"), { scheme: "file", path: "/var/log/a b" });
  const query = [
    ["tag", "a b"],
    ["x", ""],
  ];
  t.same(parseLocation("binary:///bin/log?tag=a+b&x"), { scheme: "binary", path: "/bin/log", query });
  t.throws(() => parseLocation("file:///%ff"), { code: "USAGE" });
  t.end();
});

t.test("containerd is told its own codes", (t) => {
  t.same(statusOf(new RuntimeError("CONTAINER_NOT_FOUND", "none")), { code: 5, message: "none" });
  t.same(statusOf(new RuntimeError("NOT_SUPPORTED", "no")), { code: 12, message: "no" });
  t.same(statusOf(new RuntimeError("SYSCALL", "x")).code, 2);
  t.same(statusOf(new TypeError("defect")), { code: 2, message: "defect" });
  t.end();
});

t.test("metrics of both versions", (t) => {
  const stats = {
    cpu: { usage: { total: 3000, kernel: 1000, user: 2000 } },
    cpuset: {},
    memory: {
      usage: { limit: 18446744073709551615n, usage: 10, failcnt: 0 },
      raw: { pgfault: 4, anon: 5, total_pgpgin: 6 },
      events: { oom_kill: 2 },
    },
    pids: { current: 1 },
    blkio: {
      ioServiceBytesRecursive: [{ major: 8, op: "Read", value: 7 }],
      ioServicedRecursive: [{ major: 8, op: "Read", value: 1 }],
    },
    hugetlb: {},
  };
  const v1 = metrics(stats, false);
  t.equal(v1.typeUrl, "io.containerd.cgroups.v1.Metrics");
  t.match(M.readMetricsV1(v1.value), {
    cpu: { usage: { total: 3000 } },
    memory: { pgFault: 4, totalPgPgIn: 6, usage: { usage: 10 } },
    pids: { limit: 0 },
  });
  const v2 = metrics(stats, true);
  t.match(M.readMetricsV2(v2.value), {
    cpu: { usageUsec: 3, systemUsec: 1 },
    memory: { anon: 5, usage: 10, usageLimit: 18446744073709551615n },
    memoryEvents: { oomKill: 2 },
    io: { usage: [{ major: 8, rbytes: 7, rios: 1 }] },
    pids: { current: 1, limit: 18446744073709551615n },
  });
  t.end();
});
