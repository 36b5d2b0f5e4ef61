// SPDX-License-Identifier: Apache-2.0
import { Worker } from "node:worker_threads";
import t from "tap";
import { Errno } from "../kernel/errno.ts";
import { checkValue, O_CLOEXEC, O_RDONLY, AT_FDCWD } from "../sys/files.ts";
import { POLLIN, POLLOUT } from "../kernel/numbers.ts";
import { native, nativeDirectory } from "../sys/native.ts";
import { watchAddon, watchNative } from "./native.ts";

const POLLHUP = 16;

/** A watch as a promise that keeps the program alive. */
function happens(fd: number, events: number): Promise<number> {
  return new Promise((resolve) => {
    t.ok(watchNative.watch(fd, events, resolve) > 0);
    watchNative.keep(true);
  });
}

t.test("a watch tells once, from the event loop", async (t) => {
  const [reader, writer] = checkValue(native.pipe(), "pipe");
  let told = 0;
  watchNative.watch(reader, POLLIN, () => told++);
  native.write(writer, "x");
  t.equal(told, 0, "not from within a call");
  t.equal(await happens(reader, POLLIN), POLLIN);
  t.equal(await happens(reader, POLLIN), POLLIN, "the same file can be watched again");
  t.equal(told, 1);
  native.read(reader, new Uint8Array(1));
  native.close(writer);
  t.equal(await happens(reader, POLLIN), POLLHUP, "the end of file, too");
  native.close(reader);
});

t.test("a watch that was taken back does not tell", async (t) => {
  const [reader, writer] = checkValue(native.pipe(), "pipe");
  const id = watchNative.watch(writer, POLLOUT, () => t.fail("it was taken back"));
  t.equal(watchNative.end(id), 0);
  t.equal(watchNative.end(id), -Errno.ENOENT);
  await happens(writer, POLLOUT);
  for (const fd of [reader, writer]) native.close(fd);
});

t.test("what cannot be watched is told by an errno", async (t) => {
  const file = native.open(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC, 0);
  t.equal(
    watchNative.watch(file, POLLIN, () => undefined),
    -Errno.EPERM,
  );
  native.close(file);
  t.equal(
    watchNative.watch(file, POLLIN, () => undefined),
    -Errno.EBADF,
  );
});

t.test("a worker thread has watches of its own, and can be ended while it waits", async (t) => {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const load = (path) => {
      const loaded = { exports: {} };
      process.dlopen(loaded, path);
      return loaded.exports;
    };
    const native = load(${JSON.stringify(`${nativeDirectory()}/runt.node`)});
    const watchNative = load(${JSON.stringify(watchAddon)});
    const [reader, writer] = native.pipe();
    watchNative.watch(reader, 1, (happened) => {
      parentPort.postMessage(happened);
      watchNative.watch(native.pipe()[0], 1, () => undefined);
    });
    watchNative.keep(true);
    native.write(writer, "x");`;
  const worker = new Worker(source, { eval: true });
  t.equal(await new Promise((resolve) => worker.once("message", resolve)), POLLIN);
  t.equal(await worker.terminate(), 1);
});

t.teardown(() => watchNative.keep(false));
