// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { Cri, CRI_PACKAGES } from "./cri.ts";
import { engine } from "./engine.ts";

/** The text of a container's log. */
function log(cri: Cri, pod: string, name: string): string {
  return readFileSync(join(cri.pg.dir, "logs", pod, `${name}.log`), "utf8");
}

/** How many lines a shell command prints inside the playground. */
function count(cri: Cri, script: string): number {
  return Number(cri.pg.run(["sh", "-c", `${script} | wc -l`]).stdout.trim());
}

engine("CRI pods", CRI_PACKAGES, (pg) => new Cri(pg), {
  async "containers outlive a restart of containerd, and are its own again"(t, cri) {
    const pod = await cri.runPod();
    const id = await cri.run(pod, "lasting", ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.05; done"]);
    const before = (await cri.exec(id, ["readlink", "/proc/1/ns/pid"])).stdout;
    cri.stopDaemon();
    cri.startDaemon();
    await cri.ready();
    t.equal((await cri.status(id)).state, "CONTAINER_RUNNING");
    t.equal((await cri.exec(id, ["readlink", "/proc/1/ns/pid"])).stdout, before);
    const first = Number((await cri.exec(id, ["cat", "/count"])).stdout);
    t.ok(await eventually(async () => Number((await cri.exec(id, ["cat", "/count"])).stdout) > first), "it goes on");
    await cri.call("StopContainer", { id, timeout: 0 });
    t.equal((await cri.status(id)).exit_code, 137);
    await cri.remove(pod);
  },
  async "a container that crashed is made again beside the one that ended"(t, cri) {
    const pod = await cri.runPod();
    const command = ["sh", "-c", "echo crash; exit 9"];
    const first = await cri.run(pod, "crashing", command);
    t.equal((await cri.ended(first)).exit_code, 9);
    const second = await cri.run(pod, "crashing", command, { metadata: { name: "crashing", attempt: 1 } });
    t.equal((await cri.ended(second)).exit_code, 9);
    await cri.call("RemoveContainer", { id: first });
    const { containers } = await cri.call<{ containers: { id: string }[] }>("ListContainers");
    t.same(
      containers.map(({ id }) => id),
      [second],
    );
    await cri.remove(pod);
  },
  async "ten pods at a time, each with a container, and removed"(t, cri) {
    const pods = await Promise.all(Array.from({ length: 10 }, () => cri.runPod()));
    const ids = await Promise.all(pods.map(async (pod) => cri.run(pod, "main", ["sleep", "1000"])));
    const answers = await Promise.all(ids.map(async (id) => cri.exec(id, ["hostname"])));
    t.same(
      answers.map(({ stdout }) => stdout.trim()),
      pods.map(({ config }) => config["hostname"]),
    );
    await Promise.all(pods.map(async (pod) => cri.remove(pod)));
    t.equal(count(cri, "ip -o link | grep veth"), 0, "interfaces");
    t.equal(count(cri, "grep /run/containerd/io.containerd /proc/self/mountinfo"), 0, "mounts");
    t.equal(count(cri, "find /sys/fs/cgroup -path '*k8s.io/*' -type d"), 0, "cgroups");
    t.equal(count(cri, "ls /run/containerd/runc/k8s.io 2>/dev/null | grep -v '^@'"), 0, "states");
  },
  async "a seccomp profile of the node"(t, cri) {
    const profile = join(cri.pg.dir, "no-mkdir.json");
    const rule = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 };
    writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }));
    const pod = await cri.runPod();
    const seccomp = { profile_type: "Localhost", localhost_ref: profile };
    const linux = { security_context: { seccomp } };
    const id = await cri.run(pod, "filtered", ["mkdir", "/x"], { linux });
    t.equal((await cri.ended(id)).exit_code, 1);
    t.match(log(cri, String(pod.config["hostname"]), "filtered"), /not supported/i);
    await cri.remove(pod);
  },
  async "a user by name, and a capability more"(t, cri) {
    const pod = await cri.runPod();
    const security_context = { run_as_username: "user", capabilities: { add_capabilities: ["SYS_TIME"] } };
    const command = ["sh", "-c", "id -un; grep CapBnd /proc/self/status"];
    const id = await cri.run(pod, "named", command, { linux: { security_context } });
    await cri.ended(id);
    const text = log(cri, String(pod.config["hostname"]), "named");
    t.match(text, /F user$/m);
    const [, bits = "0"] = /CapBnd:\t([0-9a-f]+)/.exec(text) ?? [];
    t.equal((BigInt(`0x${bits}`) >> 25n) & 1n, 1n, "CAP_SYS_TIME");
    await cri.remove(pod);
  },
  async "mount propagation from the host, and to it"(t, cri) {
    const folder = join(cri.pg.dir, "propagated");
    mkdirSync(join(folder, "late"), { recursive: true });
    mkdirSync(join(folder, "back"));
    cri.pg.run(["sh", "-c", `mount --bind ${folder} ${folder} && mount --make-shared ${folder}`]);
    const pod = await cri.runPod();
    const mount = (propagation: string) => ({ mounts: [{ container_path: "/v", host_path: folder, propagation }] });
    const slave = await cri.run(pod, "slave", ["sleep", "1000"], mount("PROPAGATION_HOST_TO_CONTAINER"));
    const security_context = { capabilities: { add_capabilities: ["SYS_ADMIN"] } };
    const both = await cri.run(pod, "both", ["sleep", "1000"], {
      ...mount("PROPAGATION_BIDIRECTIONAL"),
      linux: { security_context },
    });
    const apart = await cri.run(pod, "apart", ["sleep", "1000"], mount("PROPAGATION_PRIVATE"));
    cri.pg.run(["sh", "-c", `mount -t tmpfs late ${folder}/late && touch ${folder}/late/file`]);
    t.equal((await cri.exec(slave, ["ls", "/v/late"])).stdout, "file\n");
    t.equal((await cri.exec(apart, ["ls", "/v/late"])).stdout, "");
    t.equal((await cri.exec(both, ["mount", "-t", "tmpfs", "back", "/v/back"])).status, 0);
    t.ok(waitFor(() => cri.pg.run(["mountpoint", "-q", `${folder}/back`]).status === 0, 3000));
    cri.pg.run(["umount", `${folder}/late`, `${folder}/back`]);
    await cri.remove(pod);
  },
  async "an exec that outlives its container ends with it"(t, cri) {
    const pod = await cri.runPod();
    const id = await cri.run(pod, "short", ["sleep", "1000"]);
    let ended = false;
    const going = cri.exec(id, ["sleep", "4242"]).then(
      () => (ended = true),
      () => (ended = true),
    );
    const runs = async () => (await cri.exec(id, ["ps"])).stdout.includes("sleep 4242");
    t.ok(await eventually(runs), "it runs");
    t.notOk(ended);
    await cri.call("StopContainer", { id, timeout: 0 });
    await going;
    t.ok(ended);
    await cri.remove(pod);
  },
  async "the runtime's error reaches the kubelet, and containerd goes on"(t, cri) {
    const impossible = { linux: { sysctls: { "kernel.shm_no_such_setting": "1" } } };
    await t.rejects(cri.runPod(impossible), /sysctl|no_such_setting/);
    await cri.remove(await cri.runPod());
    cri.close();
  },
});

/** Tries `check` until it is true, at most 10 s long. */
async function eventually(check: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if (await check()) return true;
    await new Promise((settle) => setTimeout(settle, 50));
  }
  return false;
}
