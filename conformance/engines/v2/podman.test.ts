// SPDX-License-Identifier: Apache-2.0
import { RUNTIME } from "../../harness/runtime.ts";
import { Podman, PODMAN_PACKAGES } from "../podman.ts";
import { CHILD_EATER, LIFE, PODMAN_CLEAN, SYSTEMD_ROOT } from "./podman_scripts.ts";
import { scripted } from "./scripted.ts";

const FUNCTIONS = `
cd "$TMPDIR"
export BUILDAH_RUNTIME="${RUNTIME}" BUILDAH_ISOLATION=oci
up() { n=$1; shift; podman run -d --name "$n" --network none "$@" >/dev/null; }
once() { podman run --rm --network none "$@"; }
pid() { podman inspect -f '{{.State.Pid}}' "$1"; }
unit() { echo libpod-$(podman inspect -f '{{.Id}}' "$1").scope; }
dir() { echo /sys/fs/cgroup/machine.slice/$(unit "$1"); }
cg() { d=$(dir "$1"); shift; for f; do cat $d/$f; done; }
prop() { u=$(unit "$1"); shift; for p; do systemctl show -P $p $u; done; }
till() { for i in $(seq 100); do "$@" && return; sleep 0.1; done; echo "never: $*"; }`;

scripted(
  {
    name: "podman on v2 with systemd",
    packages: PODMAN_PACKAGES,
    make: (pg) => {
      // Where --userns auto takes its ids from.
      pg.run(["sh", "-c", "echo containers:1000000:1000000 | tee -a /etc/subuid >>/etc/subgid; useradd -r containers"]);
      return new Podman(pg, "systemd");
    },
    functions: FUNCTIONS,
    clean: PODMAN_CLEAN,
    scopes: "'libpod-*.scope'",
  },
  {
    "info: the manager, and the version of cgroups": {
      sh: "podman info -f '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}}'",
      out: "systemd v2\n",
    },
    ...LIFE,
    "a container is a scope in machine.slice": {
      sh: "up a box sleep 1000; prop a ActiveState Slice; sed 's/[0-9a-f]\\{64\\}/ID/; s/.container$//' /proc/$(pid a)/cgroup",
      out: "active\nmachine.slice\n0::/machine.slice/libpod-ID.scope\n",
    },
    "--memory-reservation and --memory-swap": {
      sh: "up a -m 64m --memory-swap 80m --memory-reservation 32m box sleep 1000; cg a memory.low memory.swap.max; prop a MemoryLow MemorySwapMax",
      out: "33554432\n16777216\n33554432\n16777216\n",
    },
    "--device-read-bps: io.max": {
      sh: "up a --device-read-bps /dev/ubda:1mb box sleep 1000; cg a io.max",
      out: /^98:0 rbps=1048576 /,
    },
    "--cgroup-conf: a file of the kernel": {
      sh: "up a --cgroup-conf memory.high=50331648 box sleep 1000; cg a memory.high",
      out: "50331648\n",
    },
    "--device, over daemon-reload": {
      sh: "up a --device /dev/fuse box sleep 1000; o() { podman exec a sh -c 'exec 3<>/dev/fuse && echo open'; }; o; systemctl daemon-reload; o",
      out: "open\nopen\n",
    },
    "a device that was not given, before and after daemon-reload": {
      sh: "up a --cap-add mknod box sleep 1000; podman exec a mknod /fuse c 10 229; o() { podman exec a sh -c 'exec 3<>/fuse' 2>&1 | grep -o 'Operation not permitted'; }; o; systemctl daemon-reload; o",
      out: "Operation not permitted\nOperation not permitted\n",
    },
    "systemctl set-property, and the devices stay": {
      sh: "up a --cap-add mknod --device /dev/fuse box sleep 1000; systemctl set-property --runtime $(unit a) MemoryMax=80M TasksMax=40; cg a memory.max pids.max; podman exec a mknod /loop c 10 237; podman exec a sh -c 'exec 3<>/dev/fuse && echo open'; podman exec a sh -c 'exec 3<>/loop' 2>&1 | grep -o 'not permitted'",
      out: "83886080\n40\nopen\nnot permitted\n",
    },
    "--cgroup-parent: a slice of one's own": {
      sh: "up a --cgroup-parent runtp.slice box sleep 1000; sed 's/libpod.*/libpod/' /proc/$(pid a)/cgroup; podman rm -f -t 0 a >/dev/null; systemctl stop runtp.slice",
      out: "0::/runtp.slice/libpod\n",
    },
    "--cgroups disabled: where podman is": {
      sh: 'mine=$(cat /proc/self/cgroup); up a --cgroups disabled box sleep 1000; [ "$(cat /proc/$(pid a)/cgroup)" = "$mine" ] && echo same',
      out: "same\n",
    },
    "--cgroups no-conmon": { sh: "up a --cgroups no-conmon -m 64m box sleep 1000; cg a memory.max", out: "67108864\n" },
    "--userns auto: ids of its own, and a limit": {
      sh: "up a --userns auto -m 64m box sleep 1000; podman exec a id -u; [ $(stat -c %u /proc/$(pid a)) -ge 100000 ] && echo mapped; cg a memory.max; podman exec a sh -c 'echo x >/x && stat -c %u /x'",
      out: "0\nmapped\n67108864\n0\n",
    },
    "--userns auto of two: ids that do not overlap": {
      sh: "up a --userns auto box sleep 1000; up b --userns auto box sleep 1000; [ $(stat -c %u /proc/$(pid a)) != $(stat -c %u /proc/$(pid b)) ] && echo differ",
      out: "differ\n",
    },
    "--uidmap: the ids outside, exec, devices, a terminal": {
      sh: "up a --uidmap 0:200000:5000 --device /dev/fuse box sleep 1000; stat -c %u /proc/$(pid a); podman exec a cat /proc/self/uid_map | tr -s ' '; podman exec a sh -c 'exec 3<>/dev/fuse && echo open'; podman exec -t a tty | tr -d '\\r'",
      out: /^200000\n 0 200000 5000\nopen\n\/dev\/pts\/\d\n/,
    },
    "--uidmap with limits, which an update changes": {
      sh: "up a --uidmap 0:200000:5000 -m 64m box sleep 1000; podman update -m 48m a >/dev/null; cg a memory.max",
      out: "50331648\n",
    },
    "--uidmap: an own cgroup namespace, in which nothing is writable": {
      sh: "once --uidmap 0:200000:5000 box sh -c 'cat /proc/self/cgroup; mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused'",
      out: "0::/\nrefused\n",
    },
    "a systemd boots inside": {
      sh: `${SYSTEMD_ROOT}
up s --systemd always -m 256m $sysflags --rootfs $sysroot /usr/lib/systemd/systemd --unit=hello.target
till sh -c 'podman exec s systemctl is-active -q hello.service 2>/dev/null' ; podman exec s systemctl is-active hello.service; podman exec s cat /run/hello; podman exec s ls -d /sys/fs/cgroup/system.slice/hello.service; cg s memory.max; podman stop -t 20 s; prop s LoadState`,
      out: "active\nhello\n/sys/fs/cgroup/system.slice/hello.service\n268435456\ns\nnot-found\n",
    },
    "a systemd boots inside, in a user namespace": {
      sh: `${SYSTEMD_ROOT}
up s --systemd always --uidmap 0:0:65536 $sysflags --rootfs $sysroot /usr/lib/systemd/systemd --unit=hello.target
till sh -c 'podman exec s systemctl is-active -q hello.service 2>/dev/null'; podman exec s systemctl is-active hello.service; podman rm -f -t 0 s`,
      out: "active\ns\n",
    },
    "a pod: its slice, and a scope in it": {
      sh: "podman pod create --name p --network none >/dev/null; podman run -d --pod p --name a -m 64m box sleep 1000 >/dev/null; sed -E 's/[0-9a-f]{64}/ID/g; s/.container$//' /proc/$(pid a)/cgroup; cat /sys/fs/cgroup$(sed 's/^0:://; s/.container$//' /proc/$(pid a)/cgroup)/memory.max; podman pod rm -f -t 0 p >/dev/null; systemctl list-units --no-legend --plain 'machine-libpod_pod_*'",
      out: "0::/machine.slice/machine-libpod_pod_ID.slice/libpod-ID.scope\n67108864\n",
    },
    "a pod's pause, unpause and stop": {
      sh: "podman pod create --name p --network none >/dev/null; podman run -d --pod p --name a box sleep 1000 >/dev/null; podman pod pause p >/dev/null; podman inspect -f '{{.State.Status}}' a; podman pod unpause p >/dev/null; podman pod stop -t 0 p >/dev/null; podman inspect -f '{{.State.Status}}' a",
      out: "paused\nexited\n",
    },
    "play kube: limits of a container in a pod": {
      sh: `cat >k.yaml <<END
apiVersion: v1
kind: Pod
metadata: { name: k }
spec:
  containers:
  - { name: one, image: localhost/box:latest, command: [ /bin/sleep, "1000" ], resources: { limits: { memory: 32Mi, cpu: 500m } } }
END
podman play kube --network none k.yaml >/dev/null; cat /sys/fs/cgroup$(sed 's/^0:://; s/.container$//' /proc/$(pid k-one)/cgroup)/memory.max; podman play kube --down k.yaml >/dev/null`,
      out: "33554432\n",
    },
    "buildah run: limits, and the scope is gone": {
      sh: "buildah from -q --name w -m 64m localhost/box >/dev/null; buildah run --runtime $BUILDAH_RUNTIME --network none w -- cat /sys/fs/cgroup/memory.max; buildah rm w >/dev/null",
      out: "67108864\n",
    },
    "buildah bud: a RUN with limits, a user and a volume": {
      sh: `mkdir -p b; printf 'FROM localhost/box\\nUSER 7\\nRUN id -u; cat /sys/fs/cgroup/pids.max /v/from\\n' >b/Containerfile; mkdir -p w; echo volume >w/from
buildah bud --runtime $BUILDAH_RUNTIME --network none -m 64m -v $TMPDIR/w:/v:ro -t built b >out 2>&1 || cat out >&2; grep -E '^(7|volume)$' out`,
      out: "7\nvolume\n",
    },
    "podman build: a RUN": {
      sh: "mkdir -p b; printf 'FROM localhost/box\\nRUN cat /sys/fs/cgroup/memory.max >/max\\n' >b/Containerfile; podman build -q --network none -m 64m -t built b >/dev/null; once built cat /max",
      out: "67108864\n",
    },
    "conmon is killed: the container is cleaned up": {
      sh: "up a box sleep 1000; kill -9 $(podman inspect -f '{{.State.ConmonPid}}' a); podman rm -f -t 0 a; ",
      out: "a\n",
    },
    "eight at a time": {
      sh: "for i in 1 2 3 4 5 6 7 8; do up c$i -m 32m box sleep 1000 & done; wait; podman ps -q | grep -c .; systemctl list-units --plain --no-legend 'libpod-*.scope' | grep -vc conmon",
      out: "8\n8\n",
    },
    "too much memory below a pod's limit: the one container": {
      sh: `podman pod create --name p --network none >/dev/null; podman run -d --pod p --name b box sleep 1000 >/dev/null; podman run --pod p --name a --pid host -m 16m --memory-swap 16m box sh -c '${CHILD_EATER}'; echo $?; podman inspect -f '{{.State.OOMKilled}}' a; podman inspect -f '{{.State.Status}}' b`,
      out: "3\ntrue\nrunning\n",
      err: ["Killed"],
    },
  },
);
