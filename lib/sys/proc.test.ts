// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { parseMountinfo, parseProcCgroup } from "./proc.ts";

t.test("/proc/PID/cgroup", async (t) => {
  const text = "12:cpu,cpuacct:/a\n1:name=systemd:/b:c/d\n0::/user.slice\n\nnonsense\n";
  t.strictSame(parseProcCgroup(text), [
    { controllers: ["cpu", "cpuacct"], path: "/a" },
    { controllers: ["name=systemd"], path: "/b:c/d" },
    { controllers: [], path: "/user.slice" },
  ]);
  t.strictSame(parseProcCgroup(""), []);
});

t.test("/proc/PID/mountinfo", async (t) => {
  const text = [
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro",
    "30 25 0:26 /docker/a\\040b /sys/fs/cgroup/cpu,cpuacct rw,nosuid master:9 propagate_from:2 - cgroup cgroup rw,cpu,cpuacct",
    "31 25 0:27 / /mnt/back\\134slash\\011tab ro - cgroup2 none rw,nsdelegate",
    "32 25 0:28 / /broken rw - cgroup",
    "",
  ].join("\n");
  t.strictSame(parseMountinfo(text, ["cgroup", "cgroup2"]), [
    {
      root: "/docker/a b",
      mountpoint: "/sys/fs/cgroup/cpu,cpuacct",
      fstype: "cgroup",
      source: "cgroup",
      options: ["rw", "nosuid"],
      superOptions: ["rw", "cpu", "cpuacct"],
    },
    {
      root: "/",
      mountpoint: "/mnt/back\\slash\ttab",
      fstype: "cgroup2",
      source: "none",
      options: ["ro"],
      superOptions: ["rw", "nsdelegate"],
    },
  ]);
  t.equal(parseMountinfo(text, ["ext4"])[0]?.mountpoint, "/");
});
