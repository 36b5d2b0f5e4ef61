// SPDX-License-Identifier: Apache-2.0
import t, { type Test } from "tap";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Bus } from "./bus.ts";
import { Manager, versionOf } from "../cgroups/systemd/manager.ts";
import { encodeMessage, MessageKind } from "./message.ts";

/**
 * A server in a thread of its own, since a call blocks. It answers the greeting, and then each message with the next of
 * `answers`.
 */
const SERVER = `
const { workerData, parentPort } = require("node:worker_threads");
const { greeting, answers } = workerData;
const server = require("node:net").createServer((socket) => {
  let next = -1;
  socket.on("error", () => undefined);
  socket.on("data", () => {
    const answer = next < 0 ? greeting : answers[next];
    next += 1;
    if (answer === "close") socket.destroy();
    else if (answer !== undefined) for (const part of [].concat(answer)) socket.write(part);
  });
});
server.listen(workerData.path, () => parentPort.postMessage("ready"));
parentPort.on("message", () => process.exit());
`;

async function served(t: Test, answers: readonly (Uint8Array | string)[], greeting = "DATA\r\nOK 1234\r\n"): Promise<string> {
  // The path of a socket has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), "runt-bus-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "bus");
  const worker = new Worker(SERVER, { eval: true, workerData: { path, greeting, answers } });
  t.teardown(() => worker.terminate());
  await once(worker, "message");
  return path;
}

const reply = (serial: number, signature = "", ...values: string[]): Uint8Array =>
  encodeMessage(MessageKind.REPLY, 100 + serial, [[5, ["u", serial]]], signature, values);
const signal = (job: string, result: string): Uint8Array =>
  encodeMessage(
    MessageKind.SIGNAL,
    50,
    [
      [1, ["o", "/x"]],
      [2, ["s", "a.b"]],
      [3, ["s", "JobRemoved"]],
    ],
    "uoss",
    [1, job, "u.scope", result],
  );
const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const CALL = { path: "/x", interfaceName: "a.b", member: "C", signature: "", values: [] };

t.test("a call, its answer, and signals that came in between", async (t) => {
  const path = await served(t, [joined(signal("/1", "early"), reply(1, "s", "hello")), joined(reply(2), signal("/2", "done"))]);
  const bus = Bus.connect(path, false, "");
  t.same(bus.call(CALL), ["hello"]);
  t.same(bus.call(CALL), []);
  t.equal(bus.signal(({ values }) => values[1] === "/2", 5000).values[3], "done");
  t.throws(() => bus.signal(() => true, 50), { code: "TIMEOUT" });
  bus.close();
});

t.test("a bus is greeted, and told which signals are wanted", async (t) => {
  const path = await served(t, [reply(1, "s", ":1.5"), reply(2), reply(3, "s", "x")]);
  const bus = Bus.connect(path, true, "type='signal'");
  t.same(bus.call(CALL), ["x"]);
  bus.close();
});

t.test("an error is thrown with its name", async (t) => {
  const path = await served(t, [
    encodeMessage(
      MessageKind.ERROR,
      5,
      [
        [5, ["u", 1]],
        [4, ["s", "a.b.Gone"]],
      ],
      "s",
      ["it is gone"],
    ),
  ]);
  const bus = Bus.connect(path, false, "");
  t.throws(() => bus.call(CALL), { code: "CGROUP", errorName: "a.b.Gone", message: "it is gone (a.b.Gone)" });
  bus.close();
});

t.test("another end that is none", async (t) => {
  t.throws(() => Bus.connect("/nowhere/bus", false, ""), { code: "HOST_UNABLE", message: /^connect to \/nowhere\/bus: / });
  const refusing = await served(t, [], "REJECTED EXTERNAL\r\n");
  t.throws(() => Bus.connect(refusing, false, ""), { code: "HOST_UNABLE", message: /refuses this user/ });
});

t.test("an end that goes away, or talks nonsense", async (t) => {
  const leaving = Bus.connect(await served(t, ["close"]), false, "");
  t.throws(() => leaving.call(CALL), { code: "CGROUP" });
  leaving.close();
});

t.test("nonsense", async (t) => {
  const talking = Bus.connect(await served(t, ["nonsense, nonsense, nonsense"]), false, "");
  t.throws(() => talking.call(CALL), { code: "CGROUP", message: /not a message/ });
  talking.close();
});

t.test("versions", async (t) => {
  t.equal(versionOf("252.39-1~deb12u1"), 252);
  t.equal(versionOf("v245.4-1.fc32"), 245);
  t.equal(versionOf("nonsense"), 0);
});

t.test("a host without systemd", { skip: existsSync("/run/systemd/system") ? "systemd runs here" : false }, async (t) => {
  t.throws(() => Manager.connect(false), { code: "HOST_UNABLE", message: /no \/run\/systemd\/system; leave the option out/ });
});
