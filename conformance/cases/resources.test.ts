// SPDX-License-Identifier: Apache-2.0
/** Resources that few hosts have: cgroup v1 controllers that are mounted for one scenario, and files that kernels dropped. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { scenario, type Box } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { cgroupMounts, cgroupValue, hasController, hasLimits, PURE_V2, readText, sleep, waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor, runtOnly } from "../harness/runtime.ts";

const MIB = 1024 * 1024;
const BLKIO = cgroupMounts().get("blkio") ?? "";
const TOP = "/sys/fs/cgroup";

function limit(config: Config, resources: object): void {
  config.linux.resources = { ...config.linux.resources, ...resources };
}

/** Whether the kernel has a controller, be it mounted or not. */
function knows(controller: string): boolean {
  return new RegExp(`^${controller}\\t.*\\t1$`, "m").test(readText("/proc/cgroups"));
}

/** Why a controller cannot be tried; `false` if it can, because it is mounted or nothing but v2 has it. */
function cannotMount(controller: string): string | false {
  if (!knows(controller)) return `the kernel has no ${controller} controller`;
  if (!hasController("memory")) return "this host has no cgroup v1";
  if (hasController(controller)) return false;
  if (readText(join(cgroupMounts().get("") ?? "", "cgroup.subtree_control")).includes(controller))
    return `cgroup v2 uses ${controller}`;
  return existsSync(join(TOP, controller)) ? false : `no directory for ${controller} here`;
}

/**
 * `run` of a container that looks at files of its cgroup, by a name below the controller's hierarchy: their texts as the
 * container sees them, and as a hook of the host does.
 */
function look(box: Box, controller: string, files: readonly string[], resources: object): readonly [string, string] {
  const seen = box.path("seen");
  // In a mount namespace of its own, so nobody else gets the hierarchy. The kernel takes it back when it is empty.
  const folder = `${TOP}/${controller}`;
  const empty = `find ${folder}${box.cgroup} -depth -type d -exec rmdir {} +`;
  const mount = `mount -t cgroup -o ${controller} cgroup ${folder} && "$@"; status=$?; ${empty}; umount ${folder}; exit $status`;
  const wrap = hasController(controller) ? [] : ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"];
  const cat = (where: string): string => files.map((file) => `cat ${where}/${controller}.${file}`).join("; ");
  const inside = box.sh(
    cat(join(TOP, controller)),
    (config) => {
      limit(config, resources);
      const script = `{ ${cat(join(TOP, controller, config.linux.cgroupsPath ?? ""))}; } > ${seen}`;
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/usr/bin:/bin"] }] };
    },
    { wrap },
  );
  if (wrap.length > 0) borrowed.add(controller);
  return [inside, readText(seen)];
}

/** Controllers that were mounted here. */
const borrowed = new Set<string>();

/**
 * The kernel keeps a hierarchy whose last cgroup was still on its way out at the last unmount, until the next one. That
 * takes a while on a busy machine. Somebody else may have mounted it as well, who gives it back then.
 */
t.teardown(() => {
  for (const controller of borrowed) {
    const again = `mount -t cgroup -o ${controller} cgroup ${TOP}/${controller} && umount ${TOP}/${controller}`;
    const isFree = (): boolean => new RegExp(`^${controller}\\t0\\t`, "m").test(readText("/proc/cgroups"));
    for (let tries = 0; tries < 10 && !isFree(); tries++) {
      spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", again]);
      sleep(500);
    }
  }
});

scenario(
  "network: classID",
  (t, box) => {
    const texts = look(box, "net_cls", ["classid"], { network: { classID: 0x100001 } });
    t.same(texts, ["1048577\n", "1048577\n"]);
  },
  { skip: cannotMount("net_cls"), proves: ["linux.resources.network.classID"] },
);

scenario(
  "network: priorities",
  (t, box) => {
    const texts = look(box, "net_prio", ["ifpriomap"], { network: { priorities: [{ name: "lo", priority: 7 }] } });
    for (const text of texts) t.match(text, /^lo 7$/m);
  },
  { skip: cannotMount("net_prio"), proves: ["linux.resources.network.priorities"] },
);

