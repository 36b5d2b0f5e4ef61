// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { checkConfig } from "../documents/config.ts";

type Case = readonly [what: string, change: object, ...expected: string[]];

const process = { args: ["sh"], cwd: "/", user: { uid: 0, gid: 0 } };
const all = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"].map((type) => ({ type }));
const maps = [{ containerID: 0, hostID: 1000, size: 10 }];

function problems(change: object): string[] {
  const config = { ociVersion: "1.3.0", root: { path: "rootfs" }, process, ...change };
  return checkConfig(JSON.stringify(config, null, 1)).map(({ pointer, line, message }) => {
    if (line === 0) throw new Error(`no place for ${pointer}`);
    return `${pointer}: ${message}`;
  });
}

function run(name: string, cases: readonly Case[]): void {
  t.test(name, (t) => {
    for (const [what, change, ...expected] of cases) t.strictSame(problems(change), expected, what);
    t.end();
  });
}

run("ociVersion", [
  ...["1.0.0", "1.2.3-rc.1", "1.0.0-0a.-+001.x", "0.5.0-dev", "1.2.1+dev", "", "v1.0.0", "2.0"].map((ociVersion): Case => [
    ociVersion,
    { ociVersion },
  ]),
  ["2", { ociVersion: "2.0.0" }, '/ociVersion: found "2.0.0", but only versions up to 1.x are known'],
]);

