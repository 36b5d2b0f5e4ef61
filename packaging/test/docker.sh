# SPDX-License-Identifier: Apache-2.0
# Docker of this Debian, and the lines of README.md that give it runt: from a package that lies there to a container that runs.
. /box/common.sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# What somebody who uses docker has already. systemd is not the first process here: what its units would start is started by a stand-in,
# which, as systemctl does with them, ends when docker is ready.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
cat >/usr/local/bin/systemctl <<'EOF'
#!/bin/sh
pid=$(cat /run/docker.pid 2>/dev/null)
[ "$1" = restart ] && [ -n "$pid" ] && kill "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
[ -e /run/containerd/containerd.sock ] || setsid containerd >>/var/log/containerd.log 2>&1 </dev/null &
tries=0
until [ -e /run/containerd/containerd.sock ]; do tries=$((tries + 1)); [ "$tries" -lt 300 ] || exit 1; sleep 0.1; done
setsid dockerd --containerd=/run/containerd/containerd.sock >>/var/log/docker.log 2>&1 </dev/null &
until docker info >/dev/null 2>&1; do tries=$((tries + 1)); [ "$tries" -lt 300 ] || { tail -n 5 /var/log/docker.log; exit 1; }; sleep 0.1; done
EOF
chmod 755 /usr/sbin/policy-rc.d /usr/local/bin/systemctl
try "apt install docker.io, of this Debian" apt-get install -y --no-install-recommends /srv/docker/*.deb
try "docker runs, without runt" systemctl start docker
mkdir -p /tmp/image/bin /tmp/image/tmp
cp /box/busybox /tmp/image/bin/
for name in sh echo sleep true; do ln -s busybox "/tmp/image/bin/$name"; done
try "an image, where there is no registry" sh -c 'tar -C /tmp/image -c . | docker import - alpine:latest'

# The lines as they stand in README.md.
install=$(sed -n 's/^    \(apt install \.\/runt_.*\)$/\1/p' /box/README.md)
line=$(sed -n 's/^    \(.*daemon\.json.*docker run .*\)$/\1/p' /box/README.md)
says "README.md has the line that installs, with this version" "runt_${VERSION}_amd64.deb" echo "$install"
says "README.md has the line for docker" "docker run " echo "$line"
from_readme() { cd /release && eval "$install" && eval "$line"; }
began=$(date +%s)
from_readme >/tmp/readme.out 2>&1
status=$?
seconds=$(($(date +%s) - began))
says "the lines of README.md run a container" "^it works$" cat /tmp/readme.out
try "and end with 0, after $seconds s, less than 60" [ "$status" -eq 0 -a "$seconds" -lt 60 ]
says "docker knows the runtime" "runt" docker info --format '{{.Runtimes}}'
says "the container's exit status" "^7$" sh -c 'docker run --rm --runtime runt alpine sh -c "exit 7"; echo $?'
# Without a line in daemon.json, from docker 23 on: the shim.
if [ "$(docker version --format '{{.Server.Version}}' | cut -d. -f1)" -ge 23 ]; then
  says "as docker's shim, without a line in daemon.json" "^it works$" docker run --rm --runtime io.containerd.runt.v2 alpine echo it works
fi

# Upgraded, removed and installed again under a container of docker's.
try "a container in the background" docker run -d --name stays --runtime runt alpine sh -c 'echo up; exec sleep 1000'
pid=$(docker inspect --format '{{.State.Pid}}' stays)
try "apt install --reinstall" apt-get install -y --reinstall --no-install-recommends /release/runt_*_amd64.deb
says "docker exec after it" "^inside$" docker exec stays echo inside
try "apt remove" apt-get remove -y runt
says "the container goes on without runt" "true" docker inspect --format '{{.State.Running}}' stays
try "and so does its process" kill -0 "$pid"
says "docker says what is missing" "runt.*no such file\|no such file.*runt\|executable file not found" docker exec stays echo inside
try "apt install once more" apt-get install -y --no-install-recommends /release/runt_*_amd64.deb
says "docker exec works again" "^inside$" docker exec stays echo inside
try "docker rm -f" docker rm -f stays
echo done
