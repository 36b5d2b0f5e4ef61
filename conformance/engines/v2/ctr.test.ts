// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ctr, CTR_PACKAGES, RUNTIME_FLAGS } from "../ctr.ts";
import type { Playground } from "../playground.ts";
import { SHIM } from "../shim.ts";
import { EATER } from "./podman_scripts.ts";
import { scripted } from "./scripted.ts";

/** containerd, whose user writes scripts with `ctr`. */
class Client {
  readonly pg: Playground;
  readonly #ctr: Ctr;

  constructor(pg: Playground) {
    this.pg = pg;
    this.#ctr = new Ctr(pg);
    const { dir } = pg;
    const words = `containerd --root ${dir}/containerd --state /run/containerd --address ${this.#ctr.socket}`;
    const script = `#!/bin/sh
kill -9 $(ps -o pid= -C containerd)
while ctr version >/dev/null 2>&1; do sleep 0.2; done
${words} >>${dir}/containerd.log 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.2; done
`;
    mkdirSync(join(dir, "bin"), { recursive: true });
    writeFileSync(join(dir, "bin/restart-containerd"), script, { mode: 0o755 });
  }

  run(words: readonly string[]) {
    return this.pg.run(words, { env: { CONTAINERD_ADDRESS: this.#ctr.socket } });
  }
}

/** ctr has that flag for runc's type alone; the shim sees the unit in the cgroup's path. */
const SYSTEMD = SHIM ? [] : ["--runc-systemd-cgroup"];

const FUNCTIONS = `
IMAGE=localhost/box:latest
flags="${[...RUNTIME_FLAGS, ...SYSTEMD].join(" ")}"
go() { n=$1; shift; ctr run $flags --cgroup runtc.slice:ctr:$n "$@"; }
up() { n=$1; go "$@"; }
dir() { echo /sys/fs/cgroup/runtc.slice/ctr-$1.scope; }
cg() { d=$(dir "$1"); shift; for f; do cat $d/$f; done; }
prop() { u=ctr-$1.scope; shift; for p; do systemctl show -P $p $u; done; }
pid() { ctr task ls | awk -v n=$1 '$1==n {print $2}'; }
ended() { [ "$(ctr task ls | awk -v n=$1 '$1==n {print $3}')" = STOPPED ]; }
till() { for i in $(seq 100); do "$@" && return; sleep 0.1; done; echo "never: $*"; }`;

scripted(
  {
    name: "ctr on v2 with systemd",
    packages: CTR_PACKAGES,
    make: (pg) => new Client(pg),
    functions: FUNCTIONS,
    clean: "for c in $(ctr c ls -q); do ctr task rm -f $c >/dev/null 2>&1; ctr c rm $c || exit; done",
    scopes: "'ctr-*.scope'",
  },
  {
    "run --rm: output, exit code, nothing left": {
      sh: "go a --rm $IMAGE a sh -c 'echo out; exit 7'; echo $?; ctr c ls -q",
      out: "out\n7\n",
    },
    "a container is a scope in the slice": {
      sh: "up a -d $IMAGE a sleep 1000; prop a ActiveState Slice Delegate; cat /proc/$(pid a)/cgroup",
      out: "active\nruntc.slice\nyes\n0::/runtc.slice/ctr-a.scope\n",
    },
    "the scope is gone when the task is deleted": {
      sh: "up a -d $IMAGE a sleep 1000; ctr task kill -s KILL a; till ended a; ctr task rm a >/dev/null 2>&1; prop a LoadState; [ -e $(dir a) ] || echo gone",
      out: "not-found\ngone\n",
    },
    "--memory-limit: memory.max, and MemoryMax": {
      sh: "up a -d --memory-limit 67108864 $IMAGE a sleep 1000; cg a memory.max; prop a MemoryMax",
      out: "67108864\n67108864\n",
    },
    "--cpus": {
      sh: "up a -d --cpus 0.5 $IMAGE a sleep 1000; cg a cpu.max; prop a CPUQuotaPerSecUSec",
      out: "50000 100000\n500ms\n",
    },
    "task exec: output, exit code, cgroup": {
      sh: "up a -d $IMAGE a sleep 1000; ctr task exec --exec-id e a sh -c 'echo out; cat /proc/self/cgroup; exit 3'; echo $?",
      out: /^out\n0::\/.*\n3\n$/,
    },
    "task exec -t and run -t: a terminal": {
      sh: "up a -d $IMAGE a sleep 1000; script -qec 'ctr task exec -t --exec-id e a tty' /dev/null",
      out: /\/dev\/pts\/\d/,
    },
    "task pause and resume: frozen in the cgroup": {
      sh: "up a -d $IMAGE a sleep 1000; ctr task pause a; grep frozen $(dir a)/cgroup.events; ctr task resume a; grep frozen $(dir a)/cgroup.events",
      out: "frozen 1\nfrozen 0\n",
    },
    "task metrics: the container's own": {
      sh: 'up a -d --memory-limit 67108864 $IMAGE a sleep 1000; ctr task metrics a | awk \'$1=="pids.current" || $1=="memory.usage_limit" {print $2}\' | sort',
      out: "1\n67108864\n",
    },
    "task ps": { sh: "up a -d $IMAGE a sleep 1000; ctr task ps a | awk 'NR>1 {print $1}' | grep -c .", out: "1\n" },
    "too much memory: 137, and the cgroup has counted": {
      sh: `go a --rm --memory-limit 16777216 $IMAGE a sh -c '${EATER}'; echo $?`,
      out: "137\n",
    },
    // Of the last process of a container the shim learns only if it reads memory.events before systemd removes the scope.
    "too much memory in a child: an event": {
      sh: `(timeout 60 ctr events >$TMPDIR/events 2>&1 & echo $! >$TMPDIR/p); go a --rm --memory-limit 16777216 $IMAGE a sh -c 'sleep 1; (${EATER}); sleep 1'; till grep -q /tasks/oom $TMPDIR/events; grep -o /tasks/oom $TMPDIR/events | head -n 1`,
      out: "/tasks/oom\n",
      err: ["Killed"],
    },
    "--device, over daemon-reload": {
      sh: "up a -d --device /dev/fuse $IMAGE a sleep 1000; o() { ctr task exec --exec-id e$1 a sh -c 'exec 3<>/dev/fuse && echo open'; }; o 1; systemctl daemon-reload; o 2",
      out: "open\nopen\n",
    },
    "systemctl set-property": {
      sh: "up a -d $IMAGE a sleep 1000; systemctl set-property --runtime ctr-a.scope MemoryMax=80M TasksMax=40; cg a memory.max pids.max",
      out: "83886080\n40\n",
    },
    "systemctl kill of the scope": {
      sh: "up a -d $IMAGE a sleep 1000; systemctl kill -s KILL ctr-a.scope; till ended a; ctr task rm a 2>&1 | grep -c 137",
      out: "1\n",
    },
    "--privileged: a cgroup below the container's, and nothing is left": {
      sh: "up a -d --privileged $IMAGE a sleep 1000; ctr task exec --exec-id e a sh -c 'mkdir /c && mount -t cgroup2 none /c && mkdir /c/runtc.slice/ctr-a.scope/sub && echo made'; ctr task rm -f a >/dev/null 2>&1; [ -e $(dir a) ] || echo gone",
      out: "made\ngone\n",
    },
    "eight at a time": {
      sh: "for i in 1 2 3 4 5 6 7 8; do up c$i -d $IMAGE c$i sleep 1000 & done; wait; systemctl list-units --plain --no-legend 'ctr-c*.scope' | grep -c active",
      out: "8\n",
    },
    "a restart of containerd leaves the containers running": {
      sh: "up a -d --memory-limit 67108864 $IMAGE a sleep 1000; p=$(pid a); restart-containerd; [ $p = $(pid a) ] && echo same; cg a memory.max; ctr task exec --exec-id e a echo inside",
      out: "same\n67108864\ninside\n",
    },
  },
);
