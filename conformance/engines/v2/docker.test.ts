// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Docker, DOCKER_PACKAGES } from "../docker.ts";
import { scripted } from "./scripted.ts";

const WORDS = [
  "--exec-opt",
  "native.cgroupdriver=systemd",
  "--iptables=false",
  "--ip6tables=false",
  "--bridge=none",
  "--live-restore",
];

/**
 * `up NAME ARGS` leaves a container running; `cg NAME FILES` prints files of its cgroup; `unit NAME` is its scope; `prop NAME
 * PROPERTIES` prints what systemd says of that.
 */
const FUNCTIONS = `
up() { n=$1; shift; docker run -d --name "$n" "$@" >/dev/null; }
cid() { docker inspect -f '{{.Id}}' "$1"; }
unit() { echo docker-$(cid "$1").scope; }
dir() { echo /sys/fs/cgroup/system.slice/$(unit "$1"); }
cg() { d=$(dir "$1"); shift; for f; do cat $d/$f; done; }
prop() { u=$(unit "$1"); shift; for p; do systemctl show -P $p $u; done; }
till() { for i in $(seq 100); do "$@" && return; sleep 0.1; done; echo "never: $*"; }`;

const EATER = `x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done`;

scripted(
  {
    name: "docker on v2 with systemd",
    packages: DOCKER_PACKAGES,
    make: (pg) => {
      // docker warns at every run where it is off.
      pg.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
      const docker = new Docker(pg, WORDS);
      // A dockerd that was killed is a zombie while its parent waits for this script, and counts as running.
      const script = `#!/bin/sh\nrm -f /run/docker.pid\n${docker.words.join(" ")} >>${pg.dir}/dockerd.log 2>&1 &\nuntil docker version >/dev/null 2>&1; do sleep 0.2; done\n`;
      writeFileSync(join(pg.dir, "bin/start-dockerd"), script, { mode: 0o755 });
      return docker;
    },
    functions: FUNCTIONS,
    clean: "docker ps -aq | xargs -r docker rm -f -v >/dev/null",
    scopes: "'docker-*.scope'",
  },
  {
    "info: the driver, and the version of cgroups": {
      sh: "docker info -f '{{.CgroupDriver}} {{.CgroupVersion}}'",
      out: "systemd 2\n",
    },
    "a container is a scope in system.slice, delegated": {
      sh: "up ab box sleep 1000; prop ab ActiveState Slice Delegate; grep -c . $(dir ab)/cgroup.procs",
      out: "active\nsystem.slice\nyes\n1\n",
    },
    "the scope is gone when the program has ended": {
      sh: 'up ab box true; docker wait ab; till sh -c "! systemctl is-active -q $(unit ab)"; prop ab LoadState ActiveState; ls -d $(dir ab)',
      out: "0\nnot-found\ninactive\n",
      status: 2,
    },
    "the scope is gone after rm -f, and nothing has failed": {
      sh: "up ab box sh -c 'sleep 1000 & sleep 1001 & wait'; u=$(unit ab); docker rm -f ab; systemctl show -P LoadState $u; systemctl list-units --failed --no-legend 'docker-*'",
      out: "ab\nnot-found\n",
    },
    "-m: memory.max, and MemoryMax": {
      sh: "up ab -m 64m box sleep 1000; cg ab memory.max; prop ab MemoryMax",
      out: "67108864\n67108864\n",
    },
    "-m: as much swap again": {
      sh: "up ab -m 64m box sleep 1000; cg ab memory.swap.max; prop ab MemorySwapMax",
      out: "67108864\n67108864\n",
    },
    "--memory-swap as -m: no swap": { sh: "up ab -m 64m --memory-swap 64m box sleep 1000; cg ab memory.swap.max", out: "0\n" },
    "--memory-swap -1: all of it": { sh: "up ab -m 64m --memory-swap -1 box sleep 1000; cg ab memory.swap.max", out: "max\n" },
    "--memory-reservation: memory.low": {
      sh: "up ab -m 64m --memory-reservation 32m box sleep 1000; cg ab memory.low; prop ab MemoryLow",
      out: "33554432\n33554432\n",
    },
    "--cpus: cpu.max, and what systemd has": {
      sh: "up ab --cpus 0.5 box sleep 1000; cg ab cpu.max; prop ab CPUQuotaPerSecUSec",
      out: "50000 100000\n500ms\n",
    },
    "--cpu-period and --cpu-quota": {
      sh: "up ab --cpu-period 50000 --cpu-quota 20000 box sleep 1000; cg ab cpu.max",
      out: "20000 50000\n",
    },
    "--cpu-shares: cpu.weight is CPUWeight": {
      sh: "up ab --cpu-shares 2048 box sleep 1000; [ $(cg ab cpu.weight) = $(prop ab CPUWeight) ] && [ $(cg ab cpu.weight) -gt 50 ] && echo same",
      out: "same\n",
    },
    "--pids-limit: pids.max, and the fork after it fails": {
      sh: "up ab --pids-limit 3 box sleep 1000; cg ab pids.max; docker exec ab sh -c 'sleep 9 & sleep 9 & sleep 9 & wait' 2>&1 | grep -ci fork",
      out: /^3\n[1-9]/,
    },
    "--device-read-bps: io.max": {
      sh: "up ab --device-read-bps /dev/ubda:1mb box sleep 1000; cg ab io.max",
      out: /^98:0 rbps=1048576 /,
    },
    "update -m of a running container": {
      sh: "up ab -m 64m box sleep 1000; docker update -m 96m --memory-swap 128m ab; cg ab memory.max memory.swap.max; prop ab MemoryMax",
      out: "ab\n100663296\n33554432\n100663296\n",
    },
    "update --cpus and --pids-limit leave the memory's limit": {
      sh: "up ab -m 64m box sleep 1000; docker update --cpus 0.25 --pids-limit 9 ab; cg ab memory.max cpu.max pids.max; prop ab TasksMax",
      out: "ab\n67108864\n25000 100000\n9\n9\n",
    },
    "update --cpu-shares": {
      sh: "up ab box sleep 1000; b=$(cg ab cpu.weight); docker update --cpu-shares 4096 ab; [ $b -lt $(cg ab cpu.weight) ] && echo more",
      out: "ab\nmore\n",
    },
    "limits that were updated outlive daemon-reload": {
      sh: "up ab -m 64m box sleep 1000; docker update -m 96m --memory-swap 96m --pids-limit 7 ab; systemctl daemon-reload; cg ab memory.max pids.max",
      out: "ab\n100663296\n7\n",
    },
    "pause: frozen in the cgroup, exec is refused, unpause": {
      sh: "up ab box sleep 1000; docker pause ab; grep frozen $(dir ab)/cgroup.events; docker exec ab true 2>/dev/null || echo refused; docker unpause ab; grep frozen $(dir ab)/cgroup.events; docker exec ab echo back",
      out: "ab\nfrozen 1\nrefused\nab\nfrozen 0\nback\n",
    },
    "rm -f of a paused container": { sh: "up ab box sleep 1000; docker pause ab; docker rm -f ab", out: "ab\nab\n" },
    "update of a paused container": {
      sh: "up ab -m 64m box sleep 1000; docker pause ab; docker update --pids-limit 5 ab; cg ab pids.max; grep frozen $(dir ab)/cgroup.events; docker unpause ab",
      out: "ab\nab\n5\nfrozen 1\nab\n",
    },
    "too much memory: 137": {
      sh: `docker run --rm -m 16m --memory-swap 16m box sh -c '${EATER}'; echo $?`,
      out: "137\n",
    },
    // Of the last process of a container the shim learns only if it reads memory.events before systemd removes the scope.
    "too much memory in a child: OOMKilled, and an event": {
      sh: `docker run --name ab -m 16m --memory-swap 16m box sh -c 'sleep 1; (${EATER}); sleep 1; exit 3'; echo $?; docker inspect -f '{{.State.OOMKilled}}' ab; docker events --since 5m --until $(($(date +%s) + 1)) --filter container=ab --filter event=oom --format '{{.Action}}' | head -n 1`,
      out: "3\ntrue\noom\n",
      err: ["Killed"],
    },
    "too much memory in an exec: the container lives, and its cgroup has counted": {
      sh: `up ab -m 24m --memory-swap 24m box sleep 1000; docker exec ab sh -c '${EATER}'; echo $?; docker exec ab echo lives; grep -c 'oom_kill [1-9]' $(dir ab)/memory.events`,
      out: "137\nlives\n1\n",
    },
    "exec: output, exit code, user, and the container's cgroup": {
      sh: "up ab box sleep 1000; docker exec ab sh -c 'echo out; exit 3'; echo $?; docker exec -u 7 ab id -u; docker exec ab cat /proc/self/cgroup; docker exec -d ab sleep 77; till sh -c \"[ \\$(cat $(dir ab)/pids.current) = 2 ]\"; cg ab pids.current",
      out: "out\n3\n7\n0::/\n2\n",
    },
    "exec of a program that is not there": {
      sh: "up ab box sleep 1000; docker exec ab no-such-program 2>/dev/null; echo $?",
      out: /127\n$/,
    },
    "--cgroupns host: the path as the host sees it": {
      sh: "docker run --rm --cgroupns host box cat /proc/self/cgroup",
      out: /^0::\/system\.slice\/docker-[0-9a-f]{64}\.scope\n$/,
    },
    "a container sees its own limit, and may not write": {
      sh: "docker run --rm -m 64m box sh -c 'exec 2>&1; cat /sys/fs/cgroup/memory.max; echo 1 >/sys/fs/cgroup/memory.max'",
      out: /^67108864\n.*Read-only file system/,
      status: 1,
    },
    "--privileged: a cgroup below the container's, and nothing is left": {
      sh: "up ab --privileged box sh -c 'mkdir /sys/fs/cgroup/sub && echo $$ >/sys/fs/cgroup/sub/cgroup.procs && echo in; sleep 1000'; till sh -c 'docker logs ab | grep -q in'; cat $(dir ab)/sub/cgroup.procs | grep -c .; d=$(dir ab); docker rm -f ab; [ -e $d ] || echo gone",
      out: "1\nab\ngone\n",
    },
    "run -t: a terminal": { sh: `script -qec 'docker run --rm -t box tty' /dev/null`, out: /\/dev\/(pts\/0|console)/ },
    "exec -t: a terminal": { sh: `up ab box sleep 1000; docker exec -t ab tty`, out: /\/dev\/pts\/\d/ },
    "stats: the limit, and the number of processes": {
      sh: "up ab -m 64m box sleep 1000; docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' ab",
      out: /\/ 64MiB 1\n/,
    },
    top: { sh: "up ab box sleep 1234; docker top ab | grep -c 'sleep 1234'", out: "1\n" },
    "--device, over daemon-reload": {
      sh: "up ab --device /dev/fuse box sleep 1000; o() { docker exec ab sh -c 'exec 3<>/dev/fuse && echo open'; }; o; systemctl daemon-reload; o",
      out: "open\nopen\n",
    },
    "a device that was not given, before and after daemon-reload": {
      sh: "up ab box sleep 1000; docker exec ab mknod /fuse c 10 229; o() { docker exec ab sh -c 'exec 3<>/fuse' 2>&1 | grep -o 'Operation not permitted'; }; o; systemctl daemon-reload; o",
      out: "Operation not permitted\nOperation not permitted\n",
    },
    "--device with r alone, over daemon-reload": {
      sh: "up ab --device /dev/fuse:/dev/fuse:r box sleep 1000; o() { docker exec ab sh -c \"exec 3$1/dev/fuse && echo open\" 2>&1 | grep -oE 'open$|not permitted'; }; o '<'; o '>'; systemctl daemon-reload; o '<'; o '>'",
      out: "open\nnot permitted\nopen\nnot permitted\n",
    },
    "--device-cgroup-rule": {
      sh: "up ab --device-cgroup-rule 'c 10:* rwm' box sh -c 'mknod /fuse c 10 229; exec 3<>/fuse; echo open; sleep 1000'; till sh -c 'docker logs ab 2>&1 | grep .'",
      out: "open\n",
    },
    "--device-cgroup-rule with wildcards, over daemon-reload": {
      sh: "up ab --device-cgroup-rule 'c *:* rwm' box sleep 1000; docker exec ab mknod /fuse c 10 229; systemctl daemon-reload; docker exec ab sh -c 'exec 3<>/fuse && echo open'",
      out: "open\n",
    },
    "update leaves the devices alone": {
      sh: "up ab --device /dev/fuse box sleep 1000; docker update --pids-limit 50 ab; docker exec ab mknod /loop c 10 237; docker exec ab sh -c 'exec 3<>/dev/fuse && echo open'; docker exec ab sh -c 'exec 3<>/loop' 2>&1 | grep -o 'not permitted'",
      out: "ab\nopen\nnot permitted\n",
    },
    "systemctl set-property changes the limits, the devices stay": {
      sh: "up ab --device /dev/fuse box sleep 1000; systemctl set-property --runtime $(unit ab) MemoryMax=80M TasksMax=40; cg ab memory.max pids.max; docker exec ab mknod /loop c 10 237; docker exec ab sh -c 'exec 3<>/dev/fuse && echo open'; docker exec ab sh -c 'exec 3<>/loop' 2>&1 | grep -o 'not permitted'",
      out: "83886080\n40\nopen\nnot permitted\n",
    },
    "docker update after set-property": {
      sh: "up ab -m 64m box sleep 1000; systemctl set-property --runtime $(unit ab) MemoryMax=80M; docker update -m 48m --memory-swap 48m ab; cg ab memory.max; prop ab MemoryMax",
      out: "ab\n50331648\n50331648\n",
    },
    "systemctl stop of the scope ends the container": {
      sh: "up ab box sh -c 'trap \"exit 5\" TERM; echo set; while :; do sleep 0.1; done'; till sh -c 'docker logs ab | grep -q set'; systemctl stop $(unit ab); docker wait ab",
      out: "5\n",
    },
    "systemctl kill of the scope": {
      sh: "up ab box sleep 1000; systemctl kill -s KILL $(unit ab); docker wait ab",
      out: "137\n",
    },
    "--cgroup-parent: a slice": {
      sh: "up ab --cgroup-parent runt-test.slice box sleep 1000; sed s/docker-.*/docker/ /proc/$(docker inspect -f '{{.State.Pid}}' ab)/cgroup; prop ab Slice; docker rm -f ab; systemctl stop runt-test.slice runt.slice",
      out: "0::/runt.slice/runt-test.slice/docker\nrunt-test.slice\nab\n",
    },
    "--cgroup-parent: the limit of the slice holds": {
      sh:
        "systemctl set-property --runtime runtlow.slice MemoryMax=20M MemorySwapMax=0; docker run --name ab --cgroup-parent runtlow.slice box sh -c '" +
        EATER +
        "'; echo $?; cat /sys/fs/cgroup/runtlow.slice/memory.max; docker rm -f ab; systemctl stop runtlow.slice; systemctl -q revert runtlow.slice",
      out: "137\n20971520\nab\n",
    },
    "stop: TERM first, KILL then": {
      sh: "up ab box sh -c 'trap : TERM; echo set; while :; do sleep 0.1; done'; till sh -c 'docker logs ab | grep -q set'; docker stop -t 1 ab; docker inspect -f '{{.State.ExitCode}}' ab",
      out: "ab\n137\n",
    },
    "restart: a scope once more": {
      sh: "up ab -m 64m box sleep 1000; docker restart -t 0 ab; prop ab ActiveState; cg ab memory.max",
      out: "ab\nactive\n67108864\n",
    },
    "kill with a signal": {
      sh: "up ab box sh -c 'trap \"exit 9\" USR1; echo set; while :; do sleep 0.1; done'; till sh -c 'docker logs ab | grep -q set'; docker kill -s USR1 ab; docker wait ab",
      out: "ab\n9\n",
    },
    "a health check": {
      sh: "up ab --health-cmd 'test -e /ok' --health-interval 1s --health-retries 1 box sh -c 'touch /ok; sleep 1000'; h() { [ $(docker inspect -f '{{.State.Health.Status}}' ab) = $1 ]; }; till h healthy; docker exec ab rm /ok; till h unhealthy; docker inspect -f '{{.State.Health.Status}}' ab",
      out: "unhealthy\n",
    },
    "--init": { sh: "docker run --rm --init box sh -c 'cat /proc/1/comm'", out: /init|tini/ },
    "--pid host: all processes end with the first": {
      sh: "docker run --rm --pid host box sh -c 'sleep 4242 & sleep 0.2'; sleep 0.5; pgrep -fx 'sleep 4242' | wc -l",
      out: "0\n",
    },
    "eight at a time": {
      sh: "for i in 1 2 3 4 5 6 7 8; do up c$i -m 32m box sleep 1000 & done; wait; docker ps -q | grep -c .; systemctl list-units --plain --no-legend 'docker-*.scope' | grep -c .",
      out: "8\n8\n",
    },
    "a RUN of a build is a scope with limits": {
      sh: "mkdir -p $TMPDIR/b; printf 'FROM box\\nRUN cat /sys/fs/cgroup/memory.max >/max\\n' >$TMPDIR/b/Dockerfile; docker build -q -m 64m --memory-swap 64m -t built $TMPDIR/b >/dev/null 2>&1; docker run --rm built cat /max",
      out: "67108864\n",
    },
    "what is not privileged: seccomp, capabilities, no new privileges": {
      sh: "docker run --rm --security-opt no-new-privileges --cap-drop ALL box grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status",
      out: "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n",
    },
    "--ulimit and --oom-score-adj": {
      sh: "docker run --rm --ulimit nofile=77:88 --oom-score-adj 77 box sh -c 'ulimit -n; cat /proc/self/oom_score_adj'",
      out: "77\n77\n",
    },
    "an update that cannot be leaves the limit as it was": {
      sh: "up ab -m 64m --memory-swap 64m box sleep 1000; docker update -m 96m ab >/dev/null 2>&1; echo $?; cg ab memory.max",
      out: "1\n67108864\n",
    },
    "live-restore: dockerd is killed and started, the container is the same": {
      sh: "up ab -m 64m box sleep 1000; p=$(docker inspect -f '{{.State.Pid}}' ab); kill -9 $(cat /run/docker.pid); till sh -c '! docker version >/dev/null 2>&1'; start-dockerd; [ $p = $(docker inspect -f '{{.State.Pid}}' ab) ] && echo same; docker exec ab cat /sys/fs/cgroup/memory.max; docker update --pids-limit 9 ab; cg ab pids.max; docker stop -t 0 ab",
      out: "same\n67108864\nab\n9\nab\n",
    },
  },
);
