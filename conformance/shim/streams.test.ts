// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, constants, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import * as M from "../../lib/shim/proto/messages.gen.ts";
import { scenario } from "../harness/box.ts";
import { isAlive, readText } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";
import { until } from "./client.ts";
import { Pod, Reader, shell } from "./pod.ts";

const skip = runtOnly("the shim is runt's own");
/** Bytes of the flood: many times what a pipe holds. */
const FLOOD = 4 << 20;

/** Ticks of the processor that a process has used. */
function ticks(pid: number): number {
  const fields = readText(`/proc/${pid}/stat`).replace(/.*\) /, "").split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

scenario(
  "the container has the FIFOs themselves: all bytes arrive, and none passes through the shim",
  async (t, box) => {
    const script = `head -c ${FLOOD} /dev/zero; echo err >&2; x=$(readlink /proc/$$/fd/1); echo $x >/where`;
    const bundle = shell(box, script, (config) => {
      config.root.readonly = false;
    });
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const fifos = pod.fifos();
    const [out, err] = [new Reader(fifos.stdout), new Reader(fifos.stderr)];
    await pod.create(bundle, id, fifos);
    const shim = await pod.pid();
    const before = ticks(shim);
    await pod.connected.start(id);
    t.ok(await until(() => out.text.length === FLOOD && out.isEnded && err.isEnded), "and the end of file comes");
    t.equal(err.text, "err\n");
    t.equal(await pod.connected.wait(id), 0);
    t.ok(ticks(shim) - before < 20, "the shim has not carried it");
    t.equal(readText(join(bundle.rootfs, "where")), `${fifos.stdout}\n`);
    await pod.connected.remove(id);
  },
  { skip },
);

scenario(
  "a restart of containerd in the middle of a flood loses no byte, and the container gets no SIGPIPE",
  async (t, box) => {
    const script = "i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); done";
    const { bundle, id, pod } = await Pod.forScript(box, script);
    const fifos = pod.fifos();
    // All five together take less than the 650 kB that are printed.
    const most = 16_384;
    let reader = new Reader(fifos.stdout, most);
    await pod.create(bundle, id, { stdout: fifos.stdout });
    await pod.connected.start(id);
    let text = "";
    for (let round = 0; round < 5; round++) {
      await until(() => reader.text.length > 20_000, 5000);
      text += reader.text;
      reader.close();
      await new Promise((done) => setTimeout(done, 50));
      reader = new Reader(fifos.stdout, most);
    }
    t.ok(await until(() => reader.text !== "" && reader.isEnded, 30_000));
    text += reader.text;
    t.equal(await pod.connected.wait(id), 0);
    const lines = text.trim().split("\n");
    t.equal(lines.length, 60_000);
    t.equal(
      lines.every((line, index) => line === `line ${index}`),
      true,
    );
    await pod.connected.remove(id);
  },
  { skip },
);

scenario(
  "what a container prints before it ends waits for a containerd that is away",
  async (t, box) => {
    const { bundle, id, pod } = await Pod.forScript(box, "echo last words");
    const { stdout } = pod.fifos();
    await pod.create(bundle, id, { stdout });
    await pod.connected.start(id);
    t.equal(await pod.connected.wait(id), 0);
    const reader = new Reader(stdout);
    t.ok(await until(() => reader.text === "last words\n" && reader.isEnded));
    await pod.connected.remove(id);
  },
  { skip },
);

scenario(
  "a client that is late gets the end of file, too, where nothing was printed: first process, exec, terminal",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    const first = pod.fifos();
    await pod.create(bundle, id, { stdout: first.stdout, stderr: first.stderr });
    await client.start(id);
    const fifos = pod.fifos();
    const execId = await pod.exec(id, "true", fifos);
    await client.start(id, execId);
    t.equal(await client.wait(id, execId), 0);
    const console = pod.fifos(true);
    const withTerminal = await pod.exec(id, "true", { ...console, terminal: true });
    await client.start(id, withTerminal);
    t.equal(await client.wait(id, withTerminal), 0);
    // One that was there before, and comes back, is no other case.
    new Reader(first.stderr).close();
    await client.kill(id, 9);
    t.equal(await client.wait(id), 137);
    for (const path of [fifos.stdout, fifos.stderr, console.stdout, first.stdout, first.stderr]) {
      // Waits for a writer, as containerd does.
      const read = spawnSync("cat", [path], { timeout: 5000 });
      t.equal(read.status, 0, path);
      t.equal(read.stdout.toString(), "");
    }
    for (const each of [execId, withTerminal]) await client.remove(id, each);
    await client.remove(id);
  },
  { skip },
);

scenario(
  "CloseIO: the end of input, once the client has closed its end as well",
  async (t, box) => {
    const { bundle, id, pod } = await Pod.forScript(box, "wc -c");
    const fifos = pod.fifos();
    const out = new Reader(fifos.stdout);
    await pod.create(bundle, id, fifos);
    await pod.connected.start(id);
    const input = openSync(fifos.stdin, constants.O_WRONLY);
    writeSync(input, "typed\n");
    closeSync(input);
    await new Promise((done) => setTimeout(done, 100));
    t.equal((await pod.connected.state(id)).status, 2, "a client that went away is no end of input");
    await pod.connected.task("CloseIO", M.writeCloseIoRequest({ id, stdin: true }));
    t.equal(await pod.connected.wait(id), 0);
    t.ok(await until(() => out.isEnded || out.text === "6\n"));
    t.equal(out.text, "6\n");
    await pod.connected.remove(id);
  },
  { skip },
);

