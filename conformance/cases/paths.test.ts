// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { addNamespaces, removeNamespaces, type Config } from "../harness/config.ts";
import { readText } from "../harness/host.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

function may(config: Config, ...capabilities: string[]): void {
  config.process.capabilities = { bounding: capabilities, permitted: capabilities, effective: capabilities };
}

scenario(
  "maskedPaths: a file is empty, a directory is empty and read-only, what is missing does no harm",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.root.readonly = false;
      config.linux.maskedPaths = ["/secret/file", "/secret/dir", "/secret/missing"];
      config.process.args = [
        "sh",
        "-c",
        "cat /secret/file | wc -c; ls /secret/dir | wc -l; touch /secret/dir/x 2>&1; stat -c %F:%t:%T /secret/file; ls /secret",
      ];
    });
    mkdirSync(join(bundle.rootfs, "secret/dir"), { recursive: true });
    for (const name of ["file", "dir/file"]) writeFileSync(join(bundle.rootfs, "secret", name), "secret");
    const done = box.run(bundle);
    const lines = done.stdout.trim().split("\n");
    t.same(lines.slice(0, 2), ["0", "0"], done.stderr);
    t.match(lines[2], /Read-only file system/);
    t.equal(lines[3], "character special file:1:3");
    t.same(lines.slice(4), ["dir", "file"]);
  },
  { proves: ["linux.maskedPaths"] },
);

scenario("maskedPaths: what is written goes nowhere, and cannot be unmasked", (t, box) => {
  const out = box.sh("umount /proc/timer_list 2>&1; echo x > /proc/timer_list; wc -c < /proc/timer_list");
  t.match(out, /not permitted|denied/i);
  t.match(out, /\n0\n$/);
});

scenario(
  "readonlyPaths: nothing can be written there, and around it it can",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.root.readonly = false;
      config.linux.readonlyPaths = ["/fixed", "/etc/passwd", "/no/such/path"];
      config.process.args = [
        "sh",
        "-c",
        "touch /fixed/x 2>&1; (echo x >> /etc/passwd) 2>&1; touch /free && echo free; cat /fixed/file",
      ];
    });
    mkdirSync(join(bundle.rootfs, "fixed"));
    writeFileSync(join(bundle.rootfs, "fixed/file"), "text\n");
    const done = box.run(bundle);
    t.match(done.stdout, /Read-only file system.*Read-only file system\nfree\ntext\n$/s);
  },
  { proves: ["linux.readonlyPaths"] },
);

scenario("maskedPaths and readonlyPaths: only what does not exist is passed over, not a way through a file", (t, box) => {
  for (const key of ["maskedPaths", "readonlyPaths"] as const) {
    const done = box.run((config) => void (config.linux[key] = ["/no/such/path", "/etc/passwd/x"]));
    t.equal(done.status, 1, key);
    t.match(done.stderr, /\/etc\/passwd\/x.*(not a|no) directory/i, key);
  }
  t.same(box.leftovers(), []);
});

scenario("readonlyPaths: the flags of the mount below are kept", (t, box) => {
  const out = box.sh("grep ' /proc/sys ' /proc/self/mountinfo", (config) => {
    const proc = config.mounts.find((each) => each.destination === "/proc");
    if (proc !== undefined) proc.options = ["nosuid", "noexec", "nodev"];
  });
  const options = out.split(" ")[5]?.split(",") ?? [];
  for (const word of ["ro", "nosuid", "noexec", "nodev"]) t.ok(options.includes(word), word);
});

scenario("without maskedPaths and readonlyPaths everything is open", (t, box) => {
  const out = box.sh("echo 77 > /proc/sys/net/ipv4/ip_default_ttl && cat /proc/sys/net/ipv4/ip_default_ttl", (config) => {
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
    may(config, "CAP_NET_ADMIN", "CAP_DAC_OVERRIDE");
  });
  t.equal(out, "77\n");
});

