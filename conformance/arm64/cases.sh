#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A container's life on another architecture, as TAP: what depends on the machine's numbers of system calls, on its registers and on its
# page size. The machine has busybox, runt, and nothing else; scripts/test_arm64.mjs starts this as its first process.
export PATH=/bin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null || mount -t tmpfs dev /dev
mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /run/work /dev/pts
mount -t devpts devpts /dev/pts
cd /run/work

count=0
failed=0

# check NAME EXPECTED FOUND
check() {
  count=$((count + 1))
  if [ "$2" = "$3" ]; then
    echo "ok $count - $1"
  else
    failed=$((failed + 1))
    echo "not ok $count - $1"
    echo "# expected: $2" | head -c 600
    echo "# found:    $3" | head -c 600
  fi
}

# has NAME TEXT FOUND
has() {
  case "$3" in
    *"$2"*) check "$1" "" "" ;;
    *) check "$1" "…$2…" "$3" ;;
  esac
}

# bundle NAME ARGS [SED...]: a bundle whose process runs ARGS, a JSON array
bundle() {
  mkdir -p "/run/work/$1/rootfs/bin"
  cp /bin/busybox "/run/work/$1/rootfs/bin/busybox"
  for word in sh tee cat echo id mkdir mount sleep true uname touch hostname; do ln -sf busybox "/run/work/$1/rootfs/bin/$word"; done
  cd "/run/work/$1"
  runt spec
  args=$2
  sed -i -e 's/"terminal": true/"terminal": false/' -e "s#\"sh\"#@ARGS@#" config.json
  sed -i "s#@ARGS@#$args#" config.json
  shift 2
  for change; do sed -i "$change" config.json; done
}

has "version" "spec: 1.3.0" "$(runt --version)"
has "features: its own architecture" "SCMP_ARCH_AARCH64" "$(runt features)"

bundle life '"sh","-c","echo $(hostname) $(uname -m) $$; cat /proc/self/cgroup"'
check "check finds nothing" "0" "$(runt check > /dev/null 2>&1; echo $?)"
found=$(runt run life 2>&1)
has "run: the hostname, the machine and the pid" "runt aarch64 1" "$found"
has "run: a cgroup namespace" "0::/" "$found"
check "run leaves no state" "" "$(ls /run/runt)"
check "run leaves no cgroup" "no" "$([ -e /sys/fs/cgroup/life ] && echo yes || echo no)"
bundle status '"sh","-c","exit 37"'
check "the exit status" "37" "$(runt run status > /dev/null 2>&1; echo $?)"
bundle missing '"/bin/nothing"'
has "a program that is not there" "stat /bin/nothing: no such file or directory" "$(runt run missing 2>&1)"

bundle long '"sleep","1000"'
check "create" "0" "$(runt create long < /dev/null > /run/log 2>&1; echo $?)"
has "state: created" '"status": "created"' "$(runt state long)"
check "start" "" "$(runt start long 2>&1)"
has "state: running" '"status": "running"' "$(runt state long)"
check "exec" "inside 0" "$(runt exec long sh -c 'echo inside $(id -u)' 2>&1)"
check "exec: another user, no capability" "1000 0000000000000000" "$(runt exec --user 1000:1000 long sh -c 'echo $(id -u) $(cat /proc/self/status | while read a b; do [ $a = CapEff: ] && echo $b; done)' 2>&1)"
check "exec: the exit status" "9" "$(runt exec long sh -c 'exit 9' 2>&1; echo $?)"
has "ps" "sleep 1000" "$(runt ps long 2>&1)"
check "pause, resume" "paused" "$(runt pause long && runt list | grep -o paused; runt resume long)"
check "update: memory and pids" "33554432 17" "$(runt update --memory 33554432 --pids-limit 17 long 2>&1; echo $(cat /sys/fs/cgroup/long/memory.max /sys/fs/cgroup/long/pids.max))"
has "events --stats" '"usage"' "$(runt events --stats long 2>&1)"
check "kill" "0" "$(runt kill long KILL; echo $?)"
n=0
while [ $n -lt 50 ] && ! runt state long | grep -q stopped; do n=$((n + 1)); sleep 0.1; done
has "state: stopped" '"status": "stopped"' "$(runt state long)"
check "delete" "0 no state" "$(runt delete long; echo $? no state$(ls /run/runt))"

