// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, removeNamespaces, type Config } from "../harness/config.ts";
import { isAlive, namespaceOf, pids, readText, statusField, waitFor } from "../harness/host.ts";
import { notFor, runtOnly } from "../harness/runtime.ts";

/** Type in config.json, name in /proc/PID/ns. */
const KINDS = {
  pid: "pid",
  network: "net",
  mount: "mnt",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
  time: "time",
  user: "user",
} as const;
type Kind = keyof typeof KINDS;

function mapUsers(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 65536 }];
}

const noTime = notFor("runc", "1.1 does not know time namespaces");

for (const kind of Object.keys(KINDS) as Kind[]) {
  scenario(
    `${kind}: a new one`,
    (t, box) => {
      const container = box.running((config) => {
        if (kind === "user") mapUsers(config);
        else addNamespaces(config, kind);
      });
      t.not(namespaceOf(container.pid, KINDS[kind]), namespaceOf("self", KINDS[kind]));
    },
    { skip: kind === "time" ? noTime : false, proves: ["linux.namespaces[].type"] },
  );

  if (kind === "mount" || kind === "user") continue;
  scenario(`${kind}: the host's, if it is not listed`, (t, box) => {
    const container = box.running((config) => {
      removeNamespaces(config, kind);
      if (kind === "uts") delete config.hostname;
    });
    t.equal(namespaceOf(container.pid, KINDS[kind]), namespaceOf("self", KINDS[kind]));
  });
}

/** A process in new namespaces of its own; its pid. */
function holder(box: Box, ...flags: string[]): number {
  const child = spawn("unshare", [...flags, "sleep", "1000"], { stdio: "ignore" });
  const own = child.pid ?? 0;
  const isReady = (pid: number): boolean => readText(`/proc/${pid}/comm`) === "sleep\n";
  const childOf = (): number | undefined =>
    pids().find((pid) => new RegExp(`^\\d+ \\(sleep\\) \\S ${own} `).test(readText(`/proc/${pid}/stat`)));
  const forks = flags.includes("--fork");
  if (!waitFor(() => (forks ? childOf() !== undefined : isReady(own)))) throw new Error("unshare did not start");
  const pid = forks ? (childOf() ?? own) : own;
  box.atClose(() => {
    for (const each of [pid, own]) if (isAlive(each)) process.kill(each, "SIGKILL");
  });
  return pid;
}

const JOINED: readonly (readonly [Kind, string[]])[] = [
  ["network", ["--net"]],
  ["ipc", ["--ipc"]],
  ["uts", ["--uts"]],
  ["pid", ["--pid", "--fork"]],
  ["cgroup", ["--cgroup"]],
  ["time", ["--time", "--fork"]],
];

for (const [kind, flags] of JOINED) {
  scenario(
    `${kind}: joined by its path`,
    (t, box) => {
      const pid = holder(box, ...flags);
      const path = `/proc/${pid}/ns/${KINDS[kind]}`;
      const container = box.running((config) => {
        removeNamespaces(config, kind);
        config.linux.namespaces.push({ type: kind, path });
        if (kind === "uts") delete config.hostname;
      });
      t.equal(readlinkSync(`/proc/${container.pid}/ns/${KINDS[kind]}`), readlinkSync(path));
      if (kind === "pid") t.equal(statusField(container.pid, "NSpid").split("\t").length, 2);
    },
    { skip: kind === "time" ? noTime : false, proves: ["linux.namespaces[].path"] },
  );
}

scenario(
  "mount: joined by its path",
  (t, box) => {
    const pid = holder(box, "--mount");
    const container = box.running((config) => {
      removeNamespaces(config, "mount");
      config.linux.namespaces.push({ type: "mount", path: `/proc/${pid}/ns/mnt` });
    });
    t.equal(namespaceOf(container.pid, "mnt"), namespaceOf(pid, "mnt"));
  },
  { proves: ["linux.namespaces[].path"] },
);

