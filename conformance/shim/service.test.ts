// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as M from "../../lib/shim/proto/messages.gen.ts";
import { scenario } from "../harness/box.ts";
import { cgroupDirsUnder, isAlive, readText, waitFor } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";
import { Client, frame, Refused, REQUEST, until } from "./client.ts";
import { Pod, shell } from "./pod.ts";

const skip = runtOnly("the shim is runt's own");
const [INVALID, NOT_FOUND, EXISTS, EXHAUSTED, PRECONDITION, UNIMPLEMENTED] = [3, 5, 6, 8, 9, 12];

async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 0;
  } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
}

/** What a call that has to fail is refused with; empty if it was not. */
async function wordsOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "";
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

scenario(
  "a container's life: the pid, the states, the exit status, nothing left",
  async (t, box) => {
    const bundle = shell(box, "read line; exit 7");
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const client = pod.connected;
    const { stdin } = pod.fifos();
    const pid = await pod.create(bundle, id, { stdin });
    t.equal(isAlive(pid), true);
    t.same(pod.ids(), [id], "the command line sees it");
    t.match(await client.state(id), { id, bundle: bundle.dir, pid, status: 1, stdin });
    t.equal(await client.start(id), pid);
    t.equal((await client.state(id)).status, 2);
    const wait = client.wait(id);
    writeFileSync(stdin, "line\n");
    t.equal(await wait, 7);
    t.match(await client.state(id), { status: 3, exitStatus: 7 });
    t.equal(await client.wait(id), 7, "it can be asked again");
    t.match(await client.remove(id), { pid, exitStatus: 7 });
    const events = ["create", "start", "exit", "delete"];
    t.ok(await until(() => pod.sink.came.length === events.length));
    t.same(pod.sink.topics, events);
    const shim = await pod.pid();
    await client.task("Shutdown", M.writeShutdownRequest({ id }));
    t.ok(await until(() => !isAlive(shim)), "the shim ends");
    t.equal(existsSync(pod.address.replace("unix://", "")), false, "and so does its socket");
    t.same(pod.ids(), []);
  },
  { skip },
);

scenario(
  "Kill, Pids, Pause, Resume, Stats, Update, Connect",
  async (t, box) => {
    const bundle = shell(box, "sleep 1000 & wait", (config) => {
      config.linux.resources = { pids: { limit: 77 }, memory: { limit: 64 << 20 } };
    });
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const client = pod.connected;
    const pid = await pod.create(bundle, id);
    await client.start(id);
    const execId = await pod.exec(id, "sleep 1000");
    const execPid = await client.start(id, execId);
    const { processes } = M.readPidsResponse(await client.about("Pids", id));
    t.same(new Set(processes.map((each) => each.pid)).size, processes.length);
    t.ok(processes.some((each) => each.pid === pid && each.info === undefined));
    const info = processes.find((each) => each.pid === execPid)?.info;
    t.equal(M.readProcessDetails(info?.value ?? new Uint8Array()).execId, execId);
    await client.about("Pause", id);
    t.equal((await client.state(id)).status, 4);
    await client.about("Resume", id);
    t.equal((await client.state(id)).status, 2);
    const typeUrl = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
    const resources = { typeUrl, value: new TextEncoder().encode('{"pids":{"limit":99}}') };
    await client.task("Update", M.writeUpdateTaskRequest({ id, resources }));
    const { stats } = M.readStatsResponse(await client.about("Stats", id));
    const isV2 = stats?.typeUrl === "io.containerd.cgroups.v2.Metrics";
    const metrics = (isV2 ? M.readMetricsV2 : M.readMetricsV1)(stats?.value ?? new Uint8Array());
    t.equal(metrics.pids?.limit, 99);
    t.ok(Number(metrics.memory?.usage === undefined ? 0 : 1));
    t.match(M.readConnectResponse(await client.about("Connect", id)), { taskPid: pid });
    await client.kill(id, 9, execId);
    t.equal(await client.wait(id, execId), 137);
    t.match(await client.remove(id, execId), { pid: execPid, exitStatus: 137 });
    t.equal(await codeOf(client.remove(id)), PRECONDITION, "it still runs");
    await client.kill(id, 15);
    await client.kill(id, 9);
    t.equal(await client.wait(id), 137);
    t.equal(await codeOf(client.kill(id, 9)), NOT_FOUND);
    await client.remove(id);
  },
  { skip },
);