scenario(
  "sysctl: of the network, ipc and mqueue",
  (t, box) => {
    const before = readText("/proc/sys/net/ipv4/ip_forward");
    const keys: Record<string, string> = {
      "net.ipv4.ip_forward": before.trim() === "1" ? "0" : "1",
      "net.ipv4.ip_local_port_range": "40000\t41000",
      "kernel.shm_rmid_forced": "1",
      "kernel.msgmax": "4096",
      "fs.mqueue.queues_max": "17",
    };
    const files = Object.keys(keys).map((each) => `/proc/sys/${each.replaceAll(".", "/")}`);
    const out = box.sh(`cat ${files.join(" ")}`, (config) => {
      config.linux.sysctl = { ...keys, "net.ipv4.ip_local_port_range": "40000 41000" };
    });
    t.same(out.trim().split("\n"), Object.values(keys));
    t.equal(readText("/proc/sys/net/ipv4/ip_forward"), before, "the host's is as it was");
  },
  { proves: ["linux.sysctl"] },
);

scenario("sysctl: a key of a namespace that is the host's is an error", (t, box) => {
  for (const [key, kind] of [
    ["net.ipv4.ip_forward", "network"],
    ["kernel.shm_rmid_forced", "ipc"],
  ] as const) {
    const done = box.run((config) => {
      removeNamespaces(config, kind);
      config.linux.sysctl = { [key]: "1" };
    });
    t.equal(done.status, 1, key);
    t.match(done.stderr, key);
  }
  t.same(box.leftovers(), []);
});

scenario("sysctl: a key of the network where the namespace that is joined is the host's is an error", (t, box) => {
  const key = "net.ipv4.ip_default_ttl";
  const before = readText("/proc/sys/net/ipv4/ip_default_ttl");
  const done = box.run((config) => {
    for (const namespace of config.linux.namespaces) if (namespace.type === "network") namespace.path = "/proc/self/ns/net";
    // What it is anyway, so that a runtime that does write it changes nothing.
    config.linux.sysctl = { [key]: before.trim() };
  });
  t.equal(done.status, 1);
  t.match(done.stderr, /net\.ipv4\.ip_default_ttl.* not allowed in host network namespace/);
  t.same(box.leftovers(), []);
});

scenario("sysctl: a key without a namespace, or of the host name, is an error", (t, box) => {
  for (const key of ["vm.swappiness", "kernel.hostname", "kernel.core_pattern", "net/../kernel/core_pattern"]) {
    const done = box.run((config) => void (config.linux.sysctl = { [key]: "1" }));
    t.equal(done.status, 1, key);
    t.match(done.stderr, key.includes("/") ? "core_pattern" : key, key);
  }
  t.same(box.leftovers(), []);
});

scenario("sysctl: a key that does not exist, or a value that the kernel refuses, is an error", (t, box) => {
  for (const [key, value] of [
    ["net.ipv4.no_such_key", "1"],
    ["net.ipv4.ip_default_ttl", "much"],
  ] as const) {
    const done = box.run((config) => void (config.linux.sysctl = { [key]: value }));
    t.equal(done.status, 1, key);
    t.match(done.stderr, new RegExp(key.replaceAll(".", "[./]")), key);
  }
  t.same(box.leftovers(), []);
});

scenario("sysctl works in a user namespace", (t, box) => {
  const out = box.sh("cat /proc/sys/net/ipv4/ip_default_ttl", (config) => {
    addNamespaces(config, "user");
    const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
    config.linux.sysctl = { "net.ipv4.ip_default_ttl": "99" };
  });
  t.equal(out, "99\n");
});

scenario(
  "readonlyPaths: the root itself, and what is mounted in it stays as it is",
  (t, box) => {
    for (const path of ["/", ...(IS_RUNT ? ["/etc/.."] : [])]) {
      const out = box.sh("touch /x 2>&1; touch /dev/shm/x && echo made", (config) => {
        config.root.readonly = false;
        config.linux.readonlyPaths = [path];
      });
      t.match(out, /Read-only file system\nmade\n$/, path);
    }
  },
  { skip: notFor("crun", "1.8 mounts over the root, which changes nothing") },
);
