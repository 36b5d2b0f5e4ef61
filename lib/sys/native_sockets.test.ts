// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { native } from "./native.ts";

const AT_FDCWD = -100;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const ENOENT = -2;
const EBADF = -9;
const EPERM = -1;
const EINVAL = -22;
const EPIPE = -32;
const EMSGSIZE = -90;
const EADDRINUSE = -98;
const F_GETFD = 1;
const F_GET_SEALS = 1034;
const F_SEALS_ALL = 0xf;

const root = mkdtempSync(join(tmpdir(), "runt-sockets-"));
t.teardown(() => rmSync(root, { recursive: true }));

function pair(type: number): [number, number] {
  const ends = native.socketpair(type);
  if (typeof ends === "number") throw new Error(`socketpair: errno ${-ends}`);
  return ends;
}

function close(...fds: number[]): void {
  for (const fd of fds) native.close(fd);
}

t.test("messages and descriptors", async (t) => {
  const [a, b] = pair(SOCK_SEQPACKET);
  t.equal(native.fcntl(a, F_GETFD, 0), 1);
  writeFileSync(join(root, "sent"), "content");
  const fd = native.open(AT_FDCWD, join(root, "sent"), 0, 0);
  t.equal(native.sendMessage(a, "text", [fd, fd]), 4);
  t.equal(native.sendMessage(a, new Uint8Array([9, 8]), []), 2);
  const buffer = new Uint8Array(16);
  const first = native.receiveMessage(b, buffer);
  if (typeof first === "number") throw new Error(`receiveMessage: ${first}`);
  t.equal(Buffer.from(buffer.subarray(0, first.size)).toString(), "text");
  t.equal(first.fds.length, 2);
  for (const received of first.fds) {
    t.equal(native.fcntl(received, F_GETFD, 0), 1, "close-on-exec");
    t.equal(readFileSync(`/proc/self/fd/${received}`, "utf8"), "content");
  }
  t.same(native.receiveMessage(b, buffer), { size: 2, fds: [] });
  close(a, fd, ...first.fds);
  t.same(native.receiveMessage(b, buffer), { size: 0, fds: [] }, "end of file");
  t.equal(native.sendMessage(b, "x", []), EPIPE, "no SIGPIPE");
  close(b);
  t.equal(native.receiveMessage(b, buffer), EBADF);
  t.equal(native.socketpair(99), EINVAL);
});

t.test("as many descriptors as the kernel takes", async (t) => {
  const [a, b] = pair(SOCK_STREAM);
  t.equal(
    native.sendMessage(
      a,
      "x",
      Array.from({ length: 253 }, () => 0),
    ),
    1,
  );
  const received = native.receiveMessage(b, new Uint8Array(1));
  if (typeof received === "number") throw new Error(`receiveMessage: ${received}`);
  t.equal(received.fds.length, 253);
  close(...received.fds);
  t.equal(
    native.sendMessage(
      a,
      "x",
      Array.from({ length: 254 }, () => 0),
    ),
    EINVAL,
  );
  t.equal(native.sendMessage(a, "x", [987]), EBADF);
  close(a, b);
});

t.test("a message that does not fit is refused, and its descriptors are closed", async (t) => {
  const [a, b] = pair(SOCK_SEQPACKET);
  const probe = native.dup(0);
  close(probe);
  native.sendMessage(a, "too long", [0]);
  t.equal(native.receiveMessage(b, new Uint8Array(3)), EMSGSIZE);
  t.equal(native.dup(0), probe, "the lowest free descriptor is the one from before");
  close(probe, a, b);
});

for (const [what, name] of [
  ["a short path", "s"],
  ["a path of more than 107 bytes", `${"d".repeat(60)}/${"e".repeat(60)}/${"s".repeat(40)}`],
] as const) {
  t.test(`bind and connect: ${what}`, async (t) => {
    const path = join(root, name);
    mkdirSync(join(path, ".."), { recursive: true });
    t.equal(native.connectUnix(path), ENOENT);
    const listener = native.bindUnix(path, SOCK_STREAM);
    t.ok(listener > 2);
    t.equal(native.bindUnix(path, SOCK_STREAM), EADDRINUSE);
    const client = native.connectUnix(path);
    t.ok(client > 2);
    t.equal(native.fcntl(client, F_GETFD, 0), 1);
    close(listener, client);
    t.ok(existsSync(path));
    t.equal(native.connectUnix(path), -111, "ECONNREFUSED: nobody listens any more");
  });
}