scenario(
  "what cannot be is refused with containerd's codes, and the shim goes on",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    await pod.create(bundle, id);
    t.equal(await codeOf(pod.create(bundle, id)), EXISTS, "a second create");
    t.equal(await codeOf(client.about("State", "none")), NOT_FOUND);
    t.equal(await codeOf(client.about("State", id, "none")), NOT_FOUND);
    t.equal(await codeOf(client.task("Create", M.writeCreateTaskRequest({ id: "" }))), INVALID);
    t.equal(await codeOf(client.create({ id: "../x", bundle: bundle.dir, options: pod.options })), INVALID);
    t.equal(await codeOf(client.create({ id: "y", bundle: bundle.dir, options: { typeUrl: "no.Options" } })), INVALID);
    t.equal(await codeOf(client.task("NoSuchMethod", new Uint8Array())), UNIMPLEMENTED);
    t.equal(await codeOf(client.task("constructor", new Uint8Array())), UNIMPLEMENTED);
    t.equal(await codeOf(client.raw("no.Service", "State", new Uint8Array())), UNIMPLEMENTED);
    t.equal(await codeOf(client.task("State", Uint8Array.of(0x0a, 0xff))), INVALID, "a message that cannot be read");
    await client.start(id);
    t.equal(await codeOf(client.start(id)), PRECONDITION, "a second start");
    const execId = await pod.exec(id, "exit 3");
    t.equal(await codeOf(client.task("Exec", M.writeExecProcessRequest({ id, execId }))), EXISTS);
    t.equal(await codeOf(client.kill(id, 9, execId)), PRECONDITION, "it has not been started");
    await client.remove(id, execId);
    await client.kill(id, 9);
    await client.wait(id);
    t.equal(await codeOf(client.task("Exec", M.writeExecProcessRequest({ id, execId: "late" }))), PRECONDITION);
    t.equal(await codeOf(client.about("Stats", id)), NOT_FOUND);
    await client.remove(id);
    t.equal(await codeOf(client.start(id)), NOT_FOUND, "a start after delete");
    t.equal(await codeOf(client.remove(id)), NOT_FOUND);
    const broken = box.bundle((config) => void (config.process.args = ["/no/such/program"]));
    const other = box.id();
    const refused = await wordsOf(pod.create(broken, other).then(() => client.start(other)));
    t.match(refused, /no\/such\/program.*no such file or directory/, "docker ends with 127 by these words");
    await client.remove(other).catch(() => {});
    const unmountable = box.bundle((config) => {
      config.mounts = [
        ...(config.mounts ?? []),
        { destination: "/x", type: "bind", source: "/no/such/source", options: ["bind"] },
      ];
    });
    const third = box.id();
    const unmounted = await wordsOf(pod.create(unmountable, third));
    t.match(unmounted, /no\/such\/source/);
    t.notMatch(unmounted, /no such file or directory/, "an error of a mount is not one of the program");
    t.same(
      cgroupDirsUnder(box.cgroup).filter((folder) => !folder.endsWith(box.cgroup)),
      [],
    );
  },
  { skip },
);

