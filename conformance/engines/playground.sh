#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs as pid 1 in new mount, network, pid and cgroup namespaces: makes the place in which engines are started, then
# becomes the program that keeps it.
#
#   playground.sh DIR HIERARCHIES REAPER
#
# DIR lies outside and is seen in here under the same name. HIERARCHIES: words such as "memory name=systemd cgroup2".
set -e
dir=$1
hierarchies=$2
reaper=$3

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/keep

# podman's locks lie in /dev/shm, whose name is the same for all of the host.
mount --bind "$dir" /run/keep
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mkdir -p "$dir"
mount --move /run/keep "$dir"

# Engines write there: bridges' leases, keys, users.
for folder in /etc /var; do
  mkdir -p "$dir/overlay$folder/upper" "$dir/overlay$folder/work"
  mount -t overlay -o "lowerdir=$folder,upperdir=$dir/overlay$folder/upper,workdir=$dir/overlay$folder/work" \
    overlay "$folder"
done

# The sysfs of the new network namespace, and the cgroups below the playground's own. podman and dockerd make
# directories in the tmpfs itself.
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
for hierarchy in $hierarchies; do
  case $hierarchy in
    cgroup2) folder=unified type=cgroup2 options=rw ;;
    name=*) folder=${hierarchy#name=} type=cgroup options=none,$hierarchy ;;
    *) folder=$hierarchy type=cgroup options=$hierarchy ;;
  esac
  mkdir "/sys/fs/cgroup/$folder"
  mount -t "$type" -o "$options" cgroup "/sys/fs/cgroup/$folder"
done

# Devices that a user without privileges needs. This kernel has them as modules or built in; the nodes are ours.
for device in "fuse 10 229 /dev/fuse" "tun 10 200 /dev/net/tun"; do
  set -- $device
  [ -e "$4" ] || continue
  mknod -m 666 "/run/$1" c "$2" "$3"
  mount --bind "/run/$1" "$4"
done

ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
exec "$reaper"
