// SPDX-License-Identifier: Apache-2.0
import { LINGERING, Rootless, ROOTLESS_PACKAGES } from "../rootless.ts";
import { LIFE, PODMAN_CLEAN, SYSTEMD_ROOT } from "./podman_scripts.ts";
import { scripted } from "./scripted.ts";

const FUNCTIONS = `
cd "$TMPDIR"
U=--user
up() { n=$1; shift; podman run -d --name "$n" --network none "$@" >/dev/null; }
once() { podman run --rm --network none "$@"; }
pid() { podman inspect -f '{{.State.Pid}}' "$1"; }
unit() { echo libpod-$(podman inspect -f '{{.Id}}' "$1").scope; }
dir() { echo /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/$(unit "$1"); }
cg() { d=$(dir "$1"); shift; for f; do cat $d/$f; done; }
prop() { u=$(unit "$1"); shift; for p; do systemctl --user show -P $p $u; done; }
till() { for i in $(seq 100); do "$@" && return; sleep 0.1; done; echo "never: $*"; }`;

scripted(
  {
    name: "rootless podman on v2 with systemd",
    packages: ROOTLESS_PACKAGES,
    make: (pg) => new Rootless(pg, LINGERING),
    functions: FUNCTIONS,
    clean: PODMAN_CLEAN,
    scopes: "--user 'libpod-*.scope'",
  },
  {
    "info: the manager, and the user": {
      sh: "podman info -f '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}} {{.Host.Security.Rootless}}'",
      out: "systemd v2 true\n",
    },
    ...LIFE,
    "a container is a scope of the user's systemd": {
      sh: "up a box sleep 1000; prop a ActiveState Slice; sed 's/[0-9a-f]\\{64\\}/ID/; s/.container$//' /proc/$(pid a)/cgroup",
      out: "active\nuser.slice\n0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope\n",
    },
    "the ids inside and outside": {
      sh: "up a --user 5 box sleep 1000; stat -c %u /proc/$(pid a); once box cat /proc/self/uid_map | tr -s ' '",
      out: "100004\n 0 1000 1\n 1 100000 65536\n",
    },
    "--userns keep-id": {
      sh: "once --userns keep-id box id -u; once --userns keep-id -m 64m box cat /sys/fs/cgroup/memory.max",
      out: "1000\n67108864\n",
    },
    "--userns keep-id with exec, and an update": {
      sh: "up a --userns keep-id -m 64m box sleep 1000; podman exec a id -u; podman update -m 48m a >/dev/null; cg a memory.max",
      out: "1000\n50331648\n",
    },
    "--uidmap": {
      sh: "once --uidmap 0:1:100 --uidmap 100:0:1 box sh -c 'id -u; cat /proc/self/uid_map' | tr -s ' '",
      out: /^0\n 0 1 100\n 100 0 1\n$/,
    },
    "a volume of the user": {
      sh: "mkdir -p $HOME/v; once -v $HOME/v:/v box touch /v/file; stat -c %u $HOME/v/file",
      out: "1000\n",
    },
    "a systemd boots inside": {
      sh: `${SYSTEMD_ROOT}
up s --systemd always $sysflags --rootfs $sysroot /usr/lib/systemd/systemd --unit=hello.target
till sh -c 'podman exec s systemctl is-active -q hello.service 2>/dev/null' ; podman exec s systemctl is-active hello.service; podman exec s ls -d /sys/fs/cgroup/system.slice/hello.service; podman rm -f -t 0 s`,
      out: "active\n/sys/fs/cgroup/system.slice/hello.service\ns\n",
    },
    "podman build": {
      sh: "mkdir -p b; printf 'FROM localhost/box\\nRUN id -u >/built && chown 5 /built\\n' >b/Containerfile; podman build -q --network none -t built b >/dev/null; once built sh -c 'cat /built; stat -c %u /built'",
      out: "0\n5\n",
    },
  },
);