run("process", [
  ["absent", { process: undefined }],
  ["no args", { process: { cwd: "/" } }, "/process/args: missing, must have at least one entry"],
  ["cwd", { process: { ...process, cwd: "tmp" } }, '/process/cwd: found "tmp", must be an absolute path'],
  ["no cwd", { process: { args: ["sh"] } }, "/process/cwd: missing, but the specification requires it"],
  [
    "env",
    { process: { ...process, env: ["A=", "B=c=d", "C", "=x"] } },
    '/process/env/2: found "C", must be NAME=value',
    '/process/env/3: found "=x", must be NAME=value',
  ],
  [
    "ids",
    {
      process: {
        ...process,
        user: { uid: 4294967295, gid: 4294967294, umask: 512, additionalGids: [1, 4294967295] },
      },
    },
    "/process/user/uid: found 4294967295, must be at most 4294967294",
    "/process/user/umask: found 512, must be at most 511 (octal 777)",
    "/process/user/additionalGids/1: found 4294967295, must be at most 4294967294",
  ],
  [
    "console",
    { process: { ...process, terminal: true, consoleSize: { height: 65536, width: 1 } } },
    "/process/consoleSize/height: found 65536, must be at most 65535",
  ],
  ["console unused", { process: { ...process, consoleSize: { height: 65536, width: 1 } } }],
  [
    "rlimits",
    {
      process: {
        ...process,
        rlimits: [
          { type: "RLIMIT_CORE", soft: 1, hard: 1 },
          { type: "RLIMIT_CPU", soft: 2, hard: 1 },
          { type: "RLIMIT_CORE", soft: 0, hard: 1 },
          { type: "RLIMIT_FOO", soft: 0, hard: 1 },
        ],
      },
    },
    "/process/rlimits/1/soft: found 2, must be at most the hard limit, 1",
    "/process/rlimits/2/type: RLIMIT_CORE is set already, at /process/rlimits/0",
    '/process/rlimits/3/type: found "RLIMIT_FOO", allowed: RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, ' +
      "RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, " +
      "RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK",
  ],
  [
    "scheduler",
    {
      process: {
        ...process,
        scheduler: { policy: "SCHED_OTHER", nice: 20, priority: 1, period: 1, runtime: 0 },
      },
    },
    "/process/scheduler/nice: found 20, must be from -20 to 19",
    "/process/scheduler/priority: found 1, but SCHED_OTHER has no priority; allowed with SCHED_FIFO and SCHED_RR",
    "/process/scheduler/period: found 1, but SCHED_OTHER has none; allowed with SCHED_DEADLINE",
  ],
  [
    "scheduler: a real-time policy without its priority",
    { process: { ...process, scheduler: { policy: "SCHED_RR" } } },
    "/process/scheduler/priority: found 0, but SCHED_RR needs a priority from 1 to 99",
  ],
  [
    "scheduler: a deadline that there can be none",
    { process: { ...process, scheduler: { policy: "SCHED_DEADLINE", runtime: 5000, deadline: 4000, period: 9000 } } },
    "/process/scheduler: found runtime 5000, deadline 4000, period 9000, but SCHED_DEADLINE needs 1024 <= runtime <= deadline <= period (nanoseconds)",
  ],
  ["scheduler: a deadline", { process: { ...process, scheduler: { policy: "SCHED_DEADLINE", runtime: 5000, deadline: 6000 } } }],
  [
    "scheduler: parameters that are kept",
    { process: { ...process, scheduler: { policy: "SCHED_DEADLINE", flags: ["SCHED_FLAG_KEEP_PARAMS"] } } },
  ],
  [
    "cpu: a burst above the quota",
    { linux: { resources: { cpu: { quota: 10000, burst: 10001 } } } },
    "/linux/resources/cpu/burst: found 10001, must be at most the quota, 10000",
  ],
  ["cpu: a burst without a quota", { linux: { resources: { cpu: { quota: -1, burst: 10001 } } } }],
  [
    "intelRdt: names that are no directory, and lines that are none",
    { linux: { intelRdt: { closID: "a/b", l3CacheSchema: "L3:0=f\nL3:1=f", memBwSchema: "0=5", schemata: ["a", "b\n"] } } },
    '/linux/intelRdt/closID: found "a/b", must be the name of one directory, or /',
    '/linux/intelRdt/l3CacheSchema: found "L3:0=f\\nL3:1=f", must be one line',
    '/linux/intelRdt/memBwSchema: found "0=5", must start with MB:',
    '/linux/intelRdt/schemata/1: found "b\\n", must be one line',
  ],
  [
    "netDevices: two devices under one name",
    {
      linux: {
        namespaces: [{ type: "network" }],
        netDevices: { a0: {}, b0: { name: "a0" }, c0: { name: "n%d" }, d0: { name: "n%d" } },
      },
    },
    '/linux/netDevices/b0: the name "a0" in the container is taken by /linux/netDevices/a0',
  ],
  [
    "memoryPolicy: nodes that are no list",
    { linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "x" } } },
    '/linux/memoryPolicy/nodes: invalid memory policy node: found "x", must be a list of NUMA nodes such as 0-3,7: x is no node number or range from 0 to 65536',
  ],
  [
    "memoryPolicy: nodes that the mode does not take, and flags that exclude each other",
    {
      linux: {
        memoryPolicy: { mode: "MPOL_LOCAL", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] },
      },
    },
    '/linux/memoryPolicy/nodes: found "0", but MPOL_LOCAL takes no nodes: mode requires 0 nodes but got 1',
    "/linux/memoryPolicy/flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other",
  ],
  [
    "memoryPolicy: a mode without its nodes",
    { linux: { memoryPolicy: { mode: "MPOL_INTERLEAVE" } } },
    "/linux/memoryPolicy/nodes: missing, but MPOL_INTERLEAVE needs at least one node",
  ],
  ["oomScoreAdj", { process: { ...process, oomScoreAdj: -1001 } }, "/process/oomScoreAdj: found -1001, must be at least -1000"],
]);

