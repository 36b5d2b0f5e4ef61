// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import * as K from "../kernel/plan_numbers.ts";
import { bindClear, knownMountOptions, parseMountOptions } from "./mount_options.ts";
import { MountFlag } from "./steps.ts";

const none = { flags: 0, sb: 0, set: 0, clear: 0, named: false, recSet: 0, recClear: 0, propagation: [], data: "" };
const PROPAGATION = /^(private|shared|slave|unbindable|bind|idmap)$/;
const ATIME = K.MOUNT_ATTR__ATIME;

/** Options of the mount itself: those of which there is a form with an "r" in front. */
const ATTRIBUTES = new Set(
  knownMountOptions().filter((option) => knownMountOptions().includes(`r${option}`) && !PROPAGATION.test(option)),
);

const cases: readonly (readonly [options: string, expected: Partial<ReturnType<typeof parseMountOptions>>])[] = [
  ["", {}],
  ["defaults", {}],
  ["ro", { set: K.MOUNT_ATTR_RDONLY }],
  ["ro,rw", { clear: K.MOUNT_ATTR_RDONLY }],
  ["rw,ro", { set: K.MOUNT_ATTR_RDONLY }],
  ["nosuid,nodev,noexec", { set: 0xe }],
  ["suid,dev,exec", { clear: 0xe }],
  ["noatime", { set: K.MOUNT_ATTR_NOATIME, clear: ATIME }],
  ["noatime,strictatime", { set: K.MOUNT_ATTR_STRICTATIME, clear: ATIME }],
  ["strictatime,relatime", { set: 0, clear: ATIME }],
  ["noatime,atime", {}],
  ["strictatime,atime", { set: K.MOUNT_ATTR_STRICTATIME, clear: ATIME }],
  ["relatime,norelatime", {}],
  ["nostrictatime", {}],
  ["ratime", { recClear: ATIME }],
  ["nodiratime", { set: K.MOUNT_ATTR_NODIRATIME }],
  ["nodiratime,diratime", { clear: K.MOUNT_ATTR_NODIRATIME }],
  ["nosymfollow", { set: K.MOUNT_ATTR_NOSYMFOLLOW }],
  ["symfollow", { clear: K.MOUNT_ATTR_NOSYMFOLLOW }],
  ["bind", { flags: MountFlag.BIND }],
  ["rbind,ro", { flags: MountFlag.BIND | MountFlag.RECURSIVE, set: K.MOUNT_ATTR_RDONLY }],
  ["remount", { flags: MountFlag.REMOUNT }],
  ["tmpcopyup,size=64k", { flags: MountFlag.COPY_UP, data: "size=64k" }],
  ["rro", { recSet: K.MOUNT_ATTR_RDONLY }],
  ["rro,rrw", { recClear: K.MOUNT_ATTR_RDONLY }],
  ["rnoatime", { recSet: K.MOUNT_ATTR_NOATIME, recClear: ATIME }],
  ["rrelatime", { recClear: ATIME }],
  ["rnosymfollow,rnodiratime", { recSet: K.MOUNT_ATTR_NOSYMFOLLOW | K.MOUNT_ATTR_NODIRATIME }],
  ["rsuid,rdev,rexec,rsymfollow", { recClear: 0xe | K.MOUNT_ATTR_NOSYMFOLLOW }],
  ["private", { propagation: [K.MS_PRIVATE] }],
  ["rslave,rshared", { propagation: [K.MS_SLAVE | K.MS_REC, K.MS_SHARED | K.MS_REC] }],
  ["unbindable", { propagation: [K.MS_UNBINDABLE] }],
  ["sync,dirsync", { sb: K.MS_SYNCHRONOUS | K.MS_DIRSYNC }],
  ["sync,async", {}],
  ["lazytime,iversion,silent,mand", { sb: K.MS_LAZYTIME | K.MS_I_VERSION | K.MS_SILENT | K.MS_MANDLOCK }],
  ["lazytime,nolazytime,iversion,noiversion,silent,loud,mand,nomand", {}],
  ["mode=755,size=65536k", { data: "mode=755,size=65536k" }],
  ["newinstance,ptmxmode=0666,gid=5", { data: "newinstance,ptmxmode=0666,gid=5" }],
  // Neither a known option nor an "r" before one: the file system's own.
  ["rsync,constructor,rdefaults", { data: "rsync,constructor,rdefaults" }],
];

for (const [options, expected] of cases) {
  t.test(options === "" ? "no options" : options, async (t) => {
    const words = options === "" ? [] : options.split(",");
    const named = words.some((word) => ATTRIBUTES.has(word));
    t.same(parseMountOptions(words), { ...none, named, ...expected });
  });
}

t.test("idmap is told apart from ridmap", async (t) => {
  t.equal(parseMountOptions(["bind", "idmap"]).idmap, "idmap");
  t.equal(parseMountOptions(["bind", "ridmap"]).idmap, "ridmap");
});

t.test("every known option is understood, none goes to the file system", async (t) => {
  for (const option of knownMountOptions()) t.equal(parseMountOptions([option]).data, "", option);
  t.ok(knownMountOptions().includes("rnosymfollow"));
});

const lost: readonly (readonly [options: string, clear: number, implied: number])[] = [
  ["bind", 0, 0],
  ["rbind,rprivate,rro", 0, 0],
  ["bind,dev", 0x20_000f, 0xb],
  ["bind,ro", 0x20_000e, 0xe],
  ["bind,atime", 0x20_000f, 0xf],
  ["bind,diratime", 0x20_000f, 0xf],
  ["bind,noatime", 0x20_00ff, 0xf],
  ["bind,nodiratime", 0x20_007f, 0xf],
];
for (const [options, clear, implied] of lost) {
  t.test(`what a bind mount with ${options} loses`, async (t) => {
    t.same(bindClear(parseMountOptions(options.split(","))), { clear, implied });
  });
}
