// SPDX-License-Identifier: Apache-2.0
/** Scripts that podman gets from root and from a user with a systemd alike; docker.test.ts tells of the functions. */
import type { Script } from "./scripted.ts";

export const EATER = `x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done`;
/** A child that takes too much; another process goes on in the container's cgroup, if that has no pid namespace of its own. */
export const CHILD_EATER = `sleep 1000 >/dev/null 2>&1 & (${EATER}); exit 3`;

export const PODMAN_CLEAN = "podman pod rm -af -t 0 >/dev/null; podman rm -af -t 0 >/dev/null";

/** Makes a root in $sysroot with a systemd that has one unit; /usr is the engine's own root's, so $sysflags mount it. */
export const SYSTEMD_ROOT = `
sysroot=$TMPDIR/sysroot; sysflags="-v /usr:/usr:ro"
mkdir -p $sysroot/etc/systemd/system $sysroot/usr $sysroot/var $sysroot/run $sysroot/tmp $sysroot/proc $sysroot/sys $sysroot/dev $sysroot/root
for l in bin sbin lib lib64; do ln -sfn usr/$l $sysroot/$l; done
echo root:x:0:0::/root:/bin/sh >$sysroot/etc/passwd; echo root:x:0: >$sysroot/etc/group; : >$sysroot/etc/machine-id
printf '[Unit]\\nRequires=hello.service\\nAfter=hello.service\\n' >$sysroot/etc/systemd/system/hello.target
printf '[Unit]\\nDefaultDependencies=no\\n[Service]\\nType=simple\\nExecStart=/bin/sh -c "echo hello >/run/hello; sleep 1000"\\n' >$sysroot/etc/systemd/system/hello.service
for u in systemd-logind systemd-journald getty.target; do ln -sf /dev/null $sysroot/etc/systemd/system/\${u%.target}.service; done
`;

