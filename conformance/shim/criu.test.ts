// SPDX-License-Identifier: Apache-2.0
/** Checkpoints: what of the requests and options reaches CRIU. A program stands in for CRIU, which does not run on every host. */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as M from "../../lib/shim/proto/messages.gen.ts";
import type { Box } from "../harness/box.ts";
import { scenario } from "../harness/box.ts";
import { helper } from "../harness/helpers.ts";
import { isAlive, waitFor } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";
import { until } from "./client.ts";
import { Pod, Reader, shell } from "./pod.ts";

const skip = runtOnly("the shim is runt's own");
const [DUMP, RESTORE] = [1, 2];
const CHECKPOINT_OPTIONS = "containerd.runc.v1.CheckpointOptions";

/** A program that is called as CRIU is, and the file with the request that it got. */
function fakeCriu(box: Box): { readonly path: string; readonly file: string } {
  const file = box.path("request");
  const path = box.file(`#!/bin/sh\nexec ${helper("helpers/fake_criu.c")} ${file} "$@"\n`, "criu");
  chmodSync(path, 0o755);
  return { path, file };
}

scenario(
  "Create from a checkpoint: nothing runs before Start, which restores; streams, exit status, delete",
  async (t, box) => {
    const bundle = shell(box, "sleep 1000");
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const client = pod.connected;
    const criu = fakeCriu(box);
    const images = box.folder("images");
    writeFileSync(join(images, "descriptors.json"), '["pipe:[1]","file[1f:2a]","/dev/null"]');
    const fifos = pod.fifos();
    const output = new Reader(fifos.stdout);
    const pid = await client.create({
      id,
      bundle: bundle.dir,
      ...fifos,
      checkpoint: images,
      options: pod.with({ criuPath: criu.path }),
    });
    t.equal(pid, 0, "there is no process yet");
    t.match(await client.state(id), { status: 1, pid: 0 });
    t.equal(existsSync(criu.file), false, "CRIU was not called");
    t.same(pod.ids(), []);
    const restored = await client.start(id);
    t.ok(isAlive(restored));
    t.match(await client.state(id), { status: 2, pid: restored });
    t.same(pod.ids(), [id]);
    const request = readFileSync(criu.file);
    t.equal(request[1], RESTORE);
    t.ok(request.includes("restore.log"));
    for (const name of ["pipe:[1]", "file[1f:2a]"]) t.ok(request.includes(name), `${name} becomes a stream of the client`);
    t.ok(existsSync(join(bundle.dir, "criu-work")), "CRIU's log lies in the bundle");
    t.ok(waitFor(() => output.text === "restored\n"));
    writeFileSync(fifos.stdin, "go\n");
    t.equal(await client.wait(id), 5);
    t.match(await client.remove(id), { pid: restored, exitStatus: 5 });
    t.ok(await until(() => pod.sink.came.length === 4));
    t.same(pod.sink.topics, ["create", "start", "exit", "delete"]);
    t.same(pod.ids(), []);
    output.close();
  },
  { skip },
);

scenario(
  "a checkpoint that cannot be restored: Start says why, and the container can be deleted, as one that was never started",
  async (t, box) => {
    const bundle = shell(box, "sleep 1000");
    const [id, other] = [box.id(), box.id()];
    const pod = await Pod.of(box, bundle, id);
    const client = pod.connected;
    const made = { bundle: bundle.dir, checkpoint: "/no/images", options: pod.options };
    await client.create({ id, ...made });
    await t.rejects(client.start(id), /OCI runtime start failed: .*\/no\/images/);
    t.match(await client.remove(id), { pid: 0 });
    await client.create({ id: other, ...made });
    t.match(await client.remove(other), { pid: 0 });
    await t.rejects(client.state(other), /not found/);
    t.same(pod.ids(), []);
  },
  { skip },
);

scenario(
  "Checkpoint with the client's FIFOs, which are no files of the container: CRIU gets the name of each",
  async (t, box) => {
    const bundle = shell(box, "mkfifo /dev/shm/own; sleep 1000 3<>/dev/shm/own");
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const client = pod.connected;
    const criu = fakeCriu(box);
    const images = box.path("images");
    const fifos = pod.fifos();
    const set = pod.with({ criuPath: criu.path, criuImagePath: images });
    await client.create({ id, bundle: bundle.dir, ...fifos, options: set });
    await client.start(id);
    await client.task("Checkpoint", M.writeCheckpointTaskRequest({ id }));
    const names = JSON.parse(readFileSync(join(images, "descriptors.json"), "utf8")) as string[];
    const request = readFileSync(criu.file);
    for (const [index, path] of [fifos.stdin, fifos.stdout, fifos.stderr].entries()) {
      const [, , inode] = /^file\[([0-9a-f]+):([0-9a-f]+)\]$/.exec(names[index] ?? "") ?? [];
      t.equal(inode, statSync(path).ino.toString(16), names[index] ?? "nothing");
      t.ok(request.includes(names[index] ?? "none"));
    }
    t.equal(request.toString("latin1").split("file[").length, 4, "not the container's own FIFO");
    await client.kill(id, 9);
    await client.wait(id);
    await client.remove(id);
  },
  { skip },
);

scenario(
  "Checkpoint: CriuPath, CriuImagePath, CriuWorkPath, and what the request says in their place",
  async (t, box) => {
    const bundle = shell(box, "sleep 1000");
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const client = pod.connected;
    const criu = fakeCriu(box);
    const [criuImagePath, criuWorkPath, own] = [box.path("images"), box.path("work"), box.path("own")];
    const set = pod.with({ criuPath: criu.path, criuImagePath, criuWorkPath });
    await client.create({ id, bundle: bundle.dir, options: set });
    await client.start(id);
    await client.task("Checkpoint", M.writeCheckpointTaskRequest({ id }));
    t.equal(readFileSync(criu.file)[1], DUMP);
    t.ok(existsSync(join(criuImagePath, "descriptors.json")), "the images go where the options say");
    t.ok(existsSync(criuWorkPath));
    mkdirSync(own);
    const value = M.writeCheckpointOptions({ workPath: join(own, "work") });
    const request = { id, path: join(own, "images"), options: { typeUrl: CHECKPOINT_OPTIONS, value } };
    await client.task("Checkpoint", M.writeCheckpointTaskRequest(request));
    t.ok(existsSync(join(own, "images/descriptors.json")));
    t.ok(existsSync(join(own, "work")));
    t.ok(await until(() => pod.sink.topics.filter((topic) => topic === "checkpointed").length === 2));
    t.equal((await client.state(id)).status, 2, "it runs on");
    await client.kill(id, 9);
    await client.wait(id);
    await client.remove(id);
  },
  { skip },
);
