# SPDX-License-Identifier: Apache-2.0
# Runs as the first process of new namespaces: makes a system on a tmpfs, and becomes its /box/test.sh.
#
#   machine.sh ROOT ARCHIVE BOX RELEASE HIERARCHIES
#
# ROOT is an empty folder, ARCHIVE a tar archive of a Debian, or "" for a system that has nothing but busybox. BOX and RELEASE are
# seen inside as /box and /release. HIERARCHIES: words such as "memory name=systemd cgroup2".
set -e
root=$1 archive=$2 box=$3 release=$4 hierarchies=$5

mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$root"
cd "$root"
if [ -n "$archive" ]; then
  tar -xf "$archive" --exclude=./dev/* --exclude=./sys/* --exclude=./proc/*
else
  mkdir -p bin dev proc sys tmp etc root
  cp /bin/busybox bin/
  for name in $(bin/busybox --list); do [ -e "bin/$name" ] || ln -s busybox "bin/$name"; done
fi
mkdir -p release box run
mount -t proc proc proc

# Devices of its own: what is done to them here is not done to the host's.
mount -t tmpfs -o mode=755 dev dev
for node in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do mknod -m 666 "dev/${node% *}" c 1 "${node#* }"; done
mknod -m 666 dev/tty c 5 0
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
for link in fd:self/fd stdin:self/fd/0 stdout:self/fd/1 stderr:self/fd/2; do ln -s "/proc/${link#*:}" "dev/${link%%:*}"; done

# The sysfs of the new network namespace, and the cgroups below those that this process is in.
mount -t sysfs sysfs sys
if [ "$hierarchies" = cgroup2 ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  # A cgroup with processes gives its children no controllers.
  mkdir sys/fs/cgroup/init
  echo 0 >sys/fs/cgroup/init/cgroup.procs
else
  mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
  for hierarchy in $hierarchies; do
    case $hierarchy in
      cgroup2) folder=unified type=cgroup2 options=rw ;;
      name=*) folder=${hierarchy#name=} type=cgroup options=none,$hierarchy ;;
      *) folder=$hierarchy type=cgroup options=$hierarchy ;;
    esac
    mkdir "sys/fs/cgroup/$folder"
    mount -t "$type" -o "$options" cgroup "sys/fs/cgroup/$folder"
  done
fi

mount --bind "$release" release
mount --bind "$box" box
mount -o remount,bind,ro box
ip link set lo up 2>/dev/null || true
exec chroot . /bin/sh -u /box/test.sh
