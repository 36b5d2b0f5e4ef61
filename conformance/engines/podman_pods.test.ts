// SPDX-License-Identifier: Apache-2.0
import { writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { engine } from "./engine.ts";
import { Podman, PODMAN_PACKAGES } from "./podman.ts";

/** A server in a container that answers every connection with `text`. */
const SERVER = (port: number, text: string): string[] => ["sh", "-c", `while :; do echo ${text} | nc -l -p ${port}; done`];

function namespace(p: Podman, container: string, kind: string): string {
  return p.must("exec", container, "readlink", `/proc/self/ns/${kind}`);
}

/** What `words` prints inside the playground. */
function prints(p: Podman, ...words: string[]): string {
  return p.pg.run(words).stdout.trim();
}

engine("podman networks and pods", PODMAN_PACKAGES, (pg) => new Podman(pg), {
  "the bridge: an address, a name in /etc/hosts, a way to another container"(t, p) {
    p.must("run", "-d", "--name", "server", "box", ...SERVER(8000, "served"));
    const address = p.inspect("server", "{{.NetworkSettings.IPAddress}}");
    t.match(address, /^10\.88\./);
    t.match(p.must("exec", "server", "cat", "/etc/hosts"), address);
    t.ok(waitFor(() => p.podman("run", "--rm", "box", "nc", "-w", "2", address, "8000").stdout === "served\n"));
  },
  "-p publishes a port"(t, p) {
    p.must("run", "-d", "--name", "published", "-p", "8123:8000", "box", ...SERVER(8000, "public"));
    const address = p.inspect("published", "{{.NetworkSettings.Gateway}}");
    t.equal(p.must("port", "published"), "8000/tcp -> 0.0.0.0:8123");
    t.ok(waitFor(() => p.pg.run(["busybox", "nc", "-w", "2", address, "8123"]).stdout === "public\n"));
  },
  "--network none, host and container:NAME"(t, p) {
    t.equal(p.once("box", "sh", "-c", "ls /sys/class/net").stdout, "lo\n");
    const host = prints(p, "readlink", "/proc/self/ns/net");
    t.equal(p.must("run", "--rm", "--network", "host", "box", "readlink", "/proc/self/ns/net"), host);
    const joined = p.must("run", "--rm", "--network", "container:server", "box", "readlink", "/proc/self/ns/net");
    t.equal(joined, namespace(p, "server", "net"));
  },
  "a network of the user's own, connected later too"(t, p) {
    p.must("network", "create", "--subnet", "10.99.0.0/24", "--disable-dns", "own");
    t.match(p.must("run", "--rm", "--network", "own", "box", "ip", "-4", "addr"), "10.99.0.");
    p.must("run", "-d", "--name", "later", "box", "sleep", "1000");
    p.must("network", "connect", "own", "later");
    t.match(p.must("exec", "later", "ip", "-4", "addr"), "10.99.0.");
    p.must("rm", "-f", "-t", "0", "later");
    p.must("network", "rm", "own");
  },
  "--pid container: sees the other's processes"(t, p) {
    t.match(p.must("run", "--rm", "--network", "none", "--pid", "container:server", "box", "ps"), "nc -l -p 8000");
  },
  "a pod: containers share net, ipc and uts, not pid and mnt"(t, p) {
    p.must("pod", "create", "--name", "pod", "--hostname", "together", "-p", "8124:9000");
    p.must("run", "-d", "--pod", "pod", "--name", "one", "box", ...SERVER(9000, "pod"));
    p.must("run", "-d", "--pod", "pod", "--name", "two", "box", "sleep", "1000");
    for (const kind of ["net", "ipc", "uts"]) t.equal(namespace(p, "one", kind), namespace(p, "two", kind), kind);
    for (const kind of ["pid", "mnt"]) t.not(namespace(p, "one", kind), namespace(p, "two", kind), kind);
    t.equal(p.must("exec", "two", "hostname"), "together");
    t.ok(waitFor(() => p.podman("exec", "two", "nc", "-w", "2", "127.0.0.1", "9000").stdout === "pod\n"));
  },
  "a pod's pause, unpause, stop, start, top, stats"(t, p) {
    p.must("pod", "pause", "pod");
    t.equal(p.inspect("one", "{{.State.Status}}"), "paused");
    p.must("pod", "unpause", "pod");
    t.match(p.must("pod", "top", "pod", "args"), "sleep 1000");
    t.match(p.must("pod", "stats", "--no-stream", "pod"), "two");
    p.must("pod", "stop", "-t", "0", "pod");
    t.equal(p.inspect("two", "{{.State.Status}}"), "exited");
    p.must("pod", "start", "pod");
    t.equal(p.inspect("two", "{{.State.Status}}"), "running");
    p.must("pod", "rm", "-f", "-t", "0", "pod");
  },
  "a pod with a shared pid namespace"(t, p) {
    p.must("pod", "create", "--name", "shared", "--share", "pid,ipc,net", "--network", "none");
    p.must("run", "-d", "--pod", "shared", "--name", "first", "box", "sleep", "4321");
    t.match(p.must("run", "--rm", "--pod", "shared", "box", "ps"), "sleep 4321");
    p.must("pod", "rm", "-f", "-t", "0", "shared");
  },
  "play kube: a pod of two containers with limits, environment and a volume"(t, p) {
    const folder = join(p.pg.dir, "kube");
    mkdirSync(folder);
    // An imported image has no PATH, and "play kube" adds none.
    const container = (name: string, script: string): object => ({
      name,
      image: "localhost/box:latest",
      command: ["/bin/sh", "-c", script],
      env: [{ name: "WHO", value: name }],
      resources: { limits: { memory: "32Mi", cpu: "500m" } },
      volumeMounts: [{ name: "shared", mountPath: "/shared" }],
    });
    const spec = {
      restartPolicy: "Never",
      containers: [
        container("writer", "echo $WHO >/shared/who; exec /bin/sleep 1000"),
        container("reader", "exec /bin/sleep 1000"),
      ],
      volumes: [{ name: "shared", hostPath: { path: folder, type: "Directory" } }],
    };
    const file = join(p.pg.dir, "pod.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "kube" }, spec }));
    p.must("play", "kube", file);
    t.ok(waitFor(() => p.podman("exec", "kube-reader", "/bin/cat", "/shared/who").stdout === "writer\n"));
    t.equal(p.must("exec", "kube-reader", "/bin/cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes"), String(32 << 20));
    p.must("play", "kube", "--down", file);
    t.notMatch(p.must("pod", "ls", "--format", "{{.Name}}"), "kube");
  },
});
