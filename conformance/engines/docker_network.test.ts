// SPDX-License-Identifier: Apache-2.0
import { waitFor } from "../harness/host.ts";
import { Docker, DOCKER_PACKAGES } from "./docker.ts";
import { engine } from "./engine.ts";

const SERVE = ["sh", "-c", "while :; do echo served | nc -l -p 8000; done"];

/** What a server at `address` says, asked from the playground. */
function ask(d: Docker, address: string, port: string): string {
  return d.pg.run(["busybox", "nc", "-w", "1", address, port]).stdout;
}

engine("docker: networks", DOCKER_PACKAGES, (pg) => new Docker(pg), {
  "the bridge: an address, and a way to the container"(t, d) {
    d.must("run", "-d", "--name", "server", "box", ...SERVE);
    const address = d.inspect("server", "{{.NetworkSettings.IPAddress}}");
    t.match(d.must("exec", "server", "ip", "-4", "addr", "show", "eth0"), address);
    t.ok(waitFor(() => ask(d, address, "8000") === "served\n", 5000));
  },
  "one container reaches the other"(t, d) {
    const address = d.inspect("server", "{{.NetworkSettings.IPAddress}}");
    t.equal(d.must("run", "--rm", "box", "nc", "-w", "2", address, "8000"), "served");
  },
  "--network container: shares the addresses"(t, d) {
    const address = d.inspect("server", "{{.NetworkSettings.IPAddress}}");
    const done = d.docker(
      "run",
      "--rm",
      "--network",
      "container:server",
      "box",
      "sh",
      "-c",
      "ip -4 addr show eth0; nc -w 2 127.0.0.1 8000",
    );
    t.match(done.stdout, address);
    t.match(done.stdout, /^served$/m);
  },
  "--link gives a name"(t, d) {
    t.equal(d.must("run", "--rm", "--link", "server:friend", "box", "nc", "-w", "2", "friend", "8000"), "served");
    d.remove("server");
  },
  "-p publishes a port"(t, d) {
    d.must("run", "-d", "--name", "published", "-p", "8123:8000", "box", ...SERVE);
    t.equal(d.must("port", "published", "8000/tcp").split("\n")[0], "0.0.0.0:8123");
    t.ok(
      waitFor(() => ask(d, "127.0.0.1", "8123") === "served\n", 5000),
      "on the loopback",
    );
    const bridge = d.pg.run(["sh", "-c", "ip -4 -o addr show docker0 | sed 's/.*inet \\([^/]*\\).*/\\1/'"]).stdout.trim();
    t.ok(
      waitFor(() => ask(d, bridge, "8123") === "served\n", 5000),
      "on the bridge",
    );
    d.remove("published");
    t.equal(ask(d, "127.0.0.1", "8123"), "");
  },
  "--network none: the loopback alone"(t, d) {
    t.equal(d.once("box", "ls", "/sys/class/net").stdout, "lo\n");
  },
  "--network host: the namespace of the daemon"(t, d) {
    const inside = d.must("run", "--rm", "--network", "host", "box", "readlink", "/proc/self/ns/net");
    t.equal(inside, d.pg.run(["readlink", "/proc/self/ns/net"]).stdout.trim());
    t.match(d.must("run", "--rm", "--network", "host", "box", "ls", "/sys/class/net"), "docker0");
  },
  "a network of one's own, with names, connected while the container runs"(t, d) {
    d.must("network", "create", "--subnet", "10.88.0.0/24", "own");
    d.must("run", "-d", "--name", "named", "--network", "own", "--ip", "10.88.0.77", "box", ...SERVE);
    t.equal(d.must("run", "--rm", "--network", "own", "box", "nc", "-w", "2", "named", "8000"), "served");
    d.must("run", "-d", "--name", "joining", "box", "sleep", "1000");
    d.must("network", "connect", "own", "joining");
    t.match(d.must("exec", "joining", "ip", "-4", "addr"), "10.88.0.");
    t.equal(d.must("exec", "joining", "nc", "-w", "2", "10.88.0.77", "8000"), "served");
    d.must("network", "disconnect", "own", "joining");
    t.notMatch(d.must("exec", "joining", "ip", "-4", "addr"), "10.88.0.");
    d.remove("named", "joining");
    d.must("network", "rm", "own");
  },
  "--mac-address"(t, d) {
    t.equal(
      d.must("run", "--rm", "--mac-address", "02:42:ac:00:00:99", "box", "cat", "/sys/class/net/eth0/address"),
      "02:42:ac:00:00:99",
    );
  },
});
