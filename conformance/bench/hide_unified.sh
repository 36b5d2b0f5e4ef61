#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hide_unified.sh COMMAND...: runs a command where there are the cgroup v1 hierarchies only, although the host is a
# hybrid, which crun refuses. It makes the private mount namespace for that itself, so it cannot touch the host's mounts.
#
# The v2 mount is not unmounted in place: a runtime would then make directories in the tmpfs beneath it. A new
# tmpfs with binds of the v1 hierarchies takes the place of /sys/fs/cgroup.
set -eu
exec unshare --mount --propagation private sh -euc '
  if grep -q " /sys/fs/cgroup/unified .* - cgroup2 " /proc/self/mountinfo; then
    new=$(mktemp -d)
    mount -t tmpfs -o mode=755 tmpfs "$new"
    for dir in /sys/fs/cgroup/*; do
      name=${dir##*/}
      if [ "$name" = unified ]; then continue; fi
      if [ -L "$dir" ]; then
        cp -P "$dir" "$new/$name"
      elif mountpoint -q "$dir"; then
        mkdir "$new/$name"
        mount --bind "$dir" "$new/$name"
      fi
    done
    umount -R -l /sys/fs/cgroup
    mount --move "$new" /sys/fs/cgroup
    rmdir "$new"
  fi
  exec "$@"
' sh "$@"
