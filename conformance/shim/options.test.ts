// SPDX-License-Identifier: Apache-2.0
/** runc's options, as containerd hands them over with Create, and when it starts a shim. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as M from "../../lib/shim/proto/messages.gen.ts";
import { scenario } from "../harness/box.ts";
import { cgroupMounts, isAlive, PURE_V2, readText, waitFor } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";
import { without } from "../harness/without.ts";
import { Pod, Reader, shell } from "./pod.ts";

const skip = runtOnly("the shim is runt's own");

type Given = Parameters<typeof M.writeRuncOptions>[0];

/** Runs a container with options; @returns what it printed */
async function printed(pod: Pod, id: string, bundle: string, given: Given): Promise<string> {
  const fifos = { ...pod.fifos(), stdin: "" };
  const output = new Reader(fifos.stdout);
  const client = pod.connected;
  try {
    await client.create({ id, bundle, options: pod.with(given), ...fifos });
    await client.start(id);
    await client.wait(id);
    await client.remove(id);
    return output.text;
  } finally {
    output.close();
  }
}

scenario(
  "NoPivotRoot: a shim that may not call pivot_root(2) makes containers with it alone",
  async (t, box) => {
    const bundle = shell(box, "echo here; ls -d /bin /proc/1");
    const [id, other] = [box.id(), box.id()];
    const pod = await Pod.of(box, bundle, id, { wrap: without("EPERM:pivot_root") });
    await t.rejects(pod.connected.create({ id, bundle: bundle.dir, options: pod.options }), /pivot_root/);
    t.equal(await printed(pod, other, bundle.dir, { noPivotRoot: true }), "here\n/bin\n/proc/1\n");
  },
  { skip },
);

scenario(
  "NoNewKeyring: the container has the shim's session keyring, without it one of its own",
  async (t, box) => {
    const bundle = shell(box, "cat /proc/keys", (config) => void (config.linux.maskedPaths = []));
    const [id, other] = [box.id(), box.id()];
    const pod = await Pod.of(box, bundle, id);
    t.match(await printed(pod, id, bundle.dir, {}), `_ses.${id}`);
    t.notMatch(await printed(pod, other, bundle.dir, { noNewKeyring: true }), `_ses.${other}`);
  },
  { skip: skip || (existsSync("/proc/keys") ? false : "the kernel shows no keys") },
);

scenario(
  "ShimCgroup: the shim is in it, and the container is not",
  async (t, box) => {
    const folders: string[] = [];
    for (const [name, mount] of cgroupMounts()) {
      // Beside hierarchies of version 1 it is theirs that count.
      if (name === "" && !PURE_V2) continue;
      // A cpuset takes no process before it has processors.
      if (existsSync(join(mount, "cpuset.cpus")) && !existsSync(join(mount, "cgroup.controllers"))) continue;
      const folder = join(mount, box.marker, "shim");
      mkdirSync(folder, { recursive: true });
      folders.push(folder);
    }
    const bundle = shell(box, "sleep 1000");
    const id = box.id();
    const pod = await Pod.of(box, bundle, id, { options: { shimCgroup: `/${box.marker}/shim` } });
    const pid = await pod.create(bundle, id);
    const shim = await pod.pid();
    for (const folder of folders) {
      const members = readText(join(folder, "cgroup.procs")).split("\n").map(Number);
      t.ok(members.includes(shim), folder);
      t.notOk(members.includes(pid), folder);
    }
    await pod.connected.remove(id);
    await pod.connected.task("Shutdown", M.writeShutdownRequest({ id }));
    t.ok(waitFor(() => !isAlive(shim)));
    for (const folder of folders) rmdirSync(folder);
  },
  { skip },
);

scenario(
  "IoUid and IoGid: a process of that user can open its streams again, as it can without them",
  async (t, box) => {
    const bundle = shell(box, "echo again >/proc/self/fd/1", (config) => void (config.process.user = { uid: 1000, gid: 1000 }));
    const [id, other] = [box.id(), box.id()];
    const pod = await Pod.of(box, bundle, id);
    t.equal(await printed(pod, id, bundle.dir, { ioUid: 1000, ioGid: 1000 }), "again\n");
    t.equal(await printed(pod, other, bundle.dir, {}), "again\n");
  },
  { skip },
);

scenario(
  "BinaryName, TaskApiAddress and TaskApiVersion change nothing in the shim",
  async (t, box) => {
    const bundle = shell(box, "echo here");
    const id = box.id();
    const given = { binaryName: "/no/such/runtime", taskApiAddress: "unix:///no/such/socket", taskApiVersion: 9 };
    const pod = await Pod.of(box, bundle, id, { options: given });
    t.ok(pod.address.startsWith(`unix://${pod.sockets}/`), "it listens where it always does");
    t.equal(await printed(pod, id, bundle.dir, given), "here\n");
  },
  { skip },
);

scenario(
  "a container that containerd gives up while it is made leaves nothing",
  async (t, box) => {
    const gate = box.path("gate");
    const bundle = shell(box, "sleep 1000", (config) => {
      const args = ["sh", "-c", `echo >${gate}.reached; while [ ! -e ${gate} ]; do sleep 0.02; done`];
      config.hooks = { createRuntime: [{ path: "/bin/sh", args }] };
    });
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const made = pod.create(bundle, id);
    const reached = async (): Promise<void> => {
      while (!existsSync(`${gate}.reached`)) await new Promise((done) => setTimeout(done, 10));
    };
    await reached();
    // containerd was killed, is back, and knows of no container in the shim that it finds.
    const deleted = pod.call(["-id", id, "-bundle", bundle.dir, "delete"], { cwd: bundle.dir });
    t.equal(deleted.status, 0, deleted.stderr);
    writeFileSync(gate, "");
    await t.rejects(made);
    t.same(pod.ids(), []);
    t.equal(readFileSync(join(bundle.dir, "config.json"), "utf8") === "", false, "the bundle is containerd's to remove");
  },
  { skip },
);