t.test("datagrams, and the abstract space", async (t) => {
  const path = join(root, "datagrams");
  const server = native.bindUnix(path, SOCK_DGRAM);
  const client = native.connectUnix(path, SOCK_DGRAM);
  t.equal(native.sendMessage(client, "READY=1", []), 7);
  t.match(native.receiveMessage(server, new Uint8Array(100)), { size: 7 });
  t.equal(native.connectUnix(path), -91, "EPROTOTYPE: it is not a stream");
  close(server, client);
  const name = `@runt-test-${process.pid}`;
  const abstract = native.bindUnix(name, SOCK_DGRAM);
  const sender = native.connectUnix(name, SOCK_DGRAM);
  t.equal(native.sendMessage(sender, "x", []), 1);
  t.match(native.receiveMessage(abstract, new Uint8Array(100)), { size: 1 });
  t.notOk(existsSync(name));
  close(abstract, sender);
});

t.test("who takes no connection is not waited for for ever", async (t) => {
  const path = join(root, "deaf");
  const listener = native.bindUnix(path, SOCK_STREAM);
  const clients: number[] = [];
  const began = Date.now();
  let fd = native.connectUnix(path);
  for (; fd >= 0 && clients.length < 1000; fd = native.connectUnix(path)) clients.push(fd);
  t.equal(fd, -11, "EAGAIN");
  t.ok(Date.now() - began >= 9_000, "it may be busy for a while");
  close(listener, ...clients);
});

t.test("a directory on the way is missing, or a name is too long", async (t) => {
  const long = join(root, "x".repeat(120), "socket");
  t.equal(native.bindUnix(long, SOCK_STREAM), ENOENT);
  t.equal(native.bindUnix(join(root, "y".repeat(200)), SOCK_STREAM), -36, "ENAMETOOLONG");
  t.throws(() => native.connectUnix("x", "1" as unknown as number), TypeError);
});

t.test("memfds", async (t) => {
  const sealed = native.sealedMemfd("test", new Uint8Array([1, 2, 3]));
  t.equal(native.fcntl(sealed, F_GET_SEALS, 0) & F_SEALS_ALL, F_SEALS_ALL);
  t.equal(native.write(sealed, "x"), EPERM);
  const read = new Uint8Array(5);
  t.equal(native.read(sealed, read), 3, "reading starts at the beginning");
  t.same([...read], [1, 2, 3, 0, 0]);
  t.match(native.readlink(AT_FDCWD, `/proc/self/fd/${sealed}`), /^\/memfd:test/);
  t.equal(native.open(AT_FDCWD, `/proc/self/fd/${sealed}`, 1 | 0o1000, 0), EPERM, "no truncation either");
  const plain = native.memfd("plain");
  t.equal(native.write(plain, "abc"), 3);
  close(sealed, plain);
  t.equal(native.sealedMemfd("n".repeat(300), new Uint8Array(0)), EINVAL);
});

t.test("sealedCopy", async (t) => {
  const copy = native.sealedCopy("copy", process.execPath);
  t.ok(copy > 2);
  t.equal(native.fcntl(copy, F_GET_SEALS, 0) & F_SEALS_ALL, F_SEALS_ALL);
  t.equal(native.write(copy, "x"), EPERM);
  t.match(native.stat(copy, "", true), { size: readFileSync(process.execPath).length });
  t.equal(native.access(AT_FDCWD, `/proc/self/fd/${copy}`, 1), 0, "executable");
  close(copy);
  t.equal(native.sealedCopy("copy", join(root, "none")), ENOENT);
  t.equal(native.sealedCopy("copy", root), -13, "EACCES: not a file");
  t.equal(native.sealedInit("copy"), ENOENT, "the addon of the library carries none");
});