run("root, mounts, hooks, annotations", [
  ["no root", { root: undefined }, "/root: missing, but the specification requires it on Linux"],
  ["root path", { root: { path: "" } }, "/root/path: must not be empty"],
  [
    "destination",
    { mounts: [{ destination: "", type: "tmpfs" }, { type: "tmpfs" }] },
    "/mounts/0/destination: must not be empty",
    "/mounts/1/destination: missing, but the specification requires it",
  ],
  [
    "a mount that is none",
    {
      mounts: [
        { destination: "/a" },
        { destination: "/b", type: "bind", options: ["ro"] },
        { destination: "/c", type: "none", options: ["remount"] },
        { destination: "/d", type: "none", options: ["bind"] },
        { destination: "//", options: ["remount", "ro"] },
        { destination: "/", options: ["rbind"] },
      ],
    },
    "/mounts/0/type: missing, must be a file system; for a bind mount the options need bind or rbind",
    '/mounts/1/type: found "bind", must be a file system; for a bind mount the options need bind or rbind',
  ],
  [
    "id-mapped, with ranges that cannot be",
    {
      mounts: [
        {
          destination: "/a",
          options: ["bind", "idmap"],
          uidMappings: [{ containerID: 0, hostID: 5, size: 0 }],
          gidMappings: [
            { containerID: 0, hostID: 5, size: 5 },
            { containerID: 4, hostID: 50, size: 5 },
          ],
        },
      ],
    },
    "/mounts/0/uidMappings/0/size: found 0, must be at least 1",
    "/mounts/0/gidMappings/1/containerID: overlaps with /mounts/0/gidMappings/0",
  ],
  ["relative", { mounts: [{ destination: "tmp", type: "tmpfs" }] }],
  [
    "maps",
    { mounts: [{ destination: "/a", options: ["bind"], uidMappings: maps }] },
    "/mounts/0/gidMappings: missing: uidMappings and gidMappings go together",
  ],
  ["id-mapped", { mounts: [{ destination: "/a", options: ["rbind"], uidMappings: maps, gidMappings: maps }] }],
  [
    "id-mapped, wrong",
    {
      mounts: [
        { destination: "/a", type: "tmpfs", uidMappings: maps, gidMappings: maps },
        { destination: "/b", options: ["bind", "ridmap"] },
      ],
    },
    "/mounts/0/uidMappings: id-mapped mounts are only supported for bind-mounts (option bind or rbind)",
    "/mounts/1/options/1: an id-mapped mount needs uidMappings and gidMappings of its own, or a user namespace of the container",
  ],
  [
    "hooks",
    { hooks: { poststop: [{ path: "/a" }, { path: "b" }], prestart: [{ path: "/x", timeout: 0 }] } },
    '/hooks/poststop/1/path: found "b", must be an absolute path',
    "/hooks/prestart/0/timeout: found 0, must be at least 1",
  ],
  [
    "hook path",
    { hooks: { poststop: [{ path: "/a" }, { path: "b" }], other: [1, { path: 5 }] } },
    '/hooks/poststop/1/path: found "b", must be an absolute path',
  ],
]);

run("namespaces", [
  ["all", { linux: { namespaces: all, uidMappings: maps, gidMappings: maps } }],
  [
    "twice",
    { linux: { namespaces: [{ type: "ipc" }, { type: "ipc", path: "x" }] } },
    "/linux/namespaces/1/type: ipc is there already, at /linux/namespaces/0",
    '/linux/namespaces/1/path: found "x", must be an absolute path',
  ],
  [
    "hostname",
    { hostname: "a", domainname: "b" },
    "/hostname: needs a uts namespace in /linux/namespaces, else it would be the host's",
    "/domainname: needs a uts namespace in /linux/namespaces, else it would be the host's",
  ],
  ["joined", { hostname: "a", linux: { namespaces: [{ type: "uts", path: "/x" }] } }],
  ["empty hostname", { hostname: "" }],
  [
    "long",
    { hostname: "é".repeat(32), domainname: "é".repeat(33), linux: { namespaces: [{ type: "uts" }] } },
    "/domainname: longer than 64 bytes",
  ],
  [
    "offsets",
    { linux: { timeOffsets: { monotonic: { secs: 1 } } } },
    "/linux/timeOffsets: needs a time namespace in /linux/namespaces",
  ],
  [
    "joined time",
    { linux: { namespaces: [{ type: "time", path: "/t" }], timeOffsets: { boottime: { nanosecs: 1e9 } } } },
    '/linux/timeOffsets: the time namespace "/t" is joined; its offsets are fixed',
    "/linux/timeOffsets/boottime/nanosecs: found 1000000000, must be at most 999999999",
  ],
  [
    "clock",
    { linux: { timeOffsets: { realtime: {} } } },
    "/linux/timeOffsets: needs a time namespace in /linux/namespaces",
    '/linux/timeOffsets/realtime: the name "realtime" is not allowed here',
  ],
  [
    "net devices",
    { linux: { netDevices: { "a/b": {}, eth0: { name: "sixteen-letters-" } } } },
    "/linux/netDevices: needs a network namespace in /linux/namespaces",
    '/linux/netDevices/a~1b: "a/b" cannot be the name of a network device',
    '/linux/netDevices/eth0/name: "sixteen-letters-" cannot be the name of a network device',
  ],
  [
    "net devices: templates",
    {
      linux: {
        namespaces: [{ type: "network" }],
        netDevices: { a0: { name: "%d" }, b0: { name: "x%dy" }, c0: { name: "x%s" }, d0: { name: "x%d%d" }, e0: { name: "x%" } },
      },
    },
    '/linux/netDevices/c0/name: "x%s" cannot be the name of a network device',
    '/linux/netDevices/d0/name: "x%d%d" cannot be the name of a network device',
    '/linux/netDevices/e0/name: "x%" cannot be the name of a network device',
  ],
  ["paths", { linux: { maskedPaths: ["/a", "", "a"], readonlyPaths: ["/a", "b", ""], namespaces: [{ type: "mount" }] } }],
  [
    "paths of the host",
    { linux: { maskedPaths: ["/a"], readonlyPaths: [] } },
    "/linux/maskedPaths: needs a mount namespace in /linux/namespaces, else the host's paths would change",
  ],
]);

