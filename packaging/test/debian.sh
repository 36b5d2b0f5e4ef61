# SPDX-License-Identifier: Apache-2.0
# A fresh Debian.
. /box/common.sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
deb=$(echo /release/runt_*_amd64.deb)

head -c 100000 "$deb" >/tmp/cut.deb
says "a package that was cut off" "unexpected end of file\|truncated\|corrupt" dpkg -i /tmp/cut.deb
dpkg-deb -R "$deb" /tmp/other
sed -i 's/^Architecture: amd64$/Architecture: arm64/' /tmp/other/DEBIAN/control
dpkg-deb -Znone --build /tmp/other /tmp/other.deb >/dev/null
says "a package for another architecture" "package architecture (arm64) does not match system (amd64)" dpkg -i /tmp/other.deb
try "and nothing of it is there" test ! -e /usr/sbin/runt
rm -rf /tmp/other /tmp/other.deb
try "apt install ./runt.deb" apt-get install -y --no-install-recommends "$deb"
says "runt --version" "^runt version $VERSION$" runt --version
says "the commit, the engine and libseccomp" "^libseccomp: [0-9]" runt --version
try "runt run" life runt
says "man runt" "container" man runt
says "man runt-create" "create" man runt-create
says "completion in bash" "^start state$" bash -c '. /usr/share/bash-completion/bash_completion
  _completion_loader runt 2>/dev/null || _comp_load runt
  COMP_WORDS=(runt sta) COMP_CWORD=1 COMP_LINE="runt sta" COMP_POINT=8
  $(complete -p runt | sed "s/.*-F \([^ ]*\) .*/\1/") runt sta runt 2>/dev/null
  echo "${COMPREPLY[@]}"'
