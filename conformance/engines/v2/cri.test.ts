// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import type { Test } from "tap";
import { readText, sleep, waitFor } from "../../harness/host.ts";
import { containerdConfig, Cri, CRI_PACKAGES, type Pod } from "../cri.ts";
import { engine, type Scenario } from "../engine.ts";
import { SLOW } from "../playground.ts";
import { EATER } from "./podman_scripts.ts";

/** The classes of pods that the kubelet knows: their slice, and what it writes there. */
const CLASSES = {
  guaranteed: { slice: "kubepods-podg1.slice", path: "kubepods.slice/kubepods-podg1.slice" },
  burstable: {
    slice: "kubepods-burstable-podb1.slice",
    path: "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podb1.slice",
  },
  besteffort: {
    slice: "kubepods-besteffort-pode1.slice",
    path: "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pode1.slice",
  },
} as const;
type Class = keyof typeof CLASSES;

const HOST_NETWORK = { security_context: { namespace_options: { network: "NODE", pid: "CONTAINER" } } };
const OWN_PID = { security_context: { namespace_options: { network: "NODE", pid: "CONTAINER" } } };

/** A pod of a class; the kubelet makes the slice beforehand, with the sum of its containers' limits. */
async function podOf(cri: Cri, kind: Class, properties: readonly string[] = []): Promise<Pod> {
  const { slice } = CLASSES[kind];
  // A slice with properties of its own is a unit that systemd keeps.
  cri.pg.run(["systemctl", "start", slice]);
  if (properties.length > 0) cri.pg.run(["systemctl", "set-property", "--runtime", slice, ...properties]);
  return cri.runPod({ hostname: "", linux: { ...HOST_NETWORK, cgroup_parent: `/${CLASSES[kind].path}` } });
}

const scopeOf = (kind: Class, id: string): string => `/sys/fs/cgroup/${CLASSES[kind].path}/cri-containerd-${id}.scope`;
const file = (folder: string, name: string): string => readText(`${folder}/${name}`).trim();
const property = (cri: Cri, id: string, name: string): string =>
  cri.pg.run(["systemctl", "show", "-P", name, `cri-containerd-${id}.scope`]).stdout.trim();

/** A scenario with a container in a pod of a class. */
function withContainer(
  kind: Class,
  resources: object,
  body: (t: Test, cri: Cri, made: { id: string; pod: Pod; folder: string }) => Promise<void> | void,
  command: readonly string[] = ["sleep", "1000"],
  config: object = {},
): Scenario<Cri> {
  return async (t, cri) => {
    const pod = await podOf(cri, kind);
    const id = await cri.run(pod, "one", command, { linux: { ...OWN_PID, resources }, ...config });
    const folder = scopeOf(kind, id);
    await body(t, cri, { id, pod, folder });
    await cri.remove(pod);
    t.ok(
      waitFor(() => !existsSync(folder), 5000 * SLOW),
      "the scope is gone",
    );
    t.equal(property(cri, id, "LoadState"), "not-found");
    cri.pg.run(["systemctl", "stop", CLASSES[kind].slice]);
  };
}

const LIMITS = { memory_limit_in_bytes: 64 << 20, cpu_period: 100_000, cpu_quota: 50_000, cpu_shares: 2048 };

function limits(kind: Class, resources: object, wanted: Readonly<Record<string, string>>): Scenario<Cri> {
  return withContainer(kind, resources, (t, cri, { id, folder }) => {
    t.equal(property(cri, id, "ActiveState"), "active");
    t.equal(property(cri, id, "Slice"), CLASSES[kind].slice);
    for (const [name, value] of Object.entries(wanted)) t.equal(file(folder, name), value, name);
    t.equal(file(folder, "cpu.weight"), property(cri, id, "CPUWeight"), "the kernel and systemd agree");
  });
}