scenario(
  "hugepageLimits",
  (t, box) => {
    const texts = look(box, "hugetlb", ["2MB.limit_in_bytes", "2MB.rsvd.limit_in_bytes"], {
      hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }],
    });
    t.match(texts[0], /^4194304\n/);
    t.equal(texts[0], texts[1]);
    if (IS_RUNT) t.equal(texts[0], "4194304\n4194304\n", "reservations, too");
  },
  {
    skip: cannotMount("hugetlb") || (existsSync("/sys/kernel/mm/hugepages/hugepages-2048kB") ? false : "no pages of 2 MB here"),
    proves: ["linux.resources.hugepageLimits"],
  },
);

scenario(
  "hugepageLimits on cgroup v2, of pages and of reservations",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }] }));
    t.equal(cgroupValue(pid, "hugetlb", "hugetlb.2MB.max"), String(4 * MIB));
    if (IS_RUNT) t.equal(cgroupValue(pid, "hugetlb", "hugetlb.2MB.rsvd.max"), String(4 * MIB));
  },
  {
    skip: PURE_V2 && hasLimits("hugetlb") ? false : "this host has no hugetlb controller of cgroup v2 alone",
    proves: ["linux.resources.hugepageLimits"],
  },
);

/** The kernel's name of a device with RDMA; "" without one. The file rdma.max is in no root cgroup. */
const RDMA = existsSync("/sys/class/infiniband") ? (readdirSync("/sys/class/infiniband")[0] ?? "") : "";

scenario(
  "rdma: limits of a device",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { rdma: { [RDMA]: { hcaHandles: 3, hcaObjects: 4000 } } }));
    t.match(cgroupValue(pid, "rdma", "rdma.max"), `${RDMA} hca_handle=3 hca_object=4000`);
  },
  {
    skip:
      RDMA !== "" && hasLimits("rdma")
        ? notFor("crun", "1.8 knows no limits of rdma")
        : "this host has no RDMA device, or no rdma controller",
    proves: ["linux.resources.rdma"],
  },
);

/** Numbers of a disk whose scheduler shares its time out by weights. */
const BFQ = existsSync("/sys/block")
  ? readdirSync("/sys/block")
      .filter((name) => readText(`/sys/block/${name}/queue/scheduler`).includes("[bfq]"))
      .map((name) => readText(`/sys/block/${name}/dev`).trim())[0]
  : undefined;
const noWeights = (): string | false => {
  if (BFQ === undefined) return "no disk here has the scheduler bfq";
  return hasLimits(PURE_V2 ? "io" : "blkio") ? false : "no controller for disks here";
};

scenario(
  "blockIO: the weight, and that of a device, with the scheduler bfq",
  (t, box) => {
    const [major = 0, minor = 0] = (BFQ ?? "").split(":").map(Number);
    const { pid } = box.running((config) =>
      limit(config, { blockIO: { weight: 300, weightDevice: [{ major, minor, weight: 200 }] } }),
    );
    if (PURE_V2) t.equal(cgroupValue(pid, "io", "io.bfq.weight"), `default 300\n${BFQ} 200`);
    else {
      t.equal(cgroupValue(pid, "blkio", "blkio.bfq.weight"), "300");
      t.equal(cgroupValue(pid, "blkio", "blkio.bfq.weight_device"), `default 300\n${BFQ} 200`);
    }
  },
  {
    skip: noWeights(),
    proves: [
      "linux.resources.blockIO.weight",
      ...["major", "minor", "weight"].map((name) => `linux.resources.blockIO.weightDevice[].${name}`),
    ],
  },
);