scenario("mount: a joined one has the sources of bind mounts, and everything is mounted there", (t, box) => {
  const volume = box.folder("volume");
  const pid = holder(box, "--mount");
  const enter = ["--mount", "--target", String(pid), "--", "sh", "-c"];
  execFileSync("nsenter", [...enter, `mount -t tmpfs tmpfs ${volume} && echo joined > ${volume}/file`]);
  const bundle = box.bundle((config) => {
    removeNamespaces(config, "mount");
    config.linux.namespaces.push({ type: "mount", path: `/proc/${pid}/ns/mnt` });
    config.linux.maskedPaths = ["/secret", "/secrets", "/proc/keys"];
    config.linux.readonlyPaths = ["/proc/sys"];
    config.mounts.push({ destination: "/mnt", type: "bind", source: volume, options: ["rbind"] });
    const script =
      "cat /mnt/file; cat /secret | wc -c; ls /secrets | wc -l; stat -c %t:%T /secret /dev/null; (echo x > /proc/sys/kernel/hostname) 2>&1";
    config.process.args = ["sh", "-c", script];
  });
  writeFileSync(join(bundle.rootfs, "secret"), "secret");
  mkdirSync(join(bundle.rootfs, "secrets/inner"), { recursive: true });
  const done = box.run(bundle);
  t.match(done.stdout, /^joined\n0\n0\n1:3\n1:3\n.*Read-only file system/, done.stderr);
  t.same(readdirSync(volume), [], "the runtime's own mount namespace has nothing of it");
});

scenario(
  "two containers share network, ipc and uts, as in a pod",
  (t, box) => {
    const first = box.running((config) => void (config.hostname = "pod"));
    const out = box.sh("hostname; readlink /proc/self/ns/net", (config) => {
      delete config.hostname;
      removeNamespaces(config, "network", "ipc", "uts");
      for (const kind of ["network", "ipc", "uts"] as const) {
        config.linux.namespaces.push({ type: kind, path: `/proc/${first.pid}/ns/${KINDS[kind]}` });
      }
    });
    t.equal(out, `pod\n${namespaceOf(first.pid, "net")}\n`);
  },
  { proves: ["linux.namespaces[].path"] },
);

scenario("a path that does not exist is an error that names it, and nothing is left", (t, box) => {
  const done = box.run((config) => {
    removeNamespaces(config, "network");
    config.linux.namespaces.push({ type: "network", path: "/no/such/ns" });
  });
  t.equal(done.status, 1);
  t.match(done.stderr, "/no/such/ns");
  t.same(box.leftovers(), []);
});

scenario("a path of another kind of namespace is an error", (t, box) => {
  const done = box.run((config) => {
    removeNamespaces(config, "network");
    config.linux.namespaces.push({ type: "network", path: "/proc/self/ns/ipc" });
  });
  t.equal(done.status, 1);
  t.same(box.leftovers(), []);
});

scenario("a type twice, or one that does not exist, is an error", (t, box) => {
  for (const type of ["ipc", "nonsense"]) {
    const done = box.run((config) => void config.linux.namespaces.push({ type }));
    t.equal(done.status, 1, type);
    t.match(done.stderr, type, type);
  }
  t.same(box.leftovers(), []);
});

scenario(
  "a path that is not absolute is an error",
  (t, box) => {
    const done = box.run((config) => {
      removeNamespaces(config, "network");
      config.linux.namespaces.push({ type: "network", path: "proc/self/ns/net" });
    });
    t.equal(done.status, 1);
    t.match(done.stderr, /absolute/);
  },
  { skip: runtOnly("does not check") },
);

scenario("a new network namespace has a loopback device that is up", (t, box) => {
  t.match(box.sh("ip addr show lo"), /LOOPBACK,UP.*127\.0\.0\.1/s);
});

scenario("pid: the program is process 1 and sees none of the host's", (t, box) => {
  // The shell looks by itself: of programs in a pipe one may not be there yet when the other looks.
  t.equal(box.sh("echo $$; echo /proc/[0-9]*"), "1\n/proc/1\n");
});

