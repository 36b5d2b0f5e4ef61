#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs as pid 1 in new mount, network, pid and cgroup namespaces: makes the place in which engines are started, then
# becomes the program that keeps it.
#
#   playground.sh DIR HIERARCHIES REAPER ROOT PROJECT
#
# DIR lies outside and is seen in here under the same name. HIERARCHIES: words such as "memory name=systemd cgroup2", or
# "systemd": /sys, /run and /dev are the host's, and only the mount namespace is new. ROOT: the root with the engines of
# another release, or nothing, if the host's are meant; PROJECT is seen in it, too.
set -e
dir=$1
hierarchies=$2
reaper=$3
root=$4
project=$5

enter() {
  if [ -n "$to" ]; then
    cd "$to"
    pivot_root . .
    umount -l .
  fi
  cd /
  exec "$reaper"
}

mount --make-rprivate /
to=
if [ -n "$root" ]; then
  to=/mnt
  mkdir -p "$dir/overlay/root/upper" "$dir/overlay/root/work"
  mount -t overlay -o "lowerdir=$root,upperdir=$dir/overlay/root/upper,workdir=$dir/overlay/root/work" overlay "$to"
  mount -t proc proc "$to/proc"
  mount --rbind /dev "$to/dev"
  mkdir -p "$to$project"
  mount --bind -o ro "$project" "$to$project"
fi
if [ "$hierarchies" = systemd ]; then
  for folder in /sys /run; do [ -z "$to" ] || mount --rbind "$folder" "$to$folder"; done
  enter
fi
mount -t tmpfs -o mode=755 tmpfs "$to/run"
mkdir -p "$to/run/lock" "$to/run/keep"

# podman's locks lie in /dev/shm, whose name is the same for all of the host.
mount --bind "$dir" "$to/run/keep"
mount -t tmpfs -o mode=1777 tmpfs "$to/dev/shm"
mkdir -p "$to$dir"
mount --move "$to/run/keep" "$to$dir"

# Engines write there: bridges' leases, keys, users. A root of its own is an overlay as a whole.
if [ -z "$root" ]; then
  for folder in /etc /var; do
    mkdir -p "$dir/overlay$folder/upper" "$dir/overlay$folder/work"
    mount -t overlay -o "lowerdir=$folder,upperdir=$dir/overlay$folder/upper,workdir=$dir/overlay$folder/work" \
      overlay "$folder"
  done
fi

# The sysfs of the new network namespace, and the cgroups below the playground's own. podman and dockerd make
# directories in the tmpfs itself.
mount -t sysfs sysfs "$to/sys"
mount -t tmpfs -o mode=755 tmpfs "$to/sys/fs/cgroup"
for hierarchy in $hierarchies; do
  case $hierarchy in
    cgroup2) folder=unified type=cgroup2 options=rw ;;
    name=*) folder=${hierarchy#name=} type=cgroup options=none,$hierarchy ;;
    *) folder=$hierarchy type=cgroup options=$hierarchy ;;
  esac
  mkdir "$to/sys/fs/cgroup/$folder"
  mount -t "$type" -o "$options" cgroup "$to/sys/fs/cgroup/$folder"
done

# Devices that a user without privileges needs. This kernel has them as modules or built in; the nodes are ours.
for device in "fuse 10 229 /dev/fuse" "tun 10 200 /dev/net/tun"; do
  set -- $device
  [ -e "$4" ] || continue
  mknod -m 666 "$to/run/$1" c "$2" "$3"
  mount --bind "$to/run/$1" "$to$4"
done

ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
enter