run("id maps", [
  ["no namespace", { linux: { uidMappings: maps } }],
  [
    "one map",
    { linux: { namespaces: [{ type: "user" }], uidMappings: maps, gidMappings: [] } },
    "/linux/gidMappings: missing: uidMappings and gidMappings go together",
  ],
  ["no maps: the caller's ids", { linux: { namespaces: [{ type: "user" }], gidMappings: [] } }],
  ["joined", { linux: { namespaces: [{ type: "user", path: "/u" }] } }],
  ["joined with maps", { linux: { namespaces: [{ type: "user", path: "/u" }], uidMappings: maps, gidMappings: maps } }],
  [
    "extents",
    {
      linux: {
        namespaces: [{ type: "user" }],
        uidMappings: [
          ...maps,
          { containerID: 9, hostID: 0, size: 1 },
          { containerID: 20, hostID: 0, size: 1 },
          { containerID: 30, hostID: 4294967290, size: 6 },
        ],
        gidMappings: [...maps, { containerID: 50, hostID: 50, size: 0 }],
      },
    },
    "/linux/uidMappings/1/containerID: overlaps with /linux/uidMappings/0",
    "/linux/uidMappings/2/hostID: overlaps with /linux/uidMappings/1",
    "/linux/uidMappings/3/hostID: the 6 ids from 4294967290 go beyond 4294967294",
    "/linux/gidMappings/1/size: found 0, must be at least 1",
  ],
  [
    "many",
    {
      linux: {
        namespaces: [{ type: "user" }],
        gidMappings: maps,
        uidMappings: Array.from({ length: 341 }, (_, i) => ({ containerID: i, hostID: i, size: 1 })),
      },
    },
    "/linux/uidMappings: found 341 ranges, the kernel takes 340",
  ],
  [
    "many, with large numbers",
    {
      linux: {
        namespaces: [{ type: "user" }],
        gidMappings: Array.from({ length: 215 }, (_, i) => ({ containerID: i, hostID: 1000000000 + i, size: 1 })),
        uidMappings: Array.from({ length: 250 }, (_, i) => ({ containerID: i, hostID: 1000000000 + i, size: 1 })),
      },
    },
    "/linux/uidMappings: has 4140 bytes as the kernel reads it, which takes 4095: that is too many ranges",
  ],
  [
    "root",
    {
      linux: {
        namespaces: [{ type: "user" }],
        uidMappings: [{ containerID: 1, hostID: 1, size: 1 }],
        gidMappings: maps,
      },
    },
    "/linux/uidMappings: must map the container's user 0",
  ],
  [
    "user",
    {
      process: { ...process, user: { uid: 10, gid: 9, additionalGids: [3, 11] } },
      linux: { namespaces: [{ type: "user" }], uidMappings: maps, gidMappings: maps },
    },
    "/process/user/uid: found 10, which /linux/uidMappings does not map",
    "/process/user/additionalGids/1: found 11, which /linux/gidMappings does not map",
  ],
]);