if ls /srv/shells/*.deb >/dev/null 2>&1; then
  try "apt install zsh fish" apt-get install -y --no-install-recommends /srv/shells/*.deb
  # A person at a terminal, who presses Tab.
  cat >/tmp/tab.zsh <<'EOF'
zmodload zsh/zpty
zpty person zsh -f -i
zpty -w person 'autoload -Uz compinit; compinit -u -D; echo rea""dy'
out=
for try in {1..300}; do
  zpty -r -t person part && out+=$part
  [[ $out == *ready*ready* || $out == *$'\n'ready* ]] && break
  sleep 0.1
done
zpty -w -n person $'runt sta\t'
out=
for try in {1..300}; do
  zpty -r -t person part && out+=$part
  [[ $out == *start*state* ]] && break
  sleep 0.1
done
zpty -d person
[[ $out == *start*state* ]] && print "start state" || print -r -- "$out"
EOF
  says "completion in zsh" "^start state$" zsh -f /tmp/tab.zsh
  says "completion in fish" "^start state $" sh -c "fish -c 'complete -C \"runt sta\"' | cut -f1 | tr '\\n' ' '"
else
  echo "skipped completion in zsh and fish: these are not in /srv/shells"
fi
says "runc is runt where no runc is" "^runc version $VERSION$" runc --version
says "no conffiles" "^0$" sh -c 'dpkg-query -W -f "\${Conffiles}" runt | grep -c /'
says "the licences" "Apache-2.0" cat /usr/share/doc/runt/copyright
says "the bill of materials" "SPDX-2.3" cat /usr/share/doc/runt/sbom.spdx.json
says "/run/runt for systemd-tmpfiles" "^d /run/runt 0700" cat /usr/lib/tmpfiles.d/runt.conf
try "installed over itself while containers run" replaced runt apt-get install -y --reinstall --no-install-recommends "$deb"

# The library: the packages as npm lays them out, with this system's Node.js where it is new enough.
node=/box/node
# The system's own, where the library supports it: bookworm has 18.
case $(node --version 2>/dev/null) in v2[0-9].* | v[3-9][0-9].*) node=node ;; esac
mkdir -p /srv/app/node_modules/@runt-oci/runt
tar -xzf "/release/npm/runt-oci-runt-$VERSION.tgz" -C /srv/app/node_modules/@runt-oci/runt --strip-components=1
cp -a /box/node_modules/. /srv/app/node_modules/
cat >/srv/app/main.mjs <<'EOF'
import { Container, newConfig } from "@runt-oci/runt";
await using_();
async function using_() {
  const box = await Container.run({ bundle: "/tmp/life" });
  const { exitCode } = await box.wait();
  await box.delete({ force: true });
  console.log(`ended with ${exitCode}`);
}
EOF
cat >/srv/app/seccomp.mjs <<'EOF'
import { Container } from "@runt-oci/runt";
const options = { rootfs: "/tmp/life/rootfs", args: ["/bin/busybox", "true"], buffer: true };
await Container.run(options).catch(({ message }) => console.log(message));
EOF
with_seccomp() { cd /srv/app && "$node" seccomp.mjs; }
import_runs() { cd /srv/app && "$node" main.mjs; }
says "import without the platform's package" "it is in the npm package @runt-oci/linux-x64, an optional dependency" import_runs
mkdir /srv/app/node_modules/@runt-oci/linux-x64
tar -xzf "/release/npm/runt-oci-linux-x64-$VERSION.tgz" -C /srv/app/node_modules/@runt-oci/linux-x64 --strip-components=1
says "import of the npm package runs a container" "ended with 7" import_runs
cat >/srv/app/version.mjs <<'EOF'
import { features } from "@runt-oci/runt";
console.log((await features()).annotations["run.oci.runt.version"]);
EOF
version_of_npm() { cd /srv/app && "$node" version.mjs; }
says "it knows its version, which records of containers name" "^$VERSION$" version_of_npm
command_of_npm() { "$node" /srv/app/node_modules/@runt-oci/runt/bin/runt.mjs --version; }
says "its command" "^runt version $VERSION$" command_of_npm

# Copied by half: a part is missing, is cut off, or is of another release or architecture.
parts=/srv/app/node_modules/@runt-oci/linux-x64
half() { # half WHAT FILE TEXT COMMAND: FILE is away
  mv "$parts/$2" /tmp/away
  says "$1 is missing" "$3" "$4"
  mv /tmp/away "$parts/$2"
}
again="the npm package @runt-oci/linux-x64 is not whole: install it once more"
half "init" libexec/runt/init "copy .*/init ($again): no such file" import_runs
half "seccomp.node" libexec/runt/seccomp.node "cannot load .*/seccomp.node: .*: $again" with_seccomp
half "watch.node" libexec/runt/watch.node "cannot load .*/watch.node: .*: $again" import_runs
half "runt.node" libexec/runt/runt.node "cannot load .*/runt.node: .*No such file.*: the npm package @runt-oci/linux-x64 is damaged" import_runs
half "the program" bin/runt "^runt: .*/bin/runt: ENOENT: $again" command_of_npm
mv "$parts/libexec/runt/runt.node" /tmp/away
: >"$parts/libexec/runt/runt.node"
says "runt.node is empty" "cannot load .*/runt.node: .*file too short.*: the npm package @runt-oci/linux-x64 is damaged" import_runs
mv /tmp/away "$parts/libexec/runt/runt.node"
steps=/srv/app/node_modules/@runt-oci/runt/dist/lib/plan/steps.js
cp "$steps" /tmp/away
sed -i 's/PLAN_VERSION = [0-9]*/PLAN_VERSION = 99/' "$steps"
says "the library is of another release than init" "plan version.*init is not of the same release" import_runs
mv /tmp/away "$steps"
mv "$parts" /tmp/away
says "its command without the platform's package" "^runt: the npm package @runt-oci/linux-x64 is not installed" command_of_npm
mv /tmp/away "$parts"

try "apt remove" apt-get remove -y runt
says "nothing is left of it" "^0$" sh -c 'find /usr /etc -name runt -o -name "runt[.-]*" -o -name _runt -o -lname "*/runt" | tee /dev/stderr | wc -l'
archive_life "/release/runt-$VERSION-linux-x86_64.tar.gz"
echo done
