// SPDX-License-Identifier: Apache-2.0
import * as M from "../../lib/shim/proto/messages.gen.ts";
import { scenario } from "../harness/box.ts";
import { hasController, PURE_V2 } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";
import { until } from "./client.ts";
import { Pod, shell } from "./pod.ts";

const skip = runtOnly("the shim is runt's own");
const NO_MEMORY = skip !== false ? skip : !PURE_V2 && !hasController("memory") && "no memory controller";

scenario(
  "events come in the order that containerd demands, whatever ends at once",
  async (t, box) => {
    const first = shell(box, "sleep 1000");
    const id = box.id();
    const pod = await Pod.of(box, first, id);
    const client = pod.connected;
    const ids = Array.from({ length: 8 }, () => box.id());
    // Programs that are over before Start has been answered.
    await Promise.all(
      ids.map(async (each) => {
        const bundle = shell(box, "exit 1");
        await pod.create(bundle, each);
        const wait = client.wait(each);
        await client.start(each);
        t.equal(await wait, 1);
        await client.remove(each);
      }),
    );
    t.ok(await until(() => pod.sink.came.length === 4 * ids.length));
    for (const each of ids) {
      const own = pod.sink.came
        .filter(({ event }) => M.readTaskAlone(event.value).containerId === each)
        .map(({ topic }) => topic);
      t.same(own, ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]);
    }
    const exit = pod.sink.came.find(({ topic }) => topic === "/tasks/exit");
    t.equal(exit?.event.typeUrl, "containerd.events.TaskExit");
    t.match(M.readTaskExit(exit?.event.value ?? new Uint8Array()), { exitStatus: 1 });
    await pod.create(first, id);
    await client.start(id);
    const before = pod.sink.came.length;
    const execs = await Promise.all(Array.from({ length: 8 }, () => pod.exec(id, "exit 2")));
    await Promise.all(execs.map((each) => client.start(id, each)));
    for (const each of execs) t.equal(await client.wait(id, each), 2);
    await client.kill(id, 9);
    await client.wait(id);
    t.ok(
      await until(() => pod.sink.topics.at(-1) === "exit" && pod.sink.topics.filter((topic) => topic === "exit").length === 17),
    );
    const late = pod.sink.came.slice(before);
    for (const each of execs) {
      // Field 2 is the id of the process in all of them.
      const own = late.filter(({ event }) => M.readTaskExecAdded(event.value).execId === each);
      t.same(
        own.map(({ topic }) => topic),
        ["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit"],
      );
    }
    t.equal(M.readTaskExit(late.at(-1)?.event.value ?? new Uint8Array()).id, id, "the container's own exit is the last");
    for (const each of execs) await client.remove(id, each);
    await client.remove(id);
  },
  { skip },
);

scenario(
  "events wait for a containerd that is away, or refuses them, and come once each",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    pod.sink.refuse = 2;
    await pod.create(bundle, id);
    t.ok(await until(() => pod.sink.came.length === 1), "sent again");
    pod.sink.close();
    await client.start(id);
    await client.about("Pause", id);
    await client.about("Resume", id);
    await client.kill(id, 9);
    await client.wait(id);
    await new Promise((done) => setTimeout(done, 300));
    await pod.sink.listen();
    t.ok(await until(() => pod.sink.came.length === 5));
    t.same(pod.sink.topics, ["create", "start", "paused", "resumed", "exit"]);
    await client.remove(id);
    t.ok(await until(() => pod.sink.topics.at(-1) === "delete"));
  },
  { skip },
);

scenario(
  "the kernel's want of memory is told, before the end",
  async (t, box) => {
    const bundle = shell(box, "head -c 200000000 /dev/zero | tail", (config) => {
      config.linux.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
    });
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    await pod.create(bundle, id);
    await pod.connected.start(id);
    t.not(await pod.connected.wait(id), 0);
    t.ok(await until(() => pod.sink.topics.includes("exit")));
    t.ok(pod.sink.topics.includes("oom"), pod.sink.topics.join(" "));
    t.ok(pod.sink.topics.indexOf("oom") < pod.sink.topics.indexOf("exit"));
    await pod.connected.remove(id);
  },
  { skip: NO_MEMORY },
);

scenario(
  "the containers of a pod share a shim, another one has its own",
  async (t, box) => {
    const pod = Pod.none(box);
    const annotations = { "io.kubernetes.cri.sandbox-id": "the-pod" };
    const bundles = Array.from({ length: 2 }, () => box.bundle((config) => void (config.annotations = annotations)));
    const [one, other] = bundles;
    if (one === undefined || other === undefined) throw new Error("no bundles");
    const lone = box.bundle();
    const first = pod.call(["-id", "one", "start"], { cwd: one.dir, input: pod.params("one") });
    const second = pod.call(["-id", "two", "start"], { cwd: other.dir, input: pod.params("two") });
    t.equal(first.status, 0, first.stderr);
    const result = M.readBootstrapResult(first.stdout);
    t.match(result, { version: 3, protocol: "ttrpc" });
    t.same(M.readBootstrapResult(second.stdout), result, "the same address");
    const third = pod.call(["-id", "three", "start"], { cwd: lone.dir, input: pod.params("three") });
    t.not(M.readBootstrapResult(third.stdout).address, result.address);
    t.equal(first.stderr, "", "containerd reads it as part of the answer");
  },
  { skip },
);

scenario(
  "the command-like flags, and bad arguments",
  async (t, box) => {
    const pod = Pod.none(box);
    const cwd = box.folder();
    t.match(pod.call(["-v"], { cwd }).stdout.toString(), /^containerd-shim-runt-v2:\n {2}Version: {2}\d/);
    const info = M.readRuntimeInfo(pod.call(["-info"], { cwd }).stdout);
    t.equal(info.name, "io.containerd.runt.v2");
    t.match(JSON.parse(new TextDecoder().decode(info.features?.value)), { ociVersionMax: /^1\./ });
    for (const args of [["no-such"], ["-nope"], ["start"], ["-id", "x", "start"]]) {
      const done = pod.call(args, { cwd });
      t.equal(done.status, 1);
      t.match(done.stderr, /^containerd-shim-runt-v2: /);
    }
  },
  { skip },
);
