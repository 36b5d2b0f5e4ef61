#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs this archive below a prefix, or removes it from there. It needs nothing but a POSIX shell and the small programs of
# every system, busybox's among them.
#
#   ./install.sh [--prefix DIR]              /usr/local without it; DESTDIR is put before it
#   ./install.sh --uninstall [--prefix DIR]  containers that run go on; "runt delete" needs runt, so delete them before
#
# The archive also works where it lies: bin/runt may be called in place.
set -eu
# What is installed is for all users, whatever this one's files are.
umask 022

here=$(cd "$(dirname "$0")" && pwd)
prefix=/usr/local
action=install

fail() { echo "install.sh: $*" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) [ $# -ge 2 ] || fail "--prefix needs a folder"; prefix=$2; shift 2 ;;
    --prefix=*) prefix=${1#--prefix=}; shift ;;
    --uninstall) action=uninstall; shift ;;
    *) fail "usage: install.sh [--uninstall] [--prefix DIR]" ;;
  esac
done
case "$prefix" in /*) ;; *) fail "--prefix $prefix: it has to be an absolute path" ;; esac
root="${DESTDIR:-}$prefix"

cd "$here"
[ -f manifest ] || fail "the archive is not whole: the file manifest is missing; unpack it once more"

# The files, as "sha256  path".
files=$(sed 's/^[0-9a-f]*  //' manifest)

if [ "$action" = uninstall ]; then
  for file in $files bin/containerd-shim-runt-v2; do rm -f "$root/$file"; done
  # Folders that are runt's alone.
  for folder in share/doc/runt/licenses share/doc/runt; do rmdir "$root/$folder" 2>/dev/null || true; done
  echo "runt is no longer in $root"
  exit 0
fi

machine=$(uname -m)
wanted=@ARCH@
[ "$machine" = "$wanted" ] || [ -n "${DESTDIR:-}" ] || fail "this archive is for $wanted, and this machine is $machine"

release=$(uname -r)
major=${release%%.*}; rest=${release#*.}; minor=${rest%%[!0-9]*}
if [ "$major" -lt 4 ] || { [ "$major" -eq 4 ] && [ "${minor:-0}" -lt 18 ]; }; then
  [ -n "${DESTDIR:-}" ] || fail "runt needs Linux 4.18 or newer, and this is $release"
fi

command -v sha256sum >/dev/null || fail "the program sha256sum is missing, which checks the archive"
sha256sum -c manifest >/dev/null 2>&1 || fail "the archive is damaged, or was not unpacked whole: a file does not have the digest that the manifest says"

for file in $files; do
  target="$root/$file"
  mkdir -p "$(dirname "$target")" || fail "cannot make $(dirname "$target")"
  # By a rename: a program that runs keeps the file that it has.
  cp "$file" "$target.new-$$" || { rm -f "$target.new-$$"; fail "cannot write $target"; }
  case "$file" in bin/*) chmod 755 "$target.new-$$" ;; *) chmod 644 "$target.new-$$" ;; esac
  mv -f "$target.new-$$" "$target"
done
# The name by which containerd looks for a shim.
ln -sf runt "$root/bin/containerd-shim-runt-v2"
echo "runt is in $root/bin/runt"