# The numbers of system calls are the architecture's own: mkdir(1) calls mkdirat here.
bundle filter '"sh","-c","mkdir /tmp/a \&\& echo made; uname -s"' \
  's#"maskedPaths"#"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_AARCH64","SCMP_ARCH_ARM"], "syscalls": [{"names": ["mkdir","mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]},\n "maskedPaths"#'
found=$(runt run filter 2>&1)
has "seccomp: the call that is refused" "Function not implemented" "$found"
has "seccomp: the others work" "Linux" "$found"
bundle allow '"sh","-c","echo allowed"' \
  's#"maskedPaths"#"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve","read","write","close","openat","fstat","newfstatat","brk","mmap","mprotect","munmap","exit_group","exit","rt_sigaction","rt_sigprocmask","rt_sigreturn","getpid","getppid","getuid","geteuid","getgid","getegid","fcntl","dup3","ioctl","set_tid_address","set_robust_list","rseq","prlimit64","getrandom","readlinkat","uname","getcwd","wait4","clone","prctl","faccessat","futex","capget","capset","setuid","setgid","setgroups","close_range","statx","ppoll","sysinfo"], "action": "SCMP_ACT_ALLOW"}]},\n "maskedPaths"#'
check "seccomp: a list of what is allowed" "allowed" "$(runt run allow 2>&1)"

bundle user '"sh","-c","echo $(id -u); cat /proc/self/uid_map"' \
  's#"type": "pid"#"type": "user"},{"type": "pid"#' 's#"maskedPaths"#"uidMappings": [{"containerID":0,"hostID":100000,"size":65536}], "gidMappings": [{"containerID":0,"hostID":100000,"size":65536}],\n "maskedPaths"#'
chmod 755 /run/work /run/work/user
chown -R 100000:100000 /run/work/user/rootfs
has "a user namespace" "100000" "$(runt run user 2>&1)"

bundle safe '"sh","-c","echo x | tee /proc/sys/kernel/hostname; cat /proc/kcore \&\& echo masked; touch /file"'
found=$(runt run safe 2>&1)
has "a read-only path" "hostname: Read-only file system" "$found"
has "a read-only root" "/file: Read-only file system" "$found"
has "a masked path" "masked" "$found"

bundle limits '"sh","-c","cat /proc/self/limits"' 's#"noNewPrivileges": true#"noNewPrivileges": true, "oomScoreAdj": 123#'
has "a limit of config.json" "Max open files            1024" "$(runt run limits 2>&1)"

bundle hooks '"true"' 's#"linux": {#"hooks": {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "/run/hook.sh"]}]},\n "linux": {#'
echo 'cat > /run/hook' > /run/hook.sh
runt run hooks > /dev/null 2>&1
has "a hook gets the state" '"status":"creating"' "$(tr -d ' \n' < /run/hook)"

bundle tty '"sh","-c","[ -t 0 ] \&\& echo terminal"' 's/"terminal": false/"terminal": true/'
has "a terminal" "terminal" "$(runt run tty < /dev/console 2>&1)"

# With Debian's Node.js for this architecture, the library's addons as well.
if [ -e /opt/runt/lib/index.js ]; then
  insmod /overlay.ko
  tab=$(printf '\t')
  node --version
  node /library.mjs /opt/runt/lib/index.js > /run/library 2> /run/library.err || check "library: the program" "0" "$(cat /run/library.err)"
  while IFS="$tab" read -r name said; do check "$name" "ok" "$said"; done < /run/library
  check "library: no container is left" "" "$(ls /run/runt | grep -v '^@')"
  # Below the folders over which each container has a tmpfs of its own.
  check "library: no layer is left" "" "$(find /run/runt/@overlay ! -type d)"
fi

echo "# kernel $(uname -r)"
echo "# cgroups v2: $(cat /sys/fs/cgroup/cgroup.controllers)"
echo "1..$count"
echo "# $failed failed"
poweroff -f