scenario(
  "user: ids are mapped, and the root of the container is nobody special on the host",
  (t, box) => {
    const container = box.running(mapUsers);
    t.match(readText(`/proc/${container.pid}/uid_map`), /^\s+0\s+100000\s+65536\n$/);
    t.match(readText(`/proc/${container.pid}/gid_map`), /^\s+0\s+200000\s+65536\n$/);
    t.same(statusField(container.pid, "Uid").split("\t"), Array(4).fill("100000"));
    t.same(statusField(container.pid, "Gid").split("\t"), Array(4).fill("200000"));
    const out = box.sh(
      "id -u; id -g; stat -c %u /dev/null /dev/pts; touch /dev/shm/mine && stat -c %u /dev/shm/mine; echo x > /dev/null && echo fine",
      mapUsers,
    );
    t.match(out, /^0\n0\n(65534|0)\n0\n0\nfine\n$/);
  },
  { proves: ["linux.uidMappings", "linux.gidMappings"] },
);

scenario(
  "user: several ranges, and a user that is not root",
  (t, box) => {
    const out = box.sh("id -u; id -g; cat /proc/self/uid_map | wc -l", (config) => {
      addNamespaces(config, "user");
      const ranges = [
        { containerID: 0, hostID: 100000, size: 10 },
        { containerID: 1000, hostID: 300000, size: 1 },
      ];
      config.linux.uidMappings = ranges;
      config.linux.gidMappings = ranges;
      config.process.user = { uid: 1000, gid: 1000 };
    });
    t.equal(out, "1000\n1000\n2\n");
  },
  { proves: ["linux.uidMappings", "linux.gidMappings"] },
);

scenario("user: no mappings is an error", (t, box) => {
  const done = box.run((config) => addNamespaces(config, "user"));
  t.equal(done.status, 1);
  t.match(done.stderr, /mapping/i);
  t.same(box.leftovers(), []);
});

scenario("user: a uid without a mapping is an error that says so", (t, box) => {
  const done = box.run((config) => {
    mapUsers(config);
    config.process.user = { uid: 70000, gid: 0 };
  });
  t.equal(done.status, 1);
  t.match(done.stderr, /uid|user|setresuid|setuid|mapp/i);
  t.same(box.leftovers(), []);
});

scenario(
  "user: joined by its path, with its network namespace",
  (t, box) => {
    const first = box.running(mapUsers);
    const container = box.running((config) => {
      config.linux.namespaces = config.linux.namespaces.filter((each) => each.type !== "network");
      config.linux.namespaces.push({ type: "user", path: `/proc/${first.pid}/ns/user` });
      config.linux.namespaces.push({ type: "network", path: `/proc/${first.pid}/ns/net` });
    });
    t.equal(namespaceOf(container.pid, "user"), namespaceOf(first.pid, "user"));
    t.equal(namespaceOf(container.pid, "net"), namespaceOf(first.pid, "net"));
    t.same(statusField(container.pid, "Uid").split("\t"), Array(4).fill("100000"), "the ids are those of its user 0");
    t.same(statusField(container.pid, "Gid").split("\t"), Array(4).fill("200000"));
  },
  { skip: notFor("runc", "1.1 wants mappings too"), proves: ["linux.namespaces[].path"] },
);

scenario(
  "time: the offsets",
  (t, box) => {
    const before = Number(readText("/proc/uptime").split(" ")[0]);
    const out = box.sh("cat /proc/uptime; cat /proc/self/timens_offsets", (config) => {
      addNamespaces(config, "time");
      config.linux.timeOffsets = { boottime: { secs: 100000, nanosecs: 9 }, monotonic: { secs: 5000, nanosecs: 7 } };
    });
    const inside = Number(out.split(" ")[0]);
    t.ok(inside - before > 99999 && inside - before < 100100, `${inside} against ${before}`);
    t.match(out, /monotonic\s+5000\s+7\n/);
    t.match(out, /boottime\s+100000\s+9\n/);
  },
  { skip: noTime, proves: ["linux.timeOffsets"] },
);

scenario("cgroup: the container sees its cgroup as the root", (t, box) => {
  const out = box.sh("cat /proc/self/cgroup", (config) => addNamespaces(config, "cgroup"));
  for (const line of out.trim().split("\n")) t.match(line, /:\/$/);
});
