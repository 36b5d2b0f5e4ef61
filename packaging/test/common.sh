# SPDX-License-Identifier: Apache-2.0
# What the scripts of the fresh systems share. /box has busybox and node, /release what npm run release has made.
try() { # try WHAT COMMAND...
  what=$1; shift
  if "$@" >/tmp/out 2>&1; then echo "ok $what"; else echo "not ok $what (status $?)"; head -c 2000 /tmp/out; echo; fi
}

says() { # says WHAT TEXT COMMAND...: the output has the text, whatever the status
  what=$1; text=$2; shift 2
  "$@" >/tmp/out 2>&1
  if grep -q -- "$text" /tmp/out; then echo "ok $what"; else echo "not ok $what"; head -c 2000 /tmp/out; echo; fi
}

refuses() { # refuses WHAT TEXT COMMAND...: it fails, and one line says why
  what=$1; text=$2; shift 2
  if "$@" >/tmp/out 2>&1; then echo "not ok $what (it worked)"; return; fi
  if grep -q -- "$text" /tmp/out && [ "$(grep -c . /tmp/out)" -le 3 ]; then echo "ok $what"; else echo "not ok $what"; head -c 2000 /tmp/out; echo; fi
}

bundle() { # bundle DIR RUNT ARGS...: "sh -c ARGS" in a container of busybox
  dir=$1; program=$2; shift 2
  mkdir -p "$dir/rootfs/bin"
  cp /box/busybox "$dir/rootfs/bin/busybox"
  ln -sf busybox "$dir/rootfs/bin/sh"
  "$program" spec --bundle "$dir"
  sed -i -e 's/"terminal": *true/"terminal": false/' -e "s#\"sh\"#\"/bin/busybox\", \"sh\", \"-c\", \"$*\"#" "$dir/config.json"
}

life() { # life RUNT: a container runs
  rm -rf /tmp/life
  bundle /tmp/life "$1" "echo it runs as \$\$; exit 7" || return 1
  "$1" run --bundle /tmp/life life >/tmp/life/out 2>&1
  status=$?
  cat /tmp/life/out
  [ "$status" = 7 ] && grep -q "it runs as 1" /tmp/life/out
}

# Replaced while a container of it is created, another runs in the foreground: both go on.
replaced() { # replaced RUNT COMMAND...
  program=$1; shift
  rm -rf /tmp/held
  bundle /tmp/held "$program" "sleep 1000" || return 1
  "$program" create --bundle /tmp/held made </dev/null >/dev/null 2>&1 || return 1
  "$program" run --bundle /tmp/held runs </dev/null >/dev/null 2>&1 &
  foreground=$!
  tries=0
  until "$program" state runs 2>/dev/null | grep -q running; do tries=$((tries + 1)); [ "$tries" -lt 100 ] || return 1; sleep 0.1; done
  "$@" || return 1
  kill -0 "$foreground" || return 1
  "$program" start made && "$program" exec made /bin/busybox true && "$program" exec runs /bin/busybox true || return 1
  "$program" list | grep -q made || return 1
  "$program" delete --force made || return 1
  "$program" kill runs KILL; wait "$foreground"
  [ $? = 137 ]
}

archive_checks() { # what install.sh refuses; $1 is the archive
  rm -rf /tmp/bad; mkdir /tmp/bad
  head -c 1000000 "$1" >/tmp/bad/cut.tar.gz
  says "an archive that was cut off is told by tar" "nexpected\|short read\|corrupt" tar -xzf /tmp/bad/cut.tar.gz -C /tmp/bad
  rm -rf /tmp/bad/*; tar -xzf "$1" -C /tmp/bad
  folder=$(echo /tmp/bad/runt-*)
  printf x >>"$folder/share/man/man8/runt.8"
  refuses "a file that was changed: nothing is installed" "the archive is damaged" "$folder/install.sh" --prefix /tmp/bad/prefix
  [ ! -e /tmp/bad/prefix ] && echo "ok nothing was written" || echo "not ok nothing was written"
  rm "$folder/share/man/man8/runt.8"
  refuses "a file that is missing" "not unpacked whole" "$folder/install.sh" --prefix /tmp/bad/prefix
  rm "$folder/manifest"
  refuses "no manifest" "the archive is not whole" "$folder/install.sh" --prefix /tmp/bad/prefix
  rm -rf /tmp/bad/*; tar -xzf "$1" -C /tmp/bad
  folder=$(echo /tmp/bad/runt-*)
  # The kernel itself says i686, and 2.6.x, to who asks for that.
  refuses "another architecture" "this archive is for x86_64, and this machine is i" linux32 "$folder/install.sh" --prefix /tmp/bad/prefix
  if setarch x86_64 --uname-2.6 true 2>/dev/null; then
    refuses "an old kernel" "runt needs Linux 4.18 or newer, and this is 2.6" setarch x86_64 --uname-2.6 "$folder/install.sh" --prefix /tmp/bad/prefix
  fi
  refuses "a relative prefix" "absolute path" "$folder/install.sh" --prefix here
  try "in place, without installing" "$folder/bin/runt" --version
  rm -rf /tmp/bad
}

archive_life() { # install, use, replace, remove
  archive_checks "$1"
  rm -rf /tmp/unpacked; mkdir /tmp/unpacked; tar -xzf "$1" -C /tmp/unpacked
  folder=$(echo /tmp/unpacked/runt-*)
  try "the archive works where it lies" life "$folder/bin/runt"
  try "install.sh" sh -c "umask 077; $folder/install.sh --prefix /opt/runt"
  says "what it installs is for all, whatever the umask" "^drwxr-xr-x" ls -ld /opt/runt/bin
  try "what it has installed runs a container" life /opt/runt/bin/runt
  try "installed over itself while containers run" replaced /opt/runt/bin/runt "$folder/install.sh" --prefix /opt/runt
  try "install.sh --uninstall" "$folder/install.sh" --uninstall --prefix /opt/runt
  says "nothing is left" "^0$" sh -c 'find /opt/runt -type f | wc -l'
}
