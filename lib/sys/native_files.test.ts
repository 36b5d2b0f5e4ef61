// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { native } from "./native.ts";

const AT_FDCWD = -100;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_DIRECTORY = 0o200000;
const ENOENT = -2;
const EBADF = -9;
const EEXIST = -17;
const ENOTDIR = -20;
const EINVAL = -22;
const EFBIG = -27;
const ENAMETOOLONG = -36;
const ENOTEMPTY = -39;
const EILSEQ = -84;
const F_GETFD = 1;
const FD_CLOEXEC = 1;
const LIMIT = 1 << 20;

const root = mkdtempSync(join(tmpdir(), "runt-native-"));
t.teardown(() => rmSync(root, { recursive: true }));

const at = (name: string): string => join(root, name);

t.test("open gives a close-on-exec descriptor, or -errno", async (t) => {
  const fd = native.open(AT_FDCWD, at("opened"), O_RDWR | O_CREAT | O_EXCL, 0o600);
  t.ok(fd > 2);
  t.equal(native.fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
  t.equal(statSync(at("opened")).mode & 0o777, 0o600);
  t.equal(native.close(fd), 0);
  t.equal(native.close(fd), EBADF);
  t.equal(native.open(AT_FDCWD, at("opened"), O_RDWR | O_CREAT | O_EXCL, 0o600), EEXIST);
  t.equal(native.open(AT_FDCWD, at("missing"), 0, 0), ENOENT);
  t.equal(native.open(AT_FDCWD, at("opened"), O_DIRECTORY, 0), ENOTDIR);
});

t.test("paths are relative to dirfd", async (t) => {
  const dirfd = native.open(AT_FDCWD, root, O_DIRECTORY, 0);
  t.equal(native.writeFile(dirfd, "relative", O_WRONLY | O_CREAT, 0o644, "here"), 0);
  t.equal(readFileSync(at("relative"), "utf8"), "here");
  t.equal(native.readFile(dirfd, "relative", LIMIT), "here");
  native.close(dirfd);
});

t.test("dup gives another close-on-exec descriptor above stdio", async (t) => {
  const fd = native.dup(0);
  t.ok(fd > 2);
  t.equal(native.fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
  native.close(fd);
  t.equal(native.dup(-1), EBADF);
});

t.test("readFile", async (t) => {
  const texts = { empty: "", ascii: "plain\n", wide: "größer — 🐳", long: "x".repeat(100_000) };
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(at(name), text);
    t.equal(native.readFile(AT_FDCWD, at(name), LIMIT), text, name);
  }
  t.match(native.readFile(AT_FDCWD, "/proc/self/stat", LIMIT), /^\d+ \(/, "a file whose size is 0");
  t.equal(native.readFile(AT_FDCWD, at("long"), 100_000), texts.long, "as long as the limit");
  t.equal(native.readFile(AT_FDCWD, at("long"), 99_999), EFBIG);
  t.equal(native.readFile(AT_FDCWD, at("none"), LIMIT), ENOENT);
  t.equal(native.readFile(AT_FDCWD, root, LIMIT), -21, "EISDIR");
});

t.test("readUtf8File refuses what is not UTF-8", async (t) => {
  const bad = ["80", "c0af", "c3", "eda080", "e08080", "f08080", "f4908080", "f5808080", "41ff", "e282"];
  for (const hex of bad) {
    writeFileSync(at("bad"), Buffer.from(hex, "hex"));
    t.equal(native.readUtf8File(AT_FDCWD, at("bad"), LIMIT), EILSEQ, hex);
    t.type(native.readFile(AT_FDCWD, at("bad"), LIMIT), "string", hex);
  }
  for (const text of ["\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"]) {
    writeFileSync(at("good"), text);
    t.equal(native.readUtf8File(AT_FDCWD, at("good"), LIMIT), text, JSON.stringify(text));
    t.equal(native.readFile(AT_FDCWD, at("good"), LIMIT), text, JSON.stringify(text));
  }
});

t.test("readAtOnce", async (t) => {
  for (const size of [0, 1, 32_767, 32_768, 32_769, 65_536, 100_000]) {
    const text = "x".repeat(size);
    writeFileSync(at("own"), text);
    t.equal(native.readAtOnce(AT_FDCWD, at("own"), LIMIT), text, `${size} bytes`);
    t.equal(native.readAtOnce(AT_FDCWD, at("own"), size), text, `${size} bytes, as long as the limit`);
    if (size > 0) t.equal(native.readAtOnce(AT_FDCWD, at("own"), size - 1), EFBIG, `${size} bytes, longer than the limit`);
  }
  t.match(native.readAtOnce(AT_FDCWD, "/proc/sys/kernel/pid_max", 64), /^\d+\n$/, "a value of the kernel's");
  t.equal(native.readAtOnce(AT_FDCWD, at("none"), LIMIT), ENOENT);
  writeFileSync(at("own"), Buffer.from("c0af", "hex"));
  t.equal(native.readAtOnce(AT_FDCWD, at("own"), LIMIT), EILSEQ);
});

t.test("readFile puts U+FFFD in the place of what is not UTF-8", async (t) => {
  for (const [hex, text] of [
    ["41ff42", "A\ufffdB"],
    ["c3", "\ufffd"],
    ["31202800ff2920", "1 (\0\ufffd) "],
  ] as const) {
    writeFileSync(at("bad"), Buffer.from(hex, "hex"));
    t.equal(native.readFile(AT_FDCWD, at("bad"), LIMIT), text, hex);
  }
});

t.test("writeFile, read and write", async (t) => {
  t.equal(native.writeFile(AT_FDCWD, at("none/file"), O_WRONLY | O_CREAT, 0o644, "x"), ENOENT);
  t.equal(native.writeFile(AT_FDCWD, "/dev/full", O_WRONLY, 0, "x"), -28, "ENOSPC");
  const fd = native.open(AT_FDCWD, at("rw"), O_RDWR | O_CREAT, 0o644);
  t.equal(native.write(fd, "ä"), 2);
  t.equal(native.write(fd, new Uint8Array([1, 2, 3]).subarray(1)), 2);
  native.close(fd);
  t.same([...readFileSync(at("rw"))], [0xc3, 0xa4, 2, 3]);
  const again = native.open(AT_FDCWD, at("rw"), 0, 0);
  const buffer = new Uint8Array(8);
  t.equal(native.read(again, buffer.subarray(2, 5)), 3);
  t.same([...buffer], [0, 0, 0xc3, 0xa4, 2, 0, 0, 0]);
  t.equal(native.read(again, buffer), 1);
  t.equal(native.read(again, buffer), 0);
  t.equal(native.write(again, "x"), EBADF);
  native.close(again);
  t.equal(native.read(again, buffer), EBADF);
});

t.test("directories", async (t) => {
  t.equal(native.mkdir(AT_FDCWD, at("dir"), 0o700), 0);
  t.equal(native.mkdir(AT_FDCWD, at("dir"), 0o700), EEXIST);
  t.same(native.readdir(AT_FDCWD, at("dir")), []);
  const names = Array.from({ length: 2000 }, (_, index) => `a-rather-long-file-name-${index}`);
  for (const name of names) writeFileSync(at(`dir/${name}`), "");
  const found = native.readdir(AT_FDCWD, at("dir"));
  t.same(typeof found === "number" ? found : found.sort(), names.sort());
  t.equal(native.readdir(AT_FDCWD, at("ascii")), ENOTDIR);
  t.equal(native.rmdir(AT_FDCWD, at("dir")), ENOTEMPTY);
  t.equal(native.mkdir(AT_FDCWD, at("gone"), 0o700), 0);
  t.equal(native.rmdir(AT_FDCWD, at("gone")), 0);
  t.equal(native.rmdir(AT_FDCWD, at("gone")), ENOENT);
});

t.test("names", async (t) => {
  writeFileSync(at("first"), "1");
  t.equal(native.rename(AT_FDCWD, at("first"), AT_FDCWD, at("second")), 0);
  t.equal(native.rename(AT_FDCWD, at("first"), AT_FDCWD, at("second")), ENOENT);
  writeFileSync(at("third"), "3");
  t.equal(native.exchange(AT_FDCWD, at("second"), at("third")), 0);
  t.equal(native.readFile(AT_FDCWD, at("second"), 9), "3");
  t.equal(native.exchange(AT_FDCWD, at("second"), at("third")), 0);
  t.equal(native.exchange(AT_FDCWD, at("second"), at("first")), ENOENT);
  t.equal(native.symlink("second", AT_FDCWD, at("link")), 0);
  t.equal(native.symlink("second", AT_FDCWD, at("link")), EEXIST);
  t.equal(native.readlink(AT_FDCWD, at("link")), "second");
  t.equal(native.readlink(AT_FDCWD, at("second")), EINVAL);
  t.equal(native.unlink(AT_FDCWD, at("link")), 0);
  t.equal(native.unlink(AT_FDCWD, at("link")), ENOENT);
  t.equal(native.mkfifo(AT_FDCWD, at("fifo"), 0o600), 0);
  t.ok(statSync(at("fifo")).isFIFO());
  t.equal(native.mkfifo(AT_FDCWD, at("fifo"), 0o600), EEXIST);
});

t.test("chmod, chown, access", async (t) => {
  writeFileSync(at("owned"), "");
  symlinkSync("owned", at("owned-link"));
  t.equal(native.chmod(AT_FDCWD, at("owned"), 0o751), 0);
  t.equal(statSync(at("owned")).mode & 0o7777, 0o751);
  t.equal(native.chmod(AT_FDCWD, at("none"), 0o751), ENOENT);
  t.equal(native.chown(AT_FDCWD, at("owned"), -1, -1), 0);
  t.equal(native.chown(AT_FDCWD, at("none"), -1, -1), ENOENT);
  if (process.getuid?.() === 0) {
    t.equal(native.chown(AT_FDCWD, at("owned-link"), 12, 34), 0);
    t.match(native.stat(AT_FDCWD, at("owned-link"), false), { uid: 12, gid: 34 });
    t.match(native.stat(AT_FDCWD, at("owned"), false), { uid: 0, gid: 0 }, "the target is left alone");
  }
  t.equal(native.access(AT_FDCWD, at("owned"), 4), 0);
  t.equal(native.access(AT_FDCWD, at("none"), 0), ENOENT);
  t.equal(native.access(AT_FDCWD, "/proc/version", 1), -13, "EACCES");
});

t.test("stat", async (t) => {
  const node = statSync(at("owned"));
  const ours = native.stat(AT_FDCWD, at("owned"), true);
  t.match(ours, { mode: node.mode, uid: node.uid, size: 0, ino: node.ino, dev: node.dev, nlink: 1 });
  t.ok(typeof ours !== "number" && Math.abs(ours.mtimeMs - node.mtimeMs) < 1);
  t.match(native.stat(AT_FDCWD, "/dev/zero", true), { major: 1, minor: 5 });
  symlinkSync("nowhere", at("dangling"));
  t.equal(native.stat(AT_FDCWD, at("dangling"), true), ENOENT);
  t.match(native.stat(AT_FDCWD, at("dangling"), false), { size: 7 });
  const fd = native.open(AT_FDCWD, root, O_DIRECTORY, 0);
  t.match(native.stat(fd, "", true), { ino: statSync(root).ino }, "an empty path is the descriptor");
  native.close(fd);
  t.match(native.statfs("/proc"), { type: 0x9fa0 });
  t.equal(native.statfs(at("none")), ENOENT);
});

t.test("flock, fcntl, ioctlInt", async (t) => {
  const LOCK_EX = 2;
  const LOCK_NB = 4;
  const one = native.open(AT_FDCWD, at("owned"), O_RDWR, 0);
  const two = native.open(AT_FDCWD, at("owned"), O_RDWR, 0);
  t.equal(native.flock(one, LOCK_EX | LOCK_NB), 0);
  t.equal(native.flock(two, LOCK_EX | LOCK_NB), -11, "EWOULDBLOCK");
  native.close(one);
  t.equal(native.flock(two, LOCK_EX | LOCK_NB), 0);
  t.equal(native.fcntl(two, 2, 0), 0);
  t.equal(native.fcntl(two, F_GETFD, 0), 0);
  const FIOCLEX = 0x5451;
  t.equal(native.ioctlInt(two, FIOCLEX, 0), 0);
  t.equal(native.fcntl(two, F_GETFD, 0), FD_CLOEXEC);
  native.close(two);
  t.equal(native.ioctlInt(two, FIOCLEX, 0), EBADF);
});

t.test("a value of the wrong type throws, and nothing is done", async (t) => {
  const close = native.close as (...values: unknown[]) => unknown;
  for (const wrong of ["1", null, undefined, {}, 1.5, Number.NaN, Infinity, 2 ** 31, 1n]) {
    t.throws(() => close(wrong), { name: "TypeError", message: "argument 1 must be an integer of 32 bits" });
  }
  t.throws(() => close(), TypeError);
  const open = native.open as (...values: unknown[]) => unknown;
  t.throws(() => open(AT_FDCWD, 5, 0, 0), { message: "argument 2 must be a string" });
  const read = native.read as (...values: unknown[]) => unknown;
  t.throws(() => read(0, new Uint16Array(2)), { message: "argument 2 must be a Uint8Array" });
  const write = native.write as (...values: unknown[]) => unknown;
  t.throws(() => write(1, 5), { message: "argument 2 must be a string or a Uint8Array" });
  const stat = native.stat as (...values: unknown[]) => unknown;
  t.throws(() => stat(AT_FDCWD, "/", 1), { message: "argument 3 must be a boolean" });
});

t.test("a path that the kernel could not take", async (t) => {
  mkdirSync(at("nul"));
  t.equal(native.open(AT_FDCWD, `${at("nul")}\0/../..`, 0, 0), EINVAL, "is not cut at a NUL");
  t.equal(native.open(AT_FDCWD, `/${"a".repeat(5000)}`, 0, 0), ENAMETOOLONG, "is not cut at PATH_MAX");
  t.equal(native.open(AT_FDCWD, `/${"🐳".repeat(2000)}`, 0, 0), ENAMETOOLONG);
});

t.test("sha256: as Node's own, at every length around a block", async (t) => {
  const data = new Uint8Array(260).map((_, index) => index * 7);
  for (let length = 0; length <= data.length; length++) {
    const part = data.subarray(0, length);
    t.same([...native.sha256(part)], [...createHash("sha256").update(part).digest()], `${length} bytes`);
  }
  t.same([...native.sha256("zwölf")], [...createHash("sha256").update("zwölf").digest()]);
});

t.test("a name that is not UTF-8 leads back to its file", async (t) => {
  const folder = at("names");
  mkdirSync(folder);
  const names = ["ff", "80", "c3", "41ff42", "eda080", "f09f90b3ff", "efbfbd", "efbfbdff", "c3a4"];
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "hex")]), name);
  const found = native.readdir(AT_FDCWD, folder);
  if (typeof found === "number") return t.fail(String(found));
  t.equal(new Set(found).size, names.length);
  for (const name of found) {
    const text = native.readFile(AT_FDCWD, `${folder}/${name}`, LIMIT);
    t.equal(typeof text === "string" && names.includes(text), true, JSON.stringify(name));
    native.symlink(name, AT_FDCWD, `${folder}/link`);
    t.equal(native.readlink(AT_FDCWD, `${folder}/link`), name);
    native.unlink(AT_FDCWD, `${folder}/link`);
    t.equal(native.unlink(AT_FDCWD, `${folder}/${name}`), 0);
  }
  t.same(native.readdir(AT_FDCWD, folder), []);
  t.equal(native.mkdir(AT_FDCWD, `${folder}/\ud800\udc2f`, 0o700), 0, "a pair is a character");
  t.equal(native.mkdir(AT_FDCWD, `${folder}/x\udc2fy`, 0o700), 0, "no byte of ASCII");
  t.same([...readdirSync(folder)].sort(), ["\ud800\udc2f", "x\ufffdy"].sort());
});