scenario(
  "blockIO: leafWeight is refused by its name where the kernel lost it with CFQ, in Linux 5.0",
  (t, box) => {
    for (const [blockIO, words] of [
      [{ leafWeight: 300 }, /blockIO\.leafWeight: .*blkio\.leaf_weight/],
      [{ weightDevice: [{ major: 8, minor: 0, leafWeight: 400 }] }, /weightDevice\[0\]\.leafWeight: .*blkio\.leaf_weight_device/],
    ] as const) {
      const done = box.tryCreate(box.bundle((config) => limit(config, { blockIO })));
      t.equal(done.status, 1);
      if (IS_RUNT) t.match(done.stderr, words);
      t.same(box.leftovers(), []);
    }
  },
  {
    skip: hasController("blkio") && !existsSync(join(BLKIO, "blkio.leaf_weight")) ? false : "no blkio without leaf_weight here",
    proves: ["linux.resources.blockIO.leafWeight", "linux.resources.blockIO.weightDevice[].leafWeight"],
    refused: "no kernel since Linux 5.0 has it; that it is written where it is there, unit tests alone try",
  },
);

scenario(
  "blockIO: leafWeight is ignored on cgroup v2, which never had it, and --debug says so",
  (t, box) => {
    const blockIO = { leafWeight: 300, weightDevice: [{ major: 8, minor: 0, leafWeight: 400 }] };
    const { dir } = box.bundle((config) => limit(config, { blockIO }));
    const done = box.call(["--debug", "run", "--bundle", dir, box.id()]);
    t.equal(done.status, 0, done.stderr);
    t.match(done.stderr, /blockIO\.leafWeight: ignored/);
    t.match(done.stderr, /weightDevice\[0\]\.leafWeight: ignored/);
  },
  { skip: PURE_V2 ? runtOnly("it says nothing") : "this host is not on cgroup v2 alone" },
);

scenario(
  "memory: kernelTCP",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { memory: { limit: 64 * MIB, kernelTCP: 3 * MIB } }));
    t.equal(cgroupValue(pid, "memory", "memory.kmem.tcp.limit_in_bytes"), String(3 * MIB));
  },
  {
    skip: existsSync(join(cgroupMounts().get("memory") ?? "", "memory.kmem.tcp.limit_in_bytes"))
      ? notFor("runc", "1.1 ignores it")
      : "the kernel has no memory.kmem.tcp.limit_in_bytes",
    proves: ["linux.resources.memory.kernelTCP"],
  },
);

scenario(
  "memory: kernel is deprecated, and limits nothing",
  (t, box) => {
    const done = box.run((config) => {
      // A limit that a shell could not live with.
      limit(config, { memory: { kernel: 8192 } });
      config.process.args = ["sh", "-c", "echo lives; true"];
    });
    t.equal(done.stdout, "lives\n", done.stderr);
    if (IS_RUNT) t.match(done.stderr, /memory.kernel: ignored, it is deprecated/);
  },
  { skip: hasController("memory") ? false : "no cgroup v1 controller memory here", proves: ["linux.resources.memory.kernel"] },
);

scenario(
  "memory: useHierarchy",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { memory: { useHierarchy: true } }));
    t.equal(cgroupValue(pid, "memory", "memory.use_hierarchy"), "1");
    if (!IS_RUNT) return;
    const refused = box.tryCreate(box.bundle((config) => limit(config, { memory: { useHierarchy: false } })));
    t.equal(refused.status, 1, "Linux 5.11 and later know no other way");
    t.match(refused.stderr, /memory\.use_hierarchy/);
  },
  { skip: noHierarchyFile(), proves: ["linux.resources.memory.useHierarchy"] },
);

function noHierarchyFile(): string | false {
  const file = join(cgroupMounts().get("memory") ?? "", "memory.use_hierarchy");
  return existsSync(file) ? false : "the kernel has no memory.use_hierarchy";
}