const allowed =
  "not in a namespace, so it would be the host's; allowed: net.*, user.*, fs.mqueue.*, kernel.domainname, " +
  "kernel.{msgmax,msgmnb,msgmni,sem,shmall,shmmax,shmmni,shm_rmid_forced}";
const sysctls = {
  "net.ipv4.ip_forward": "1",
  "net/ipv4/conf/eth0.1/forwarding": "1",
  "kernel.shmmax": "1",
  "kernel/sem": "1",
  "fs.mqueue.msg_max": "1",
  "kernel.domainname": "x",
  "user.max_net_namespaces": "1",
};
const needs = (kind: string): string => `needs ${kind} namespace in /linux/namespaces, else it would be the host's`;

run("sysctl", [
  ["own", { linux: { namespaces: all, uidMappings: maps, gidMappings: maps, sysctl: sysctls } }],
  [
    "host's",
    { linux: { sysctl: sysctls } },
    `/linux/sysctl/net.ipv4.ip_forward: "net.ipv4.ip_forward": ${needs("a network")}`,
    `/linux/sysctl/net~1ipv4~1conf~1eth0.1~1forwarding: "net/ipv4/conf/eth0.1/forwarding": ${needs("a network")}`,
    `/linux/sysctl/kernel.shmmax: "kernel.shmmax": ${needs("an ipc")}`,
    `/linux/sysctl/kernel~1sem: "kernel/sem": ${needs("an ipc")}`,
    `/linux/sysctl/fs.mqueue.msg_max: "fs.mqueue.msg_max": ${needs("an ipc")}`,
    `/linux/sysctl/kernel.domainname: "kernel.domainname": ${needs("a uts")}`,
    `/linux/sysctl/user.max_net_namespaces: "user.max_net_namespaces": ${needs("a user")}`,
  ],
  ...["kernel.domainname", "kernel/domainname"].flatMap((name): Case[] => {
    const linux = (value: string) => ({ namespaces: [{ type: "uts" }], sysctl: { [name]: value } });
    const at = `/linux/sysctl/${name.replaceAll("/", "~1")}`;
    return [
      [`${name}, the same`, { domainname: "a", linux: linux("a") }],
      [`${name} alone`, { domainname: "", linux: linux("b") }],
      [`${name}, another`, { domainname: "a", linux: linux("b") }, `${at}: found "b", but /domainname is "a"`],
    ];
  }),
  [
    "never",
    {
      linux: {
        namespaces: [{ type: "uts" }, { type: "network" }],
        sysctl: {
          "kernel.hostname": "x",
          "vm.swappiness": "1",
          "net.//.kernel.panic": "1",
          "net/../kernel/panic": "1",
          "": "1",
        },
      },
    },
    '/linux/sysctl/kernel.hostname: "kernel.hostname": the property /hostname sets it',
    `/linux/sysctl/vm.swappiness: "vm.swappiness": ${allowed}`,
    '/linux/sysctl/net.~1~1.kernel.panic: "net.//.kernel.panic": not the name of a kernel parameter',
    '/linux/sysctl/net~1..~1kernel~1panic: "net/../kernel/panic": not the name of a kernel parameter',
    '/linux/sysctl/: "": not the name of a kernel parameter',
  ],
]);