scenario(
  "frames that are none, clients that hang and go away",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    await pod.create(bundle, id);
    const statusOf = async (make: (other: Client) => void, stream: number): Promise<number> => {
      const other = await Client.to(pod.address);
      const answer = other.answer(stream);
      make(other);
      const { status } = M.readResponse((await answer).payload);
      other.close();
      return status?.code ?? 0;
    };
    const request = M.writeRequest({
      service: "containerd.task.v2.Task",
      method: "State",
      payload: M.writeProcessRequest({ id }),
    });
    t.equal(await statusOf((other) => other.socket.write(frame(1, REQUEST, Buffer.from([0xff]))), 1), INVALID);
    t.equal(await statusOf((other) => other.socket.write(frame(2, REQUEST, request)), 2), INVALID, "an even stream");
    t.equal(await statusOf((other) => other.socket.write(frame(1, 3, request)), 1), INVALID, "data of no stream");
    const long = Buffer.alloc((4 << 20) + 1);
    t.equal(await statusOf((other) => other.socket.write(frame(1, REQUEST, long)), 1), EXHAUSTED);
    const both = Buffer.concat([frame(1, REQUEST, long), frame(3, REQUEST, request)]);
    t.equal(await statusOf((other) => other.socket.write(both), 3), 0, "what comes after it counts");
    t.equal(
      await statusOf((other) => {
        for (const byte of frame(1, REQUEST, request)) other.socket.write(Buffer.from([byte]));
      }, 1),
      0,
      "one byte at a time",
    );
    const half = await Client.to(pod.address);
    half.socket.write(frame(1, REQUEST, request).subarray(0, 14));
    const gone = await Client.to(pod.address);
    const wait = { service: "containerd.task.v2.Task", method: "Wait", payload: M.writeProcessRequest({ id }) };
    gone.socket.write(frame(1, REQUEST, M.writeRequest(wait)));
    gone.close();
    const deaf = await Client.to(pod.address);
    deaf.socket.pause();
    for (let stream = 1; stream < 20_000; stream += 2) deaf.socket.write(frame(stream, REQUEST, request));
    t.equal((await client.state(id)).status, 1, "the others are served");
    half.close();
    deaf.close();
    t.equal((await client.state(id)).status, 1);
    await client.remove(id);
  },
  { skip },
);

/** The memory of a shim that waits is below this: its own pages, and few of the program's; kilobytes. */
const SMALL = 1500;

