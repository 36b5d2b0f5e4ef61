// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import t from "tap";
import { native } from "../sys/native.ts";
import type { LinuxSeccomp } from "../spec/types.ts";
import { CACHE_DIRECTORY, openCache, readCache, writeCache, type Hash } from "./cache.ts";
import { seccompFilter } from "./filter.ts";

const hash: Hash = (data) => createHash("sha256").update(data).digest();
const key = hash("a profile");
const program = new Uint8Array(64).fill(6);
const skip = process.geteuid?.() === 0 ? false : "only root has a cache";

function prepared(root: string): { readonly file: string; read(): Uint8Array | undefined } {
  chmodSync(root, 0o700);
  const fd = openCache(root) ?? -1;
  writeCache(fd, key, program, hash);
  native.close(fd);
  const read = (): Uint8Array | undefined => {
    const directory = openCache(root);
    if (directory === undefined) return undefined;
    const found = readCache(directory, key, hash);
    native.close(directory);
    return found;
  };
  return { file: `${root}/${CACHE_DIRECTORY}/${Buffer.from(key).toString("hex")}`, read };
}

t.test("what was kept is found again, by its key alone", { skip }, (t) => {
  const root = t.testdir();
  t.strictSame(prepared(root).read(), program);
  const directory = openCache(root) ?? -1;
  t.equal(readCache(directory, hash("another"), hash), undefined);
  native.close(directory);
  t.strictSame(readdirSync(`${root}/${CACHE_DIRECTORY}`).length, 1, "no temporary file is left");
  t.end();
});

t.test("an entry that is odd is not there", { skip }, (t) => {
  const attacks: Record<string, (file: string) => void> = {
    "one bit is wrong": (file) => {
      const bytes = readFileSync(file);
      bytes[70] = (bytes[70] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    },
    "it was cut short": (file) => writeFileSync(file, readFileSync(file).subarray(0, 100)),
    "it is empty": (file) => writeFileSync(file, ""),
    "somebody else owns it": (file) => chownSync(file, 1000, 1000),
    "others may write to it": (file) => chmodSync(file, 0o666),
    "it has another name": (file) => linkSync(file, `${file}.link`),
    "it is a symbolic link": (file) => {
      renameSync(file, `${file}.real`);
      symlinkSync(`${file}.real`, file);
    },
    "it is a directory": (file) => {
      rmSync(file);
      mkdirSync(file);
    },
    "it is another profile's": (file) => {
      const bytes = readFileSync(file);
      bytes.set(hash("another"));
      writeFileSync(file, bytes);
    },
  };
  for (const [name, attack] of Object.entries(attacks)) {
    const { file, read } = prepared(t.testdir());
    t.ok(read(), `${name}: before`);
    attack(file);
    t.equal(read(), undefined, name);
  }
  t.end();
});

t.test("a directory that others can write to, or own, is no cache", { skip }, (t) => {
  const attacks: Record<string, (root: string) => void> = {
    "the cache is open to others": (root) => chmodSync(`${root}/${CACHE_DIRECTORY}`, 0o755),
    "the cache is somebody else's": (root) => chownSync(`${root}/${CACHE_DIRECTORY}`, 1000, 1000),
    "the root is open to others": (root) => chmodSync(root, 0o777),
    "the root is somebody else's": (root) => chownSync(root, 1000, 1000),
    "the cache is a symbolic link": (root) => {
      renameSync(`${root}/${CACHE_DIRECTORY}`, `${root}/elsewhere`);
      symlinkSync("elsewhere", `${root}/${CACHE_DIRECTORY}`);
    },
  };
  for (const [name, attack] of Object.entries(attacks)) {
    const root = t.testdir();
    const { read } = prepared(root);
    t.ok(read(), `${name}: before`);
    attack(root);
    t.equal(openCache(root), undefined, name);
  }
  t.end();
});

t.test("each thing that shapes a filter makes another entry", { skip }, async (t) => {
  const root = t.testdir();
  chmodSync(root, 0o700);
  const rule = { names: ["mkdir", "rmdir"], action: "SCMP_ACT_ERRNO", errnoRet: 2 } as const;
  const arg = { index: 0, op: "SCMP_CMP_EQ", value: 1, valueTwo: 0 } as const;
  const base: LinuxSeccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] };
  const variants: LinuxSeccomp[] = [
    base,
    { ...base, defaultAction: "SCMP_ACT_LOG" },
    { defaultAction: "SCMP_ACT_TRACE", defaultErrnoRet: 5 },
    { defaultAction: "SCMP_ACT_TRACE", defaultErrnoRet: 6 },
    { ...base, architectures: ["SCMP_ARCH_X86"] },
    { ...base, syscalls: [{ ...rule, errnoRet: 3 }] },
    { ...base, syscalls: [{ ...rule, names: ["mkdir"] }] },
    { ...base, syscalls: [{ ...rule, names: ["mkdirrmdir"] }] },
    { ...base, syscalls: [{ ...rule, action: "SCMP_ACT_TRACE" }] },
    { ...base, syscalls: [{ ...rule, args: [arg] }] },
    { ...base, syscalls: [{ ...rule, args: [{ ...arg, index: 1 }] }] },
    { ...base, syscalls: [{ ...rule, args: [{ ...arg, value: 2n ** 63n }] }] },
    { ...base, syscalls: [{ ...rule, args: [{ ...arg, valueTwo: 1 }] }] },
    { ...base, syscalls: [{ ...rule, args: [{ ...arg, op: "SCMP_CMP_NE" }] }] },
  ];
  const log = { debug() {}, warn() {} };
  for (const profile of variants) seccompFilter(profile, log, { cacheRoot: root });
  for (const profile of variants) seccompFilter(profile, log, { cacheRoot: root });
  t.equal(readdirSync(`${root}/${CACHE_DIRECTORY}`).length, variants.length);
});
