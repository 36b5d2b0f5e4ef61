# SPDX-License-Identifier: Apache-2.0
# A fresh Debian.
. /box/common.sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
deb=$(echo /release/runt_*_amd64.deb)

head -c 100000 "$deb" >/tmp/cut.deb
says "a package that was cut off" "unexpected end of file\|truncated\|corrupt" dpkg -i /tmp/cut.deb
try "apt install ./runt.deb" apt-get install -y --no-install-recommends "$deb"
says "runt --version" "^runt version $VERSION$" runt --version
says "the commit, the engine and libseccomp" "^libseccomp: [0-9]" runt --version
try "runt run" life runt
says "man runt" "container" man runt
says "man runt-create" "create" man runt-create
says "completion for bash" "complete .*runt" bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader runt 2>/dev/null || _comp_load runt; complete -p runt'
says "completion for zsh is where zsh looks" "#compdef runt" head -1 /usr/share/zsh/vendor-completions/_runt
says "completion for fish is where fish looks" "complete" cat /usr/share/fish/vendor_completions.d/runt.fish
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
mkdir -p /srv/app/node_modules/@runt-oci/runt /srv/app/node_modules/@runt-oci/linux-x64
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
refuses_import() { cd /srv/app && "$node" main.mjs; }
says "import without the platform's package" "it is in the npm package @runt-oci/linux-x64, an optional dependency" refuses_import
tar -xzf "/release/npm/runt-oci-linux-x64-$VERSION.tgz" -C /srv/app/node_modules/@runt-oci/linux-x64 --strip-components=1
says "import of the npm package runs a container" "ended with 7" refuses_import
says "its command" "^runt version $VERSION$" "$node" /srv/app/node_modules/@runt-oci/runt/bin/runt.mjs --version

try "apt remove" apt-get remove -y runt
says "nothing is left of it" "^0$" sh -c 'find /usr /etc -name runt -o -name "runt[.-]*" -o -name _runt -o -lname "*/runt" | tee /dev/stderr | wc -l'
archive_life "/release/runt-$VERSION-linux-x86_64.tar.gz"
echo done