scenario(
  "a terminal: what is typed, its size, its output to the end",
  async (t, box) => {
    const bundle = shell(box, "stty size; read line; stty size; echo got $line; seq 5000; exit 5", (config) => {
      config.process.terminal = true;
      config.process.consoleSize = { height: 24, width: 80 };
    });
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const fifos = pod.fifos(true);
    const out = new Reader(fifos.stdout);
    await pod.create(bundle, id, { ...fifos, terminal: true });
    await pod.connected.start(id);
    t.ok(await until(() => out.text.includes("24 80")), out.text);
    await pod.connected.task("ResizePty", M.writeResizePtyRequest({ id, width: 100, height: 30 }));
    const input = openSync(fifos.stdin, constants.O_WRONLY);
    writeSync(input, "words\n");
    closeSync(input);
    t.equal(await pod.connected.wait(id), 5);
    t.ok(await until(() => out.text.includes("5000") && out.isEnded));
    t.match(out.text, /30 100\r\ngot words\r\n1\r\n2\r\n/);
    await pod.connected.remove(id);
  },
  { skip },
);

scenario(
  "exec with a terminal, and one that is over at once",
  async (t, box) => {
    const { bundle, id, pod, client } = await Pod.forScript(box, "sleep 1000");
    await pod.create(bundle, id);
    await client.start(id);
    for (let round = 0; round < 5; round++) {
      const fifos = pod.fifos(true);
      const out = new Reader(fifos.stdout);
      const execId = await pod.exec(id, "tty; exit 4", { ...fifos, terminal: true });
      await client.start(id, execId);
      t.equal(await client.wait(id, execId), 4);
      t.ok(await until(() => out.isEnded));
      t.match(out.text, /^\/dev\/pts\/\d+\r\n$/);
      await client.remove(id, execId);
      out.close();
    }
    await client.kill(id, 9);
    await client.wait(id);
    await client.remove(id);
  },
  { skip },
);

scenario(
  "file:// appends both streams to a file that stays the host's",
  async (t, box) => {
    const script = "echo out; echo err >&2; chmod 777 /proc/self/fd/1 2>/dev/null; : >/proc/self/fd/1; echo end";
    const bundle = shell(box, script, (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
    });
    const id = box.id();
    const pod = await Pod.of(box, bundle, id);
    const file = join(box.path("logs"), "deep/box.log");
    await pod.create(bundle, id, { stdout: `file://${file}`, stderr: `file://${file}` });
    await pod.connected.start(id);
    t.equal(await pod.connected.wait(id), 0);
    t.ok(await until(() => readText(file).includes("end\n")));
    t.equal(readText(file), "out\nerr\nend\n", "the container cannot cut it short");
    const { mode, uid } = statSync(file);
    t.same({ mode: mode & 0o777, uid }, { mode: 0o644, uid: 0 });
    await pod.connected.remove(id);
  },
  { skip },
);

for (const scheme of ["binary", "binary-v2"]) {
  scenario(
    `${scheme}:// hands both streams to a program`,
    async (t, box) => {
      const program = box.path("logger");
      const output = box.path("logged");
      // The end of file of the two streams ends it.
      const said = `{ echo "$CONTAINER_ID $CONTAINER_NAMESPACE $*"; cat <&3; cat <&4; echo done; } >${output}.new`;
      const script = `#!/bin/sh\nprintf x >&5; exec 5>&-\n${said}; mv ${output}.new ${output}\n`;
      writeFileSync(program, script);
      chmodSync(program, 0o755);
      const bundle = shell(box, "echo out; echo err >&2");
      const id = box.id();
      const pod = await Pod.of(box, bundle, id);
      await pod.create(bundle, id, { stdout: `${scheme}://${program}?tag=a`, stderr: `${scheme}://${program}?tag=a` });
      await pod.connected.start(id);
      t.equal(await pod.connected.wait(id), 0);
      await pod.connected.remove(id);
      t.ok(await until(() => readText(output) !== ""));
      t.equal(readText(output), `${id} conformance tag a\nout\nerr\ndone\n`);
    },
    { skip },
  );
}

scenario(
  "binary-v2:// refuses a program that does not say that it is ready, binary:// does not",
  async (t, box) => {
    const { bundle, id, pod } = await Pod.forScript(box, "sleep 1000");
    await t.rejects(pod.create(bundle, id, { stdout: "binary-v2:///bin/true" }), /has not told that it is ready/);
    await t.rejects(pod.create(bundle, id, { stdout: "binary:///no/such/logger" }), /it is not there/);
    await t.rejects(pod.create(bundle, id, { stdout: "telnet://x" }), /unknown STDIO scheme telnet/);
    await t.rejects(pod.create(bundle, id, { stdin: readFileSync("/dev/null", "utf8") + box.file("x") }), /is no FIFO/);
    t.same(pod.ids(), [], "nothing is left of any of them");
    const pid = await pod.create(bundle, id, { stdout: "binary:///bin/true" });
    t.equal(isAlive(pid), true);
    await pod.connected.remove(id);
  },
  { skip },
);