run("devices and resources", [
  [
    "nodes",
    {
      linux: {
        devices: [
          { type: "c", path: "/dev/a", major: 1, minor: 3 },
          { type: "p", path: "dev/p" },
          { type: "b", path: "/dev/b", major: 4096 },
          { type: "c", path: "/dev/a", major: 1, minor: 3 },
          { type: "c", path: "/dev/a", major: 1, minor: 4 },
          { type: "u", path: "/dev/u", major: 0, minor: -1 },
          { type: "c", path: "/dev/o", major: 1, minor: 5, uid: 4294967295, gid: 4294967294 },
        ],
      },
    },
    '/linux/devices/1/path: found "dev/p", must be an absolute path',
    "/linux/devices/2/minor: missing, but the specification requires it unless the type is p",
    "/linux/devices/2/major: found 4096, must be from 0 to 4095",
    "/linux/devices/4/path: /dev/a is another device already, at /linux/devices/0",
    "/linux/devices/5/minor: found -1, must be from 0 to 1048575",
    "/linux/devices/6/uid: found 4294967295, must be at most 4294967294",
  ],
  ["cgroupsPath", { linux: { cgroupsPath: "/a/../../b" } }, '/linux/cgroupsPath: found "/a/../../b", must be without ".."'],
  ["cgroupsPath dots", { linux: { cgroupsPath: "system.slice:a..b:c" } }],
  [
    "rules",
    { linux: { resources: { devices: [{ allow: true, major: -1, minor: -2, access: "rx" }] } } },
    "/linux/resources/devices/0/minor: found -2, must be -1 (each) or a number from 0",
  ],
  [
    "rule numbers",
    { linux: { resources: { devices: [{ allow: true, type: "a", major: -1, minor: -2, access: "" }] } } },
    "/linux/resources/devices/0/minor: found -2, must be -1 (each) or a number from 0",
  ],
  [
    "memory",
    { linux: { resources: { memory: { limit: -2, swap: -1, swappiness: 101 } } } },
    "/linux/resources/memory/limit: found -2, must be bytes, or -1 for no limit",
    "/linux/resources/memory/swappiness: found 101, must be from 0 to 100",
  ],
  [
    "blockIO",
    { linux: { resources: { blockIO: { weightDevice: [{ major: 8, minor: 0 }] }, rdma: { mlx: {} } } } },
    "/linux/resources/blockIO/weightDevice/0: must have weight, leafWeight, or both",
    "/linux/resources/rdma/mlx: must have hcaHandles, hcaObjects, or both",
  ],
]);

run("seccomp", [
  ["empty", { linux: { seccomp: {} } }],
  [
    "no default",
    { linux: { seccomp: { syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }] } } },
    "/linux/seccomp/defaultAction: missing, but the specification requires it",
  ],
  [
    "errno",
    {
      linux: {
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          defaultErrnoRet: 1,
          listenerMetadata: "x",
          syscalls: [
            { names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 2 },
            { names: ["write"], action: "SCMP_ACT_KILL", errnoRet: 2 },
          ],
        },
      },
    },
    "/linux/seccomp/defaultErrnoRet: SCMP_ACT_ALLOW gives no errno; allowed with SCMP_ACT_ERRNO and SCMP_ACT_TRACE",
    "/linux/seccomp/listenerMetadata: allowed only with listenerPath",
    "/linux/seccomp/syscalls/1/errnoRet: SCMP_ACT_KILL gives no errno; allowed with SCMP_ACT_ERRNO and SCMP_ACT_TRACE",
  ],
  [
    "an errno out of range",
    {
      linux: {
        seccomp: {
          defaultAction: "SCMP_ACT_ERRNO",
          defaultErrnoRet: 4095,
          syscalls: [
            { names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 4094 },
            { names: ["write"], action: "SCMP_ACT_TRACE", errnoRet: 65536 },
          ],
        },
      },
    },
    "/linux/seccomp/defaultErrnoRet: found 4095, must be at most 4094 with SCMP_ACT_ERRNO",
    "/linux/seccomp/syscalls/1/errnoRet: found 65536, must be at most 65535 with SCMP_ACT_TRACE",
  ],
  [
    "names",
    {
      linux: {
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: [], action: "SCMP_ACT_LOG", args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] }],
        },
      },
    },
    "/linux/seccomp/syscalls/0/names: must not be empty",
    "/linux/seccomp/syscalls/0/args/0/index: found 6, must be at most 5",
  ],
  [
    "a name that is empty",
    { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["read", ""], action: "SCMP_ACT_LOG" }] } } },
    "/linux/seccomp/syscalls/0/names/1: must not be empty",
  ],
]);
