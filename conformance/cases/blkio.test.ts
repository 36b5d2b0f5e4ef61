// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { scenario, type Box } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { cgroupValue, hasLimits, PURE_V2 } from "../harness/host.ts";
import { notFor } from "../harness/runtime.ts";

const MIB = 1 << 20;

function sh(...words: readonly string[]): string {
  const done = spawnSync(words[0] ?? "", words.slice(1), { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${words.join(" ")}: ${done.stderr}`);
  return done.stdout.trim();
}

/** A reason why there can be no loop device, or `false`. */
function noLoop(): string | false {
  if (!hasLimits(PURE_V2 ? "io" : "blkio")) return "no controller of block devices on this host";
  if (!existsSync("/dev/loop-control")) return "no loop devices on this host";
  const found = spawnSync("losetup", ["--find"], { encoding: "utf8" });
  return found.status === 0 ? false : `losetup --find: ${found.stderr || String(found.error)}`;
}

/** A block device of 8 MiB; its path and its numbers. */
function loopDevice(box: Box): { readonly path: string; readonly major: number; readonly minor: number } {
  const image = box.path("image");
  writeFileSync(image, Buffer.alloc(8 * MIB));
  const path = sh("losetup", "--find", "--show", image);
  box.atClose(() => void spawnSync("losetup", ["--detach", path]));
  const { rdev } = statSync(path);
  return { path, major: (rdev >> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00) };
}

/** What io.max of cgroup v2 calls them. */
const KEYS = { read_bps: "rbps", write_bps: "wbps", read_iops: "riops", write_iops: "wiops" } as const;

/** A limit in the form of cgroup v1, numbers and rate; "" if there is none. */
function throttle(pid: number, file: keyof typeof KEYS): string {
  if (!PURE_V2) return cgroupValue(pid, "blkio", `blkio.throttle.${file}_device`);
  const [device = "", ...limits] = cgroupValue(pid, "io", "io.max").split(" ");
  const found = limits.find((each) => each.startsWith(`${KEYS[file]}=`))?.split("=")[1] ?? "max";
  return found === "max" ? "" : `${device} ${found}`;
}

function limitIO(config: Config, blockIO: object): void {
  Object.assign((config.linux.resources ??= {}), { blockIO });
}

scenario(
  "blockIO: reads of a block device are slowed to the limit",
  (t, box) => {
    const device = loopDevice(box);
    const seconds = (rate: number | undefined): number => {
      const bundle = box.bundle((config) => {
        const { major, minor } = device;
        config.root.readonly = false;
        config.process.args = ["sh", "-c", "exec dd if=/dev/disk of=/dev/null bs=64k count=32 iflag=direct"];
        Object.assign(config.linux, {
          devices: [{ path: "/dev/disk", type: "b", major, minor, fileMode: 0o600, uid: 0, gid: 0 }],
        });
        config.linux.resources = {
          ...config.linux.resources,
          devices: [
            { allow: false, access: "rwm" },
            { allow: true, type: "b", major, minor, access: "rwm" },
          ],
        };
        if (rate !== undefined) limitIO(config, { throttleReadBpsDevice: [{ major, minor, rate }] });
      });
      const began = performance.now();
      const done = box.call(["run", "--bundle", bundle.dir, box.id()]);
      t.equal(done.status, 0, done.output);
      return (performance.now() - began) / 1000;
    };
    // 2 MiB at 1 MiB/s.
    t.ok(seconds(undefined) < 1, "without a limit");
    const slowed = seconds(MIB);
    t.ok(slowed > 1.4, `with a limit of 1 MiB/s: ${slowed.toFixed(1)} s`);
  },
  { skip: noLoop(), proves: ["linux.resources.blockIO.throttleReadBpsDevice"] },
);

scenario(
  "blockIO: every throttle is in its file",
  (t, box) => {
    const { major, minor } = loopDevice(box);
    const at = (rate: number): object => [{ major, minor, rate }];
    const container = box.running((config) => {
      limitIO(config, {
        throttleReadBpsDevice: at(1 * MIB),
        throttleWriteBpsDevice: at(2 * MIB),
        throttleReadIOPSDevice: at(30),
        throttleWriteIOPSDevice: at(40),
      });
    });
    const value = (file: keyof typeof KEYS): string => throttle(container.pid, file);
    t.equal(value("read_bps"), `${major}:${minor} ${1 * MIB}`);
    t.equal(value("write_bps"), `${major}:${minor} ${2 * MIB}`);
    t.equal(value("read_iops"), `${major}:${minor} 30`);
    t.equal(value("write_iops"), `${major}:${minor} 40`);
  },
  {
    skip: noLoop(),
    proves: [
      "linux.resources.blockIO.throttleReadBpsDevice",
      "linux.resources.blockIO.throttleWriteBpsDevice",
      "linux.resources.blockIO.throttleReadIOPSDevice",
      "linux.resources.blockIO.throttleWriteIOPSDevice",
    ],
  },
);

scenario(
  "blockIO: update changes a throttle, and takes it off",
  (t, box) => {
    const { major, minor } = loopDevice(box);
    const at = (rate: number): object => [{ major, minor, rate }];
    const container = box.running((config) => {
      limitIO(config, { throttleReadIOPSDevice: at(30), throttleWriteIOPSDevice: at(40) });
    });
    const value = (file: keyof typeof KEYS): string => throttle(container.pid, file);
    const input = JSON.stringify({ blockIO: { throttleReadIOPSDevice: at(0), throttleWriteIOPSDevice: at(50) } });
    const updated = box.call(["update", "--resources", "-", container.id], { input });
    t.equal(updated.status, 0, updated.output);
    t.equal(value("read_iops"), "");
    t.equal(value("write_iops"), `${major}:${minor} 50`);
  },
  { skip: noLoop() || notFor("runc", "1.1 ignores them in update") || notFor("crun", "1.8 does not read standard input here") },
);

scenario(
  "blockIO: a device that is not there",
  (t, box) => {
    const done = box.run((config) => {
      limitIO(config, { throttleReadBpsDevice: [{ major: 4000, minor: 4000, rate: MIB }] });
    });
    t.equal(done.status, 1);
    t.match(done.output, PURE_V2 ? /io\.max/ : /throttle.read_bps_device/, "the file");
    t.same(box.leftovers(), []);
  },
  { skip: noLoop() || notFor("crun", "1.8 names no file, and leaves its cgroup after a failure") },
);