/** Kilobytes that a process has for itself and has written to, and its descriptors. */
function usage(pid: number): { memory: number; fds: number } {
  const memory = Number(/^Private_Dirty:\s+(\d+)/m.exec(readText(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  return { memory, fds: readdirSync(`/proc/${pid}/fd`).length };
}

scenario(
  "10,000 requests and 60 processes: memory and descriptors stay as they are",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    await pod.create(bundle, id);
    await client.start(id);
    const shim = await pod.pid();
    const round = async (requests: number, execs: number): Promise<void> => {
      for (let count = 0; count < requests; count += 50) await Promise.all(Array.from({ length: 50 }, () => client.state(id)));
      for (let count = 0; count < execs; count++) {
        const execId = await pod.exec(id, "exit 3");
        await client.start(id, execId);
        t.equal(await client.wait(id, execId), 3);
        await client.remove(id, execId);
      }
    };
    await round(5000, 30);
    const before = usage(shim);
    await round(5000, 30);
    const after = usage(shim);
    t.equal(after.fds, before.fds);
    t.ok(after.memory < before.memory + 512, `${before.memory} kB, then ${after.memory} kB`);
    t.comment(`memory: ${before.memory} kB, then ${after.memory} kB`);
    await client.kill(id, 9);
    await client.wait(id);
    await client.remove(id);
  },
  { skip },
);

scenario(
  "a shim that waits gives its memory back, and works as before",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    await pod.create(bundle, id);
    await client.start(id);
    const shim = await pod.pid();
    const resident = (): number => Number(/^Rss:\s+(\d+)/m.exec(readText(`/proc/${shim}/smaps_rollup`))?.[1] ?? Number.NaN);
    const before = resident();
    for (let round = 0; round < 3; round++) {
      t.ok(await until(() => resident() < SMALL, 30_000), `round ${round}: ${resident()} kB`);
      const execId = await pod.exec(id, `exit ${round}`);
      await client.start(id, execId);
      t.equal(await client.wait(id, execId), round);
      await client.remove(id, execId);
      t.match(await client.state(id), { status: 2, bundle: bundle.dir });
    }
    t.comment(`${before} kB at work, ${resident()} kB`);
    await client.kill(id, 9);
    await client.wait(id);
    await client.remove(id);
  },
  { skip },
);

scenario(
  "a container that shares the shim's pid namespace ends with all its processes, the first one last",
  async (t, box) => {
    const bundle = shell(box, "sleep 1000 & sleep 1001 & wait", (config) => {
      config.linux.namespaces = (config.linux.namespaces ?? []).filter(({ type }) => type !== "pid");
    });
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const client = pod.connected;
    await pod.create(bundle, id);
    await client.start(id);
    const execId = await pod.exec(id, "sleep 1002");
    await client.start(id, execId);
    const { pid } = await client.state(id);
    process.kill(pid, "SIGKILL");
    t.equal(await client.wait(id), 137);
    t.ok(await until(() => pod.sink.topics.filter((topic) => topic === "exit").length === 2));
    const exits = pod.sink.came.filter(({ topic }) => topic === "/tasks/exit");
    t.same(
      exits.map(({ event }) => M.readTaskExit(event.value).id),
      [execId, id],
    );
    t.ok(
      waitFor(() => cgroupsEmpty(box.cgroup)),
      "nothing runs on",
    );
    await client.remove(id, execId);
    await client.remove(id);
  },
  { skip },
);

function cgroupsEmpty(cgroup: string): boolean {
  return cgroupDirsUnder(cgroup).every((folder) => readText(join(folder, "cgroup.procs")) === "");
}

scenario(
  "a program that is not there: the error, and the process is over",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    await pod.create(bundle, id);
    await client.start(id);
    const spec = { user: { uid: 0, gid: 0 }, args: ["no-such-program"], env: ["PATH=/bin"], cwd: "/" };
    const value = new TextEncoder().encode(JSON.stringify(spec));
    const fifos = pod.fifos();
    await client.task("Exec", M.writeExecProcessRequest({ id, execId: "bad", spec: { typeUrl: "", value }, ...fifos }));
    const waits = client.wait(id, "bad");
    await t.rejects(client.start(id, "bad"), /OCI runtime exec failed: .*executable file not found in \$PATH/);
    t.equal(await waits, 255, "nobody waits for it for ever");
    await client.remove(id, "bad");
    await client.kill(id, 9);
    await client.remove(id).catch(async () => {
      await client.wait(id);
      await client.remove(id);
    });
    t.same(
      pod.sink.topics.filter((topic) => topic.startsWith("exec")),
      ["exec-added"],
    );
  },
  { skip },
);

scenario(
  "after a kill -9 of the shim its delete command leaves nothing",
  async (t, box) => {
    const { bundle, id, pod } = await Pod.forScript(box, "sleep 1000");
    const pid = await pod.create(bundle, id);
    await pod.connected.start(id);
    const shim = await pod.pid();
    process.kill(shim, "SIGKILL");
    t.ok(waitFor(() => !isAlive(shim)));
    t.equal(isAlive(pid), true, "the container goes on");
    const done = pod.call(["-id", id, "-bundle", bundle.dir, "delete"], { cwd: bundle.dir });
    t.equal(done.status, 0, done.stderr);
    t.match(M.readDeleteResponse(done.stdout), { pid, exitStatus: 137 });
    t.equal(isAlive(pid), false);
    t.same(pod.ids(), []);
    const again = pod.call(["-id", id, "-bundle", bundle.dir, "delete"], { cwd: bundle.dir });
    t.equal(again.status, 0, "a second time there is nothing to do");
    const next = pod.call(["-id", id, "start"], { cwd: bundle.dir, input: pod.params(id) });
    t.equal(next.status, 0, "the socket that it has left can be taken");
    t.equal(readFileSync(join(bundle.dir, "address"), "utf8"), pod.address);
  },
  { skip },
);