scenario(
  "memory: checkBeforeUpdate: an update below what is used is refused",
  (t, box) => {
    const fill = box.folder("fill");
    const container = box.running((config) => {
      limit(config, { memory: { limit: 64 * MIB, swap: 64 * MIB, checkBeforeUpdate: true } });
      config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs" });
      config.mounts.push({ destination: "/fill", type: "bind", source: fill, options: ["bind"] });
      config.process.args = ["sh", "-c", "dd if=/dev/zero of=/tmp/fill bs=1M count=30; mkdir /fill/done; exec sleep 1000"];
    });
    t.ok(
      waitFor(() => existsSync(join(fill, "done"))),
      "the memory is in use",
    );
    const input = JSON.stringify({ memory: { limit: 8 * MIB, swap: 8 * MIB, checkBeforeUpdate: true } });
    const done = box.call(["update", "--resources", "-", container.id], { input });
    t.not(done.status, 0);
    t.equal(container.state().status, "running");
    t.equal(cgroupValue(container.pid, "memory", "memory.limit_in_bytes"), String(64 * MIB));
  },
  {
    skip: existsSync(join(cgroupMounts().get("memory") ?? "", "memory.memsw.limit_in_bytes"))
      ? false
      : "the kernel does not account swap on cgroup v1",
    proves: ["linux.resources.memory.checkBeforeUpdate"],
    passesWithout: "cgroup v1 always refuses",
  },
);

scenario(
  "unified: on cgroup v1 an error that names it",
  (t, box) => {
    const done = box.tryCreate(box.bundle((config) => limit(config, { unified: { "memory.high": "1000000" } })));
    t.equal(done.status, 1);
    t.match(done.stderr, /unified/);
    t.same(box.leftovers(), []);
  },
  { skip: hasController("memory") ? false : "this host has no cgroup v1" },
);

scenario(
  "unified: files of cgroup v2",
  (t, box) => {
    const folder = `/sys/fs/cgroup${box.cgroup}`;
    const { pid } = box.running((config) => limit(config, { unified: { "memory.high": "100000000", "cgroup.max.depth": "3" } }));
    const path = /^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`))?.[1] ?? "";
    t.match(path, box.cgroup, folder);
    t.equal(readFileSync(join(TOP, path, "memory.high"), "utf8"), `${Math.floor(100000000 / 4096) * 4096}\n`);
    t.equal(readFileSync(join(TOP, path, "cgroup.max.depth"), "utf8"), "3\n");
  },
  {
    skip: existsSync(join(TOP, "cgroup.controllers")) ? false : "this host is not on cgroup v2 alone",
    proves: ["linux.resources.unified"],
  },
);

scenario(
  "unified: a cpuset partition of its own, and the processors come back",
  (t, box) => {
    const all = readText(join(TOP, "cpuset.cpus.effective"));
    const container = box.running((config) => {
      // A partition's parent has to be one: the root cgroup is.
      config.linux.cgroupsPath = box.cgroup;
      limit(config, { cpu: { cpus: "1" }, unified: { "cpuset.cpus.partition": "root" } });
    });
    t.equal(cgroupValue(container.pid, "cpuset", "cpuset.cpus.partition"), "root");
    t.equal(cgroupValue(container.pid, "cpuset", "cpuset.cpus.effective"), "1");
    t.equal(readText(join(TOP, "cpuset.cpus.effective")), "0\n", "nobody else has it");
    container.kill("KILL");
    container.until("stopped");
    container.remove();
    // The kernel takes a removed cgroup down some time after rmdir(2).
    waitFor(() => readText(join(TOP, "cpuset.cpus.effective")) === all);
    t.equal(readText(join(TOP, "cpuset.cpus.effective")), all);
  },
  {
    skip:
      PURE_V2 && readText(join(TOP, "cpuset.cpus.effective")).trim() === "0-1"
        ? notFor("crun", "1.8 writes unified before cpus")
        : "this host has not cgroup v2 alone with cpuset and two processors",
  },
);

scenario(
  "unified: misc.max of a resource that the host lacks is an error that names it",
  (t, box) => {
    const done = box.tryCreate(box.bundle((config) => limit(config, { unified: { "misc.max": "nothing 1" } })));
    t.equal(done.status, 1);
    t.match(done.stderr, /misc\.max/);
    t.same(box.leftovers(), []);
  },
  { skip: PURE_V2 && hasLimits("misc") ? false : "this host has no misc controller of cgroup v2 alone" },
);
