// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import t from "tap";
import { native } from "./native.ts";

const ENOTTY = -25;
const EINVAL = -22;
const EBUSY = -16;
const SIGUSR1 = 10;
const SIGUSR2 = 12;
const POLLIN = 1;

/** Runs in a terminal of its own: prints the addon's results for it. */
const IN_A_TERMINAL = `
const m = { exports: {} };
process.dlopen(m, process.argv[1]);
const n = m.exports;
const flags = () => require("child_process").execFileSync("stty", ["-a"], { stdio: [0, "pipe", 2] }).toString();
const result = { isatty: n.isatty(0), set: n.ttySetSize(0, 33, 101), size: n.ttyGetSize(0) };
const saved = n.ttyRaw(0);
result.saved = saved.constructor.name;
result.raw = /-icanon/.test(flags()) && /-echo\\b/.test(flags());
result.restored = n.ttyRestore(0, saved);
result.cooked = / icanon/.test(flags()) && / echo\\b/.test(flags());
console.log("<" + JSON.stringify(result) + ">");
`;

t.test("what is not a terminal", async (t) => {
  const fd = native.memfd("not-a-terminal");
  t.equal(native.isatty(fd), false);
  t.equal(native.isatty(-1), false);
  t.equal(native.ttyRaw(fd), ENOTTY);
  t.equal(native.ttyGetSize(fd), ENOTTY);
  t.equal(native.ttySetSize(fd, 24, 80), ENOTTY);
  t.equal(native.ttySetSize(fd, 70_000, 80), EINVAL);
  t.equal(native.ttyRestore(fd, new Uint8Array(3)), EINVAL);
  native.close(fd);
});

t.test("a terminal", { skip: spawnSync("script", ["--version"]).status !== 0 && "no script(1)" }, async (t) => {
  const addon = new URL("../../libexec/runt/runt.node", import.meta.url).pathname;
  const command = `exec ${process.execPath} -e "$RUNT_TEST_SCRIPT" ${addon}`;
  const ran = spawnSync("script", ["-qec", command, "/dev/null"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, RUNT_TEST_SCRIPT: IN_A_TERMINAL, NODE_OPTIONS: "" },
  });
  const json = /<(.*)>/.exec(ran.stdout)?.[1] ?? ran.stdout;
  t.same(JSON.parse(json), {
    isatty: true,
    set: 0,
    size: [33, 101],
    saved: "Uint8Array",
    raw: true,
    restored: 0,
    cooked: true,
  });
});

t.test("signals are read in the order in which they came", async (t) => {
  const fd = native.signalfd([SIGUSR1, SIGUSR2]);
  t.ok(fd > 2);
  t.equal(native.signalfdRead(fd), 0, "none yet");
  const pairs = new Int32Array([fd, POLLIN]);
  t.equal(native.poll(pairs, 0), 0);
  t.equal(native.kill(process.pid, SIGUSR2), 0);
  t.equal(native.kill(process.pid, SIGUSR1), 0);
  pairs[1] = POLLIN;
  t.equal(native.poll(pairs, 1000), 1);
  const seen = [native.signalfdRead(fd), native.signalfdRead(fd)];
  t.same(seen, [SIGUSR2, SIGUSR1]);
  t.equal(native.signalfdRead(fd), 0);
  t.equal(native.signalfd([SIGUSR1]), EBUSY);
  t.equal(native.signalfdRead(-1), -9, "EBADF");
});
