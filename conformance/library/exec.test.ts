// SPDX-License-Identifier: Apache-2.0
// exec, run and `$` with all that was printed.
import { Container, ExecError } from "../../lib/index.ts";
import { type Box, scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { skip } from "./made.ts";

function boxOf(box: Box, more: object = {}): Promise<Container> {
  const rootfs = box.folder("rootfs");
  makeRootfs(rootfs);
  return Container.run({ rootfs, root: box.root, overlay: true, args: ["sleep", "1000"], stdio: "ignore", ...more });
}

async function failed(work: Promise<unknown>): Promise<ExecError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ExecError) return error;
    throw error;
  }
  throw new Error("it was to fail");
}

const CALM = { timedOut: false, oomKilled: false, truncated: false };

scenario(
  "the whole of what a process prints, and how it ends",
  async (t, box) => {
    const container = await boxOf(box, { limits: { memory: "32m" } });
    t.same(await container.exec(["sh", "-c", "echo out; echo err >&2; exit 3"]), {
      ...CALM,
      stdout: "out\n",
      stderr: "err\n",
      exitCode: 3,
    });
    t.match(await container.exec(["cat"], { input: "given" }), { stdout: "given" });
    t.match(await container.exec(["cat"]), { stdout: "", exitCode: 0 }, "an end of file where nothing is given");
    t.match(await container.exec(["wc", "-c"], { input: new Uint8Array(3 << 20) }), { stdout: `${3 << 20}\n` });
    t.match(await container.exec(["true"], { input: new Uint8Array(3 << 20) }), { exitCode: 0 }, "nobody has to read it");
    t.match(await container.exec(["sh", "-c", "echo $FOO; id -u; pwd"], { env: { FOO: "bar" }, user: "33:33", cwd: "/tmp" }), {
      stdout: "bar\n33\n/tmp\n",
    });
    t.match(await container.exec(["sh", "-c", "echo before; sleep 1000 & sleep 1000"], { timeout: 200 }), {
      ...CALM,
      stdout: "before\n",
      exitCode: 137,
      signal: 9,
      timedOut: true,
      killedBy: "timeout",
    });
    const much = await container.exec(["cat", "/dev/zero"], { maxBuffer: 1000 });
    t.match(much, { truncated: true, exitCode: 137 });
    t.equal(much.stdout.length, 1000);
    t.match(await container.exec(["tail", "/dev/zero"]), { oomKilled: true, killedBy: "oom", signal: 9 });
    t.match(await container.exec(["sh", "-c", "kill -TERM $$"]), { exitCode: 143, signal: 15 });
    t.match(await container.exec(["sh", "-c", "stty size"], { terminal: { rows: 5, columns: 6 } }), { stdout: "5 6\r\n" });
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "errors have what was printed",
  async (t, box) => {
    const container = await boxOf(box);
    const wrong = await failed(container.exec(["sh", "-c", "echo out; echo what is wrong >&2; exit 3"], { reject: true }));
    t.match(wrong, {
      code: "PROGRAM_FAILED",
      message: "exec sh: exit status 3: what is wrong",
      stdout: "out\n",
      stderr: "what is wrong\n",
      exitCode: 3,
    });
    const late = await failed(container.exec(["sh", "-c", "echo so far; sleep 1000"], { reject: true, timeout: 100 }));
    t.match(late, { code: "TIMEOUT", message: /^exec sh: it took longer than its time-out: so far/, result: { timedOut: true } });
    const reason = new Error("enough");
    const given = new AbortController();
    const aborted = failed(container.exec(["sh", "-c", "echo so far; sleep 1000"], { signal: given.signal }));
    setTimeout(() => given.abort(reason), 300);
    t.match(await aborted, { code: "ABORTED", stdout: "so far\n", cause: reason });
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "commands as templates never meet a shell",
  async (t, box) => {
    const container = await boxOf(box);
    const nasty = "a b; echo $(id) `id` 'quoted' \"and\" \\";
    t.equal((await container.$`printf %s ${nasty}`).stdout, nasty);
    t.equal((await container.$`printf %s\\n ${["one", "two 2"]} three=${3} x${"y"}z`).stdout, "one\ntwo 2\nthree=3\nxyz\n");
    t.equal((await container.$`printf %s,  a\ b   ${[]}  c`).stdout, "a b,c,");
    t.equal((await container.$({ env: { FOO: "bar" }, input: "typed" })`sh -c ${"cat; echo $FOO"}`).stdout, "typedbar\n");
    t.match(await failed(container.$`sh -c ${"exit 4"}`), { code: "PROGRAM_FAILED", exitCode: 4 });
    t.match(await container.$({ reject: false })`sh -c ${"exit 4"}`, { exitCode: 4 });
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "run with a buffer: the container has gone with its result",
  async (t, box) => {
    const rootfs = box.folder("rootfs");
    makeRootfs(rootfs);
    const made = { rootfs, root: box.root, buffer: true } as const;
    t.same(await Container.run({ ...made, args: ["sh", "-c", "cat; echo err >&2; exit 2"], input: "in" }), {
      ...CALM,
      stdout: "in",
      stderr: "err\n",
      exitCode: 2,
    });
    t.match(await Container.run({ ...made, args: ["sleep", "1000"], timeout: 200 }), {
      timedOut: true,
      signal: 9,
      killedBy: "timeout",
    });
    t.match(await Container.run({ ...made, args: ["cat", "/dev/zero"], maxBuffer: 10 }), { truncated: true });
    t.match(await failed(Container.run({ ...made, args: ["sh", "-c", "echo no; exit 1"], reject: true })), {
      code: "PROGRAM_FAILED",
      message: "run: exit status 1: no",
    });
    t.match(await failed(Container.run({ ...made, args: ["sleep", "1000"], signal: AbortSignal.timeout(300) })), {
      code: "ABORTED",
      cause: { name: "TimeoutError" },
    });
    t.same(await Container.list({ root: box.root }), []);
  },
  { skip },
);

scenario(
  "opened and listed containers know their pid",
  async (t, box) => {
    const made = await boxOf(box);
    const opened = await Container.open(made.id, { root: box.root });
    t.equal(opened.pid, made.pid);
    const [listed] = await Container.list({ root: box.root });
    t.equal(listed?.pid, made.pid);
    t.equal((await listed?.exec(["echo", "there"]))?.stdout, "there\n");
    const end = opened.wait();
    await opened.delete({ force: true });
    t.match(await end, { signal: 9, killedBy: "delete" });
  },
  { skip },
);