engine(
  "CRI on v2 with systemd",
  CRI_PACKAGES,
  (pg) => new Cri(pg, { config: containerdConfig(pg, { systemd: true }) }),
  {
    "guaranteed: a scope in the pod's slice, with its limits": limits("guaranteed", LIMITS, {
      "memory.max": String(64 << 20),
      "cpu.max": "50000 100000",
    }),
    "burstable: shares alone, and a memory limit": limits(
      "burstable",
      { cpu_shares: 512, memory_limit_in_bytes: 32 << 20 },
      { "memory.max": String(32 << 20), "cpu.max": "max 100000" },
    ),
    "best effort: the least share, no limit": limits(
      "besteffort",
      { cpu_shares: 2, oom_score_adj: 1000 },
      { "memory.max": "max", "cpu.weight": "1" },
    ),
    "the sandbox is a scope in the pod's slice": async (t, cri) => {
      const pod = await podOf(cri, "guaranteed");
      t.equal(property(cri, pod.id, "Slice"), CLASSES.guaranteed.slice);
      await cri.remove(pod);
      t.equal(property(cri, pod.id, "LoadState"), "not-found");
    },
    "the limit of the pod's slice holds for its containers": async (t, cri) => {
      const pod = await podOf(cri, "burstable", ["MemoryMax=24M", "MemorySwapMax=0"]);
      const id = await cri.run(pod, "eats", ["sh", "-c", EATER], { linux: OWN_PID });
      t.equal((await cri.ended(id)).exit_code, 137);
      await cri.remove(pod);
      cri.pg.run(["systemctl", "stop", CLASSES.burstable.slice]);
      cri.pg.run(["systemctl", "-q", "revert", CLASSES.burstable.slice]);
    },
    "UpdateContainerResources: the kernel and systemd have the new limits": withContainer(
      "guaranteed",
      LIMITS,
      async (t, cri, { id, folder }) => {
        const linux = { memory_limit_in_bytes: 48 << 20, cpu_period: 100_000, cpu_quota: 25_000, cpu_shares: 1024 };
        await cri.call("UpdateContainerResources", { id, linux });
        t.equal(file(folder, "memory.max"), String(48 << 20));
        t.equal(file(folder, "cpu.max"), "25000 100000");
        t.equal(property(cri, id, "MemoryMax"), String(48 << 20));
        t.equal(property(cri, id, "CPUQuotaPerSecUSec"), "250ms");
        cri.pg.run(["systemctl", "daemon-reload"]);
        t.equal(file(folder, "memory.max"), String(48 << 20), "after daemon-reload");
      },
    ),
    "an update of processors alone leaves the memory": withContainer("burstable", LIMITS, async (t, cri, { id, folder }) => {
      await cri.call("UpdateContainerResources", { id, linux: { cpu_shares: 512 } });
      t.equal(file(folder, "memory.max"), String(64 << 20));
      t.equal(file(folder, "cpu.weight"), property(cri, id, "CPUWeight"));
    }),
    "too much memory in a child: OOMKilled": withContainer(
      "burstable",
      { memory_limit_in_bytes: 16 << 20 },
      async (t, cri, { id }) => {
        await cri.ended(id);
        // What the shim tells of the memory comes on a way of its own, before or after the exit.
        let status = await cri.status(id);
        for (let tries = 0; tries < 100 && status.reason !== "OOMKilled"; tries += 1) {
          sleep(50);
          status = await cri.status(id);
        }
        t.match(status, { exit_code: 3, reason: "OOMKilled" });
      },
      // containerd watches for that from a moment after the start. Of the last process of a container the shim learns only if it
      // reads memory.events before systemd removes the scope.
      ["sh", "-c", `sleep 1; (${EATER}); sleep 1; exit 3`],
    ),
    "exec: output, exit code, in the container's cgroup": withContainer("burstable", {}, async (t, cri, { id, folder }) => {
      t.same(await cri.exec(id, ["sh", "-c", "echo one; echo two >&2; exit 3"]), { stdout: "one\n", stderr: "two\n", status: 3 });
      t.match((await cri.exec(id, ["cat", "/proc/self/cgroup"])).stdout, /^0::\//);
      t.equal(file(folder, "cgroup.procs").split("\n").length, 1, "the exec has left nothing");
    }),
    "stats: memory and processor time": withContainer(
      "burstable",
      LIMITS,
      async (t, cri, { id }) => {
        interface Value {
          value: number;
        }
        interface Stats {
          stats: { cpu: { usage_core_nano_seconds: Value }; memory: { working_set_bytes: Value } };
        }
        const asked = async () => (await cri.call<Stats>("ContainerStats", { id })).stats;
        let { cpu, memory } = await asked();
        for (let tries = 0; tries < 100 && cpu.usage_core_nano_seconds.value === 0; tries += 1) {
          sleep(50);
          ({ cpu, memory } = await asked());
        }
        t.ok(cpu.usage_core_nano_seconds.value > 0);
        t.ok(memory.working_set_bytes.value > 0 && memory.working_set_bytes.value < 64 << 20);
      },
      // This machine counts processor time in ticks of ten milliseconds; what only sleeps may have none.
      ["sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; sleep 1000"],
    ),
    "a device, over daemon-reload": withContainer(
      "burstable",
      {},
      async (t, cri, { id }) => {
        const open = ["sh", "-c", "exec 3<>/dev/fuse && echo open"];
        t.equal((await cri.exec(id, open)).stdout, "open\n");
        cri.pg.run(["systemctl", "daemon-reload"]);
        t.equal((await cri.exec(id, open)).stdout, "open\n");
      },
      ["sleep", "1000"],
      { devices: [{ container_path: "/dev/fuse", host_path: "/dev/fuse", permissions: "rwm" }] },
    ),
    "a device that was not given, after daemon-reload": withContainer("burstable", {}, async (t, cri, { id }) => {
      const open = ["sh", "-c", "mknod /fuse c 10 229; exec 3<>/fuse"];
      t.match((await cri.exec(id, open)).stderr, "Operation not permitted");
      cri.pg.run(["systemctl", "daemon-reload"]);
      t.match((await cri.exec(id, ["sh", "-c", "exec 3<>/fuse"])).stderr, "Operation not permitted");
    }),
    "systemctl set-property of the scope": withContainer("burstable", LIMITS, (t, cri, { id, folder }) => {
      cri.pg.run(["systemctl", "set-property", "--runtime", `cri-containerd-${id}.scope`, "MemoryMax=80M"]);
      t.equal(file(folder, "memory.max"), String(80 << 20));
    }),
    "a container that ends leaves no scope, while its pod goes on": async (t, cri) => {
      const pod = await podOf(cri, "guaranteed");
      const id = await cri.run(pod, "short", ["true"], { linux: OWN_PID });
      t.equal((await cri.ended(id)).exit_code, 0);
      t.ok(waitFor(() => property(cri, id, "LoadState") === "not-found", 5000 * SLOW));
      t.equal(property(cri, pod.id, "ActiveState"), "active");
      await cri.remove(pod);
    },
    "stop: asked first, killed then": withContainer(
      "guaranteed",
      {},
      async (t, cri, { id }) => {
        await cri.call("StopContainer", { id, timeout: 1 });
        t.equal((await cri.status(id)).exit_code, 137);
      },
      ["sh", "-c", "trap : TERM; while :; do sleep 0.1; done"],
    ),
    "containers outlive a restart of containerd, with their limits": withContainer(
      "guaranteed",
      LIMITS,
      async (t, cri, { id, folder }) => {
        cri.stopDaemon();
        cri.startDaemon();
        await cri.ready();
        t.equal((await cri.status(id)).state, "CONTAINER_RUNNING");
        t.equal(file(folder, "memory.max"), String(64 << 20));
        t.equal((await cri.exec(id, ["echo", "inside"])).stdout, "inside\n");
      },
    ),
    "a program that is not there: the scope is gone": async (t, cri) => {
      const pod = await podOf(cri, "burstable");
      const id = await cri.create(pod, "none", ["no-such-program"], { linux: OWN_PID });
      await t.rejects(cri.call("StartContainer", { id }), /executable file not found|no such file/);
      t.ok(waitFor(() => property(cri, id, "LoadState") === "not-found", 5000 * SLOW));
      await cri.remove(pod);
    },
  },
  { systemd: true },
);