export const LIFE: Readonly<Record<string, Script>> = {
  "run --rm: output, exit code, nothing left": {
    sh: "once box sh -c 'echo out; exit 7'; echo $?; podman ps -aq",
    out: "out\n7\n",
  },
  "exit codes 126 and 127": {
    sh: "once box no-such-program 2>/dev/null; echo $?; once box /etc 2>/dev/null; echo $?",
    out: "127\n126\n",
  },
  "the scope is gone when the program has ended": {
    sh: 'up a box true; podman wait a; till sh -c "! systemctl $U is-active -q $(unit a)"; prop a LoadState; [ -e $(dir a) ] || echo gone',
    out: "0\nnot-found\ngone\n",
  },
  "the scope is gone after rm -f": {
    sh: "up a box sh -c 'sleep 1000 & sleep 1001 & wait'; u=$(unit a); d=$(dir a); podman rm -f -t 0 a; systemctl $U show -P LoadState $u; [ -e $d ] || echo gone; systemctl $U list-units --failed --no-legend 'libpod-*'",
    out: "a\nnot-found\ngone\n",
  },
  "-m: memory.max, and MemoryMax": {
    sh: "up a -m 64m box sleep 1000; cg a memory.max; prop a MemoryMax",
    out: "67108864\n67108864\n",
  },
  "--cpus: cpu.max, and what systemd has": {
    sh: "up a --cpus 0.5 box sleep 1000; cg a cpu.max; prop a CPUQuotaPerSecUSec",
    out: "50000 100000\n500ms\n",
  },
  "--cpu-shares: cpu.weight is CPUWeight": {
    sh: "up a --cpu-shares 2048 box sleep 1000; [ $(cg a cpu.weight) = $(prop a CPUWeight) ] && [ $(cg a cpu.weight) -gt 50 ] && echo same",
    out: "same\n",
  },
  "--pids-limit: pids.max, and the fork after it fails": {
    sh: "up a --pids-limit 3 box sleep 1000; cg a pids.max; podman exec a sh -c 'sleep 9 & sleep 9 & sleep 9 & wait' 2>&1 | grep -ci fork",
    out: /^3\n[1-9]/,
  },
  "update of a running container": {
    sh: "up a -m 64m box sleep 1000; podman update -m 48m --cpus 0.25 a >/dev/null; cg a memory.max cpu.max; prop a MemoryMax CPUQuotaPerSecUSec",
    out: "50331648\n25000 100000\n50331648\n250ms\n",
  },
  "update --pids-limit leaves the memory's limit": {
    needs: { sh: "podman update --help | grep -q pids-limit", else: "this podman has no update --pids-limit" },
    sh: "up a -m 64m box sleep 1000; podman update --pids-limit 9 a >/dev/null; cg a memory.max pids.max; prop a TasksMax; systemctl $U daemon-reload; cg a memory.max pids.max",
    out: "67108864\n9\n9\n67108864\n9\n",
  },
  "limits that were updated outlive daemon-reload": {
    sh: "up a -m 64m box sleep 1000; podman update -m 48m --cpus 0.25 a >/dev/null; systemctl $U daemon-reload; cg a memory.max cpu.max",
    out: "50331648\n25000 100000\n",
  },
  "pause: frozen in the cgroup, unpause": {
    sh: "up a box sleep 1000; podman pause a >/dev/null; grep frozen $(dir a)/cgroup.events; podman exec a true 2>/dev/null || echo refused; podman unpause a >/dev/null; grep frozen $(dir a)/cgroup.events; podman exec a echo back",
    out: "frozen 1\nrefused\nfrozen 0\nback\n",
  },
  "rm -f of a paused container": { sh: "up a box sleep 1000; podman pause a >/dev/null; podman rm -f -t 0 a", out: "a\n" },
  "too much memory: 137": {
    sh: `once -m 16m --memory-swap 16m box sh -c '${EATER}'; echo $?`,
    out: "137\n",
  },
  // conmon looks at memory.events for the last time when the first process has ended, and systemd has often removed the scope before.
  // While that runs, conmon stops looking at the first event that is no kill.
  "too much memory in a child, while a process is left: OOMKilled": {
    sh: `podman run --name a --network none --pid host -m 16m --memory-swap 16m box sh -c '${CHILD_EATER}'; echo $?; podman inspect -f '{{.State.OOMKilled}}' a`,
    out: "3\ntrue\n",
    err: ["Killed"],
  },
  "too much memory in an exec: the container lives": {
    sh: `up a -m 24m --memory-swap 24m box sleep 1000; podman exec a sh -c '${EATER}'; echo $?; podman exec a echo lives; grep -c 'oom_kill [1-9]' $(dir a)/memory.events`,
    out: "137\nlives\n1\n",
  },
  "exec: output, exit code, user, stdin": {
    sh: "up a box sleep 1000; podman exec a sh -c 'echo out; exit 3'; echo $?; podman exec -u 7 a id -u; echo typed | podman exec -i a cat; podman exec a cat /proc/self/cgroup",
    out: /^out\n3\n7\ntyped\n0::\/(container)?\n$/,
  },
  "exec -d is counted in the container's cgroup": {
    sh: 'up a box sleep 1000; podman exec -d a sleep 77 >/dev/null; till sh -c "[ \\$(cat $(dir a)/pids.current) = 2 ]"; cg a pids.current',
    out: "2\n",
  },
  "exec -t and run -t: a terminal": {
    sh: "up a box sleep 1000; podman exec -t a tty | tr -d '\\r'; script -qec 'podman run --rm -t --network none box tty' /dev/null",
    out: /\/dev\/pts\/\d\n\/dev\/(pts\/0|console)/,
  },
  "stats: the limit, and the number of processes": {
    sh: "up a -m 64m box sleep 1000; podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' a",
    out: /\/ 67.11MB 1\n/,
  },
  top: { sh: "up a box sleep 1234; podman top a args | grep -c 'sleep 1234'", out: "1\n" },
  "--cgroupns host and private": {
    sh: "once --cgroupns host box cat /proc/self/cgroup; once --cgroupns private box cat /proc/self/cgroup",
    out: /^0::\/.*libpod-[0-9a-f]{64}\.scope(\/container)?\n0::\/(container)?\n$/,
  },
  "a container sees its own limit, and may not write": {
    sh: "once -m 64m box sh -c 'cat /sys/fs/cgroup/memory.max; echo 1 >/sys/fs/cgroup/memory.max' 2>&1",
    out: /67108864\n.*(Read-only file system|nonexistent)/,
    status: 1,
  },
  "systemctl kill of the scope": { sh: "up a box sleep 1000; systemctl $U kill -s KILL $(unit a); podman wait a", out: "137\n" },
  "systemctl stop of the scope ends the container": {
    sh: "up a box sh -c 'trap \"exit 5\" TERM; echo set; while :; do sleep 0.1; done'; till sh -c 'podman logs a | grep -q set'; systemctl $U stop $(unit a); podman wait a",
    out: "5\n",
  },
  "stop: TERM first, KILL then": {
    sh: "up a box sh -c 'trap : TERM; echo set; while :; do sleep 0.1; done'; till sh -c 'podman logs a | grep -q set'; podman stop -t 1 a >/dev/null 2>&1; podman inspect -f '{{.State.ExitCode}}' a",
    out: "137\n",
  },
  "restart: a scope once more": {
    sh: "up a -m 64m box sleep 1000; podman restart -t 0 a >/dev/null; prop a ActiveState; cg a memory.max",
    out: "active\n67108864\n",
  },
  "a health check": {
    sh: "up a --health-cmd 'test -e /ok' --health-interval disable --health-retries 1 box sh -c 'touch /ok; sleep 1000'; till podman exec a test -e /ok; podman healthcheck run a; echo $?; podman exec a rm /ok; podman healthcheck run a >/dev/null 2>&1; echo $?; podman inspect -f '{{.State.Health.Status}}' a 2>/dev/null || podman inspect -f '{{.State.Healthcheck.Status}}' a",
    out: "0\n1\nunhealthy\n",
  },
  "a pod: containers share net, ipc and uts": {
    sh: "podman pod create --name p --network none >/dev/null; for c in a b; do podman run -d --pod p --name $c box sleep 1000 >/dev/null; done; for n in net ipc uts pid; do [ $(podman exec a readlink /proc/self/ns/$n) = $(podman exec b readlink /proc/self/ns/$n) ] && echo $n; done; true",
    out: "net\nipc\nuts\n",
  },
  "read-only with a tmpfs, no capability, no new privileges": {
    sh: "once --read-only --tmpfs /t --cap-drop all --security-opt no-new-privileges box sh -c 'touch /t/x && touch /x 2>/dev/null || echo refused; grep -E \"^(CapEff|NoNewPrivs|Seccomp):\" /proc/self/status'",
    out: "refused\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n",
  },
};
