// SPDX-License-Identifier: Apache-2.0
// The hosts of `npm run hosts`: what each is made of, and what is tried there.
//
// name, title    for the table
// machine        makes the machine's parts; without it, the cases run on this host
// words          of the kernel's command line
// before         a shell script in the guest, before the cases
// seconds        how long one file may take
// slowness       how many times slower than this host it is; an emulated processor is some ten times slower
// files          of conformance/
// proves         files with properties of config.json that no host has before it, for npm run properties
// smoke          the one that runs in CI; only machines that are up in under a minute have one
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { machine } from "./machine.mjs";
import { stockMachine } from "./stock.mjs";

const V2 = ["cgroup_no_v1=all", "systemd.unified_cgroup_hierarchy=1"];
/** systemd 252 still knows the legacy layout, with v1's controllers alone. */
const V1 = ["systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=1"];
const APPARMOR = ["security=apparmor", "apparmor=1"];
/** In force once the machine is up: Debian's policy knows nothing of files that a hypervisor shares. */
const SELINUX = ["security=selinux", "selinux=1", "enforcing=0"];

/** A soft device of RDMA, and a disk that shares its time out by weights. */
const DEVICES = [
  "modprobe -a rdma_rxe dummy && ip link add rdma type dummy && ip link set rdma up && rdma link add rxe0 type rxe netdev rdma",
  "modprobe bfq && echo bfq > /sys/block/vdc/queue/scheduler",
].join("\n");

const SECURITY = [
  "security/hostile_root",
  "security/processes",
  "security/advisories",
  "security/exec",
  "security/host_pids",
  "security/keyring",
];
const LIFE = [
  "cases/lifecycle",
  "cases/exec",
  "cases/mounts",
  "cases/mount_trees",
  "cases/namespaces",
  "cases/devices",
  "cases/process",
];
const LIMITS = ["cases/cgroups_v2", "cases/update"];
/** What an emulated machine gets through in some minutes; user-mode Linux of the same version has the other security cases. */
const SLOW = ["cases/resources", "cases/lifecycle", "security/hostile_root", "security/exec", "security/keyring"];

const QEMU = ["qemu-system-x86", "kmod", "attr", "cpio", "busybox-static", "xz-utils", "zstd"];
const emulated = (suite, guest) => ({ machine: () => stockMachine(suite, guest), packages: QEMU, seconds: 1800, slowness: 10 });

export const HOSTS = [
  {
    name: "here",
    title: "this machine",
    files: [...LIFE, "cases/cgroups", "cases/resources", "cases/seccomp_profile", ...SECURITY],
  },
  {
    name: "calls-4.18",
    title: "this machine, without the system calls that came after Linux 4.18",
    env: async (root) => {
      const { SINCE_4_18, without } = await import(pathToFileURL(join(root, "build/js/conformance/harness/without.js")).href);
      return { RUNTIME_WRAP: without(SINCE_4_18).join(" ") };
    },
    files: ["cases/lifecycle", "cases/exec", "cases/mounts", "cases/cgroups", ...SECURITY],
  },
  {
    name: "uml-7.2",
    title: "user-mode Linux of forky, systemd 252",
    machine: () => machine(["forky"]),
    words: [...APPARMOR, ...V2],
    seconds: 600,
    slowness: 3,
    files: ["cases/lifecycle", "cases/exec", "cases/mounts", "cases/systemd", ...LIMITS, ...SECURITY],
  },
  {
    name: "uml-6.12",
    title: "user-mode Linux of trixie, systemd 252",
    machine: () => machine(["trixie"]),
    words: [...APPARMOR, ...V2],
    seconds: 600,
    slowness: 3,
    files: ["cases/lifecycle", "cases/mounts", "cases/cgroups_v2", ...SECURITY],
    smoke: "cases/lifecycle",
  },
  {
    name: "uml-6.1",
    title: "user-mode Linux of bookworm, systemd 252",
    machine: () => machine(["bookworm"]),
    words: [...APPARMOR, ...V2],
    // This one traces its programs with ptrace, a call at a time; the newer ones do not.
    seconds: 1800,
    slowness: 8,
    files: ["cases/lifecycle", "cases/mounts", "cases/cgroups_v2", ...SECURITY],
  },
  {
    name: "uml-5.10",
    title: "user-mode Linux of bullseye, systemd 252",
    machine: () => machine(["bullseye"]),
    words: [...APPARMOR, ...V2],
    seconds: 600,
    slowness: 3,
    files: ["cases/lifecycle", "cases/mounts", "cases/cgroups_v2", ...SECURITY],
    smoke: "cases/lifecycle",
  },
  {
    name: "stock-5.10",
    title: "bullseye's stock kernel, emulated; cgroup v1, AppArmor",
    ...emulated("bullseye"),
    words: [...APPARMOR, ...V1, "hugepages=8"],
    before: DEVICES,
    files: [...SLOW, "cases/cgroups"],
    proves: ["cases/resources"],
  },
  {
    name: "stock-6.1",
    title: "bookworm's stock kernel, emulated; cgroup v2, AppArmor",
    ...emulated("bookworm"),
    words: [...APPARMOR, ...V2, "hugepages=8"],
    before: DEVICES,
    files: [...SLOW, "cases/seccomp_profile", "cases/attributes", "cases/cgroups_v2"],
    proves: ["cases/resources", "cases/seccomp_profile"],
  },
  {
    name: "selinux",
    title: "trixie with its stock kernel, emulated; cgroup v2, SELinux enforcing with Debian's policy",
    ...emulated("trixie", "trixie"),
    words: [...SELINUX, ...V2],
    // The cases' files are a container's, and the cases run where an engine would.
    // On the mount that the machine has already no file can be made while SELinux is in force, not even by a permissive domain, and no
    // denial is told: most likely filesystem { associate }, which asks the type of the file. With a context it is a container's file.
    before: [
      "mount -t 9p -o trans=virtio,version=9p2000.L,context=system_u:object_r:container_file_t:s0 again /run/work || exit",
      "chcon -t container_file_t /dev/shm && setenforce 1 || exit",
      "[ $(getenforce) = Enforcing ] || exit",
    ].join("\n"),
    wrap: "runcon system_u:system_r:container_engine_t:s0-s0:c0.c1023",
    files: ["cases/attributes"],
    proves: ["cases/attributes"],
  },
  {
    name: "stock-6.12",
    title: "trixie's stock kernel, emulated; cgroup v2, AppArmor",
    ...emulated("trixie"),
    words: [...APPARMOR, ...V2, "hugepages=8"],
    before: DEVICES,
    files: [...SLOW, "security/advisories"],
  },
  {
    name: "stock-7.2",
    title: "forky's stock kernel, emulated; cgroup v2, AppArmor",
    ...emulated("forky"),
    words: [...APPARMOR, ...V2, "hugepages=8"],
    before: DEVICES,
    files: SLOW,
  },
  {
    name: "arm64",
    title: "bookworm's kernel for arm64, emulated; busybox alone",
    script: "scripts/test_arm64.mjs",
    what: "its own cases",
    files: [],
  },
];
