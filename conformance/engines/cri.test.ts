// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { Cri, CRI_PACKAGES, type Pod } from "./cri.ts";
import { engine } from "./engine.ts";

/** What the kubelet asks for if the pod does not share its pid namespace. */
const OWN_PID = { security_context: { namespace_options: { pid: "CONTAINER" } } };

const made: { pod?: Pod; web?: string; side?: string } = {};

/** What the first scenarios made. */
function pod(): { pod: Pod; web: string; side: string } {
  const { pod, web, side } = made;
  if (pod === undefined || web === undefined || side === undefined) throw new Error("the pod could not be made");
  return { pod, web, side };
}

async function namespaces(cri: Cri, id: string): Promise<Record<string, string>> {
  const kinds = ["net", "ipc", "uts", "pid", "mnt"];
  const { stdout } = await cri.exec(id, ["sh", "-c", `for n in ${kinds.join(" ")}; do readlink /proc/self/ns/$n; done`]);
  const links = stdout.trim().split("\n");
  return Object.fromEntries(kinds.map((kind, index) => [kind, links[index] ?? ""]));
}

engine("CRI", CRI_PACKAGES, (pg) => new Cri(pg), {
  async "the plugin is ready, runtime and network"(t, cri) {
    const { status } = await cri.call<{ status: { conditions: { type: string; status: boolean }[] } }>("Status");
    t.match(status.conditions, [
      { type: "RuntimeReady", status: true },
      { type: "NetworkReady", status: true },
    ]);
  },
  async "a pod sandbox: ready, with an address"(t, cri) {
    made.pod = await cri.runPod({
      hostname: "together",
      dns_config: { servers: ["10.77.0.53"], searches: ["example.test"] },
      port_mappings: [{ container_port: 8000, host_port: 8200 }],
      linux: { ...OWN_PID, cgroup_parent: "/kubepods/pod1", sysctls: { "net.ipv4.ip_default_ttl": "33" } },
    });
    const { status } = await cri.call<{ status: { state: string; network: { ip: string } } }>("PodSandboxStatus", {
      id: made.pod.id,
    });
    t.equal(status.state, "SANDBOX_READY");
    t.match(status.network.ip, /^10\.77\./);
  },
  async "two containers share the pod's net, ipc and uts, not pid and mnt"(t, cri) {
    const { pod } = made;
    if (pod === undefined) throw new Error("no pod");
    made.web = await cri.run(pod, "web", ["sh", "-c", "echo out; echo err >&2; while :; do echo served | nc -l -p 8000; done"], {
      linux: {
        ...OWN_PID,
        resources: { memory_limit_in_bytes: 64 << 20, cpu_period: 100000, cpu_quota: 50000, cpu_shares: 256 },
      },
    });
    made.side = await cri.run(pod, "side", ["sleep", "1000"], { linux: OWN_PID });
    t.equal((await cri.status(made.web)).state, "CONTAINER_RUNNING");
    const [web, side] = [await namespaces(cri, made.web), await namespaces(cri, made.side)];
    for (const kind of ["net", "ipc", "uts"]) t.equal(web[kind], side[kind], kind);
    for (const kind of ["pid", "mnt"]) t.not(web[kind], side[kind], kind);
  },
  async "hostname, resolv.conf and sysctls of the pod"(t, cri) {
    const { side } = pod();
    t.equal((await cri.exec(side, ["hostname"])).stdout, "together\n");
    const resolv = (await cri.exec(side, ["cat", "/etc/resolv.conf"])).stdout;
    t.match(resolv, "nameserver 10.77.0.53");
    t.match(resolv, "search example.test");
    t.equal((await cri.exec(side, ["cat", "/proc/sys/net/ipv4/ip_default_ttl"])).stdout, "33\n");
  },
  async "one container reaches the other on localhost, and the host port reaches both"(t, cri) {
    const { side } = pod();
    t.match((await cri.exec(side, ["nc", "-w", "2", "127.0.0.1", "8000"])).stdout, "served");
    const address = cri.pg.run(["sh", "-c", "ip -4 -o addr show pods0 | sed 's/.*inet \\([^/]*\\).*/\\1/'"]).stdout.trim();
    t.ok(waitFor(() => cri.pg.run(["busybox", "nc", "-w", "1", address, "8200"]).stdout === "served\n", 5000));
  },
  async "exec: exit code, both outputs, a program that is not there, a time-out"(t, cri) {
    const { side } = pod();
    const done = await cri.exec(side, ["sh", "-c", "echo one; echo two >&2; exit 3"]);
    t.same(done, { stdout: "one\n", stderr: "two\n", status: 3 });
    await t.rejects(cri.exec(side, ["no-such-program"]), /not found/);
    await t.rejects(cri.exec(side, ["sleep", "100"], 1), /timed out|timeout|deadline/i);
    t.equal((await cri.exec(side, ["echo", "alive"])).stdout, "alive\n");
  },
  "the log has both streams in the CRI format"(t, cri) {
    const log = readFileSync(join(cri.pg.dir, "logs/pod1/web.log"), "utf8");
    t.match(log, /^\S+Z stdout F out$/m);
    t.match(log, /^\S+Z stderr F err$/m);
  },
  async "limits stand in the cgroup under the pod's"(t, cri) {
    const { web } = pod();
    const value = (file: string): string => {
      const [controller] = file.split("/");
      return cri.pg.run(["cat", `/sys/fs/cgroup/${controller}/kubepods/pod1/${web}/${file.split("/")[1]}`]).stdout.trim();
    };
    t.equal(value("memory/memory.limit_in_bytes"), String(64 << 20));
    t.equal(value("cpu/cpu.cfs_quota_us"), "50000");
    t.equal(value("cpu/cpu.shares"), "256");
    await cri.call("UpdateContainerResources", {
      id: web,
      linux: { memory_limit_in_bytes: 96 << 20, cpu_quota: 25000, cpu_period: 100000 },
    });
    t.equal(value("memory/memory.limit_in_bytes"), String(96 << 20));
    t.equal(value("cpu/cpu.cfs_quota_us"), "25000");
    t.equal(value("cpu/cpu.shares"), "256", "what the update does not name stays");
  },
  async "stats: processor time and memory"(t, cri) {
    const { web } = pod();
    type Value = { value: number };
    const { stats } = await cri.call<{
      stats: { cpu: { usage_core_nano_seconds: Value }; memory: { working_set_bytes: Value } };
    }>("ContainerStats", { id: web });
    t.ok(stats.cpu.usage_core_nano_seconds.value > 0);
    t.ok(stats.memory.working_set_bytes.value > 0);
  },
  async "security context: user, groups, capabilities, read-only root, no_new_privs"(t, cri) {
    const security_context = {
      run_as_user: { value: 1000 },
      run_as_group: { value: 1000 },
      supplemental_groups: [42],
      readonly_rootfs: true,
      no_new_privs: true,
      capabilities: { drop_capabilities: ["ALL"] },
    };
    const script = "id; touch /x; grep -E '^(CapBnd|NoNewPrivs):' /proc/self/status";
    const id = await cri.run(pod().pod, "strict", ["sh", "-c", script], { linux: { security_context } });
    t.equal((await cri.ended(id)).exit_code, 0);
    const log = readFileSync(join(cri.pg.dir, "logs/pod1/strict.log"), "utf8");
    t.match(log, /uid=1000.* gid=1000.*groups=.*42/);
    t.match(log, "Read-only file system");
    t.match(log, /CapBnd:\t0{16}/);
    t.match(log, /NoNewPrivs:\t1/);
  },
  async "seccomp: the runtime's default profile"(t, cri) {
    const linux = { security_context: { seccomp: { profile_type: "RuntimeDefault" } } };
    const id = await cri.run(pod().pod, "filtered", ["grep", "Seccomp:", "/proc/self/status"], { linux });
    t.equal((await cri.ended(id)).exit_code, 0);
    t.match(readFileSync(join(cri.pg.dir, "logs/pod1/filtered.log"), "utf8"), "Seccomp:\t2");
  },
  async "mounts, a device, environment and working directory"(t, cri) {
    const folder = join(cri.pg.dir, "volume");
    mkdirSync(folder);
    const config = {
      mounts: [
        { container_path: "/v", host_path: folder },
        { container_path: "/r", host_path: folder, readonly: true },
      ],
      devices: [{ container_path: "/dev/other", host_path: "/dev/fuse", permissions: "r" }],
      envs: [{ key: "WHO", value: "kubelet" }],
      working_dir: "/home/user",
    };
    const script = "echo $WHO $PWD >/v/file; touch /r/x; test -c /dev/other && echo device";
    const id = await cri.run(pod().pod, "mounts", ["sh", "-c", script], config);
    await cri.ended(id);
    t.equal(readFileSync(join(folder, "file"), "utf8"), "kubelet /home/user\n");
    const log = readFileSync(join(cri.pg.dir, "logs/pod1/mounts.log"), "utf8");
    t.match(log, "Read-only file system");
    t.match(log, "F device");
  },
  async "a container with a terminal"(t, cri) {
    const id = await cri.run(pod().pod, "terminal", ["tty"], { tty: true });
    t.equal((await cri.ended(id)).exit_code, 0);
    t.match(readFileSync(join(cri.pg.dir, "logs/pod1/terminal.log"), "utf8"), /\/dev\/(pts\/0|console)/);
  },
  async "a program that is not there: StartContainer says so, and the container can be removed"(t, cri) {
    const id = await cri.create(pod().pod, "broken", ["no-such-program"]);
    await t.rejects(cri.call("StartContainer", { id }), /no-such-program.*not found/);
    const status = await cri.status(id);
    t.equal(status.state, "CONTAINER_EXITED");
    t.equal(status.reason, "StartError");
    await cri.call("RemoveContainer", { id });
  },
  async "a container that needs more memory than it may have is killed, and the kubelet is told"(t, cri) {
    const linux = { resources: { memory_limit_in_bytes: 16 << 20 } };
    const id = await cri.run(pod().pod, "hungry", ["sh", "-c", "sleep 0.3; exec tail /dev/zero"], { linux });
    const status = await cri.ended(id);
    t.equal(status.exit_code, 137);
    t.equal(status.reason, "OOMKilled");
  },
  async "a pod with one pid namespace"(t, cri) {
    const namespace_options = { pid: "POD" };
    const other = await cri.runPod({ linux: { security_context: { namespace_options } } });
    const linux = { security_context: { namespace_options } };
    await cri.run(other, "first", ["sleep", "4321"], { linux });
    const second = await cri.run(other, "second", ["sleep", "1000"], { linux });
    t.match((await cri.exec(second, ["ps"])).stdout, "sleep 4321");
    await cri.remove(other);
  },
  async "a pod in the host's network"(t, cri) {
    const namespace_options = { network: "NODE", pid: "CONTAINER" };
    const other = await cri.runPod({ hostname: "", linux: { security_context: { namespace_options } } });
    const id = await cri.run(other, "hosted", ["sleep", "1000"], { linux: { security_context: { namespace_options } } });
    t.equal((await cri.exec(id, ["readlink", "/proc/self/ns/net"])).stdout, cri.pg.run(["readlink", "/proc/self/ns/net"]).stdout);
    await cri.remove(other);
  },
  async "stop asks first and kills then; the exit codes tell"(t, cri) {
    const polite = await cri.run(pod().pod, "polite", [
      "sh",
      "-c",
      "trap 'exit 7' TERM; touch /set; while :; do sleep 0.05; done",
    ]);
    for (let tries = 0; tries < 100 && (await cri.exec(polite, ["test", "-e", "/set"])).status !== 0; tries += 1) continue;
    await cri.call("StopContainer", { id: polite, timeout: 10 });
    t.equal((await cri.status(polite)).exit_code, 7);
    const { side } = pod();
    await cri.call("StopContainer", { id: side, timeout: 1 });
    t.equal((await cri.status(side)).exit_code, 137);
  },
  async "remove: no container, sandbox, cgroup, interface or mount is left"(t, cri) {
    await cri.remove(pod().pod);
    t.same((await cri.call<{ containers: unknown[] }>("ListContainers")).containers, []);
    t.same((await cri.call<{ items: unknown[] }>("ListPodSandbox")).items, []);
    t.equal(cri.pg.run(["sh", "-c", "ip -o link | grep -c veth"]).stdout.trim(), "0");
    t.equal(cri.pg.run(["sh", "-c", "grep -c /run/containerd/io.containerd.runtime /proc/self/mountinfo"]).stdout.trim(), "0");
    t.equal(cri.pg.run(["sh", "-c", "find /sys/fs/cgroup -path '*kubepods/pod1/*' -type d | wc -l"]).stdout.trim(), "0");
    cri.close();
  },
});
