import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import type { Config, Mount } from "../harness/config.ts";
import { parseMountinfo, readText } from "../harness/host.ts";
import { ENVIRONMENT, KIND, notFor, runtOnly, RUNTIME } from "../harness/runtime.ts";

/** A directory of the host, with one file, that nothing may touch; and ways to it from inside a root. */
function outside(box: Box): { folder: string; ways: string[]; untouched: () => boolean } {
  const folder = box.folder("outside");
  writeFileSync(join(folder, "kept"), "kept");
  const ways = [folder, `/../../../../../../../..${folder}`, `../../../../../../../..${folder}`];
  const untouched = (): boolean =>
    readdirSync(folder).join() === "kept" &&
    readFileSync(join(folder, "kept"), "utf8") === "kept" &&
    !parseMountinfo(readText("/proc/self/mountinfo")).some((each) => each.target.startsWith(folder));
  return { folder, ways, untouched };
}

function withoutMount(config: Config, ...destinations: string[]): void {
  config.mounts = config.mounts.filter((each) => !destinations.some((at) => each.destination === at || each.destination.startsWith(`${at}/`)));
}

for (const name of ["proc", "sys"]) {
  scenario(`CVE-2019-19921, CVE-2023-27561: /${name} is a symlink`, (t, box) => {
    const host = outside(box);
    for (const way of ["/tmp", "../tmp", ...host.ways]) {
      const bundle = box.bundle();
      rmSync(join(bundle.rootfs, name), { recursive: true });
      symlinkSync(way, join(bundle.rootfs, name));
      const done = box.run(bundle);
      t.equal(done.status, 1, way);
      t.match(done.stderr, new RegExp(`/${name}`), way);
    }
    t.ok(host.untouched());
    t.same(box.leftovers(), []);
  });
}

scenario("CVE-2019-16884: something else is mounted on /proc, or in it", (t, box) => {
  const volume = box.folder("volume");
  mkdirSync(join(volume, "self/attr"), { recursive: true });
  mkdirSync(join(volume, "sys"));
  for (const mount of [
    { destination: "/proc", type: "bind", source: volume, options: ["bind"] },
    { destination: "/proc", type: "tmpfs", source: "tmpfs" },
    { destination: "/proc/sys", type: "bind", source: volume, options: ["bind"] },
    { destination: "/proc/self/attr", type: "tmpfs", source: "tmpfs" },
    { destination: "/tmp/../proc/sys", type: "tmpfs", source: "tmpfs" },
  ] satisfies Mount[]) {
    if (KIND === "runc" && mount.type === "tmpfs" && mount.destination !== "/proc") continue; // 1.1 looks at binds only
    const done = box.run((config) => void config.mounts.push(mount));
    t.equal(done.status, 1, `${mount.destination} ${mount.type}`);
    t.match(done.stderr, "/proc", mount.destination);
  }
  t.same(box.leftovers(), []);
});

scenario("CVE-2019-16884: a mount target of the image is a symlink into /proc", (t, box) => {
  const volume = box.folder("volume");
  const file = box.file("other");
  for (const [target, mount] of [
    ["/proc", { destination: "/link", type: "bind", source: volume, options: ["rbind"] }],
    ["/proc/sys", { destination: "/link", type: "tmpfs", source: "tmpfs" }],
    ["proc/self", { destination: "/link/attr", type: "bind", source: volume, options: ["bind"] }],
    ["/proc/self/status", { destination: "/link", type: "bind", source: file, options: ["bind"] }],
    ["/link2", { destination: "/link/sys/kernel", type: "tmpfs", source: "tmpfs" }],
  ] satisfies [string, Mount][]) {
    const bundle = box.bundle((config) => void config.mounts.push(mount));
    symlinkSync(target, join(bundle.rootfs, "link"));
    symlinkSync("/proc", join(bundle.rootfs, "link2"));
    const done = box.run(bundle);
    t.equal(done.status, 1, target);
    t.match(done.stderr, "/proc", target);
  }
  t.same(box.leftovers(), []);
}, { skip: notFor("runc", "1.1 looks at binds only") });

scenario("what lxcfs replaces in /proc may be mounted there, and a procfs on /proc", (t, box) => {
  const file = box.file("replaced\n");
  const out = box.sh("cat /proc/cpuinfo /proc/uptime; cat /proc/self/comm", (config) => {
    for (const name of ["cpuinfo", "uptime"]) {
      config.mounts.push({ destination: `/proc/${name}`, type: "bind", source: file, options: ["bind"] });
    }
  });
  t.equal(out, "replaced\nreplaced\ncat\n");
  const bound = box.sh("grep -c ' /proc ' /proc/mounts", (config) => {
    config.mounts.push({ destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] });
    config.linux.namespaces = config.linux.namespaces.filter((each) => each.type !== "pid");
  });
  t.equal(bound, "2\n");
});

scenario("a mount on the root itself is an error, by whatever name", (t, box) => {
  for (const destination of ["/", "/tmp/..", "/link"]) {
    const bundle = box.bundle((config) => void config.mounts.push({ destination, type: "tmpfs", source: "tmpfs" }));
    symlinkSync("/", join(bundle.rootfs, "link"));
    const done = box.run(bundle);
    t.equal(done.status, 1, destination);
    t.match(done.stderr, /mount/, destination);
  }
  t.same(box.leftovers(), []);
}, { skip: notFor("runc", "1.1 mounts it") });

scenario("a mount target that leads to the host by a symlink stays in the root", (t, box) => {
  const host = outside(box);
  for (const way of host.ways) {
    for (const mount of [
      { destination: "/link/new", type: "tmpfs", source: "tmpfs" },
      { destination: "/link/kept", type: "bind", source: box.file("other"), options: ["bind"] },
      { destination: "/link", type: "tmpfs", source: "tmpfs" },
    ] satisfies Mount[]) {
      const bundle = box.bundle((config) => {
        config.process.args = ["cat", "/proc/self/mountinfo"];
        config.mounts.push(mount);
      });
      symlinkSync(way, join(bundle.rootfs, "link"));
      const done = box.run(bundle);
      t.ok(done.status === 0 || done.status === 1, `${way} ${mount.destination}: ${done.stderr}`);
      t.ok(host.untouched(), `${way} ${mount.destination}`);
      if (done.status === 0) t.match(done.stdout, ` ${host.folder}`, "it was made in the root");
    }
  }
});

scenario("a mount target with .. in it, or a symlink loop", (t, box) => {
  const host = outside(box);
  const up = box.run((config) => {
    config.process.args = ["true"];
    config.mounts.push({ destination: `/tmp/../../../../../../..${host.folder}/x`, type: "tmpfs", source: "tmpfs" });
  });
  t.ok(up.status === 0 || up.status === 1, up.stderr);
  const bundle = box.bundle((config) => void config.mounts.push({ destination: "/loop/x", type: "tmpfs", source: "tmpfs" }));
  symlinkSync("loop", join(bundle.rootfs, "loop"));
  const done = box.run(bundle);
  t.equal(done.status, 1);
  t.match(done.stderr, "/loop");
  t.ok(host.untouched());
  t.same(box.leftovers(), []);
});

scenario("/dev is a symlink to the host: no node, link or mount is made there", (t, box) => {
  const host = outside(box);
  for (const way of host.ways) {
    const bundle = box.bundle((config) => {
      withoutMount(config, "/dev");
      config.process.args = ["true"];
      config.linux.devices = [{ path: "/dev/extra", type: "c", major: 1, minor: 3 }];
    });
    rmSync(join(bundle.rootfs, "dev"), { recursive: true });
    symlinkSync(way, join(bundle.rootfs, "dev"));
    const done = box.run(bundle);
    t.ok(done.status === 0 || done.status === 1, done.stderr);
    t.ok(host.untouched(), way);
  }
});

scenario("a name of /dev is a symlink: what it leads to is not changed", (t, box) => {
  const host = outside(box);
  for (const name of ["null", "zero", "extra", "ptmx", "fd", "console"]) {
    const bundle = box.bundle((config) => {
      withoutMount(config, "/dev");
      config.process.args = ["true"];
      config.linux.devices = [{ path: "/dev/extra", type: "c", major: 1, minor: 3, fileMode: 0o666 }];
    });
    symlinkSync(`${host.ways[1] ?? ""}/kept`, join(bundle.rootfs, "dev", name));
    symlinkSync(`${host.ways[1] ?? ""}/new`, join(bundle.rootfs, "dev", `${name}.new`));
    const done = box.run(bundle);
    t.ok(done.status === 0 || done.status === 1, `${name}: ${done.stderr}`);
    t.ok(host.untouched(), name);
  }
});

scenario("CVE-2025-31133: /dev/null is a symlink, or another file, when paths are masked with it", (t, box) => {
  for (const hostile of ["/etc/hostile", "/proc/sys/kernel/core_pattern", undefined]) {
    const bundle = box.bundle((config) => {
      withoutMount(config, "/dev");
      config.root.readonly = false;
      config.linux.maskedPaths = ["/secret"];
      config.process.args = ["sh", "-c", "stat -c %F /secret; wc -c < /secret"];
    });
    writeFileSync(join(bundle.rootfs, "secret"), "secret");
    writeFileSync(join(bundle.rootfs, "etc/hostile"), "hostile");
    const node = join(bundle.rootfs, "dev/null");
    if (hostile === undefined) writeFileSync(node, "not a device");
    else symlinkSync(hostile, node);
    const done = box.run(bundle);
    if (done.status === 0) t.equal(done.stdout, "character special file\n0\n", String(hostile));
    else t.equal(done.status, 1, done.stderr);
    t.equal(readText(join(bundle.rootfs, "etc/hostile")), "hostile");
    rmSync(node, { force: true });
  }
}, { skip: notFor("runc", "1.1.5 is older than the fix") });

scenario("maskedPaths and readonlyPaths that are symlinks stay in the root", (t, box) => {
  const host = outside(box);
  const bundle = box.bundle((config) => {
    config.root.readonly = false;
    config.linux.maskedPaths = ["/mask"];
    config.linux.readonlyPaths = ["/fixed"];
    config.process.args = ["sh", "-c", "wc -c < /etc/target; touch /etc/folder/x 2>&1 || true"];
  });
  writeFileSync(join(bundle.rootfs, "etc/target"), "target");
  mkdirSync(join(bundle.rootfs, "etc/folder"));
  symlinkSync("/etc/target", join(bundle.rootfs, "mask"));
  symlinkSync("/etc/folder", join(bundle.rootfs, "fixed"));
  const done = box.run(bundle);
  t.match(done.stdout, /^0\n.*Read-only/, done.stderr);
  t.ok(host.untouched());
});

scenario("CVE-2025-52565: /dev/console is a symlink when the terminal is put there", (t, box) => {
  const host = outside(box);
  const bundle = box.bundle((config) => {
    withoutMount(config, "/dev");
    config.mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] });
    config.process.terminal = true;
    config.process.args = ["sh", "-c", "stat -c %F /etc/passwd"];
  });
  mkdirSync(join(bundle.rootfs, "dev/pts"));
  symlinkSync("/etc/passwd", join(bundle.rootfs, "dev/console"));
  const command = [RUNTIME, "--root", box.root, "run", "--bundle", bundle.dir, box.id()].join(" ");
  const done = spawnSync("script", ["-qec", command, "/dev/null"], { encoding: "utf8", env: ENVIRONMENT, timeout: 20_000 });
  if (done.status === 0) t.match(done.stdout, "regular file");
  t.ok(host.untouched());
}, { skip: runtOnly("older than the fix") });

scenario("cwd is a symlink to the host: it is made in the root", (t, box) => {
  const host = outside(box);
  for (const way of host.ways) {
    const bundle = box.bundle((config) => {
      config.root.readonly = false;
      config.process.cwd = "/link/made";
      config.process.args = ["sh", "-c", "pwd; ls .."];
    });
    symlinkSync(way, join(bundle.rootfs, "link"));
    const done = box.run(bundle);
    t.ok(done.status === 0 || done.status === 1, done.stderr);
    t.notMatch(done.stdout, "kept", "the host's directory is not to be seen");
    t.ok(host.untouched(), way);
  }
});

scenario("tmpcopyup copies symlinks as symlinks, and nothing of the host", (t, box) => {
  const host = outside(box);
  const bundle = box.bundle((config) => {
    config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
    config.process.args = ["sh", "-c", "readlink /data/link; ls -A /data | wc -l; cat /data/link/kept 2>&1 || true"];
  });
  mkdirSync(join(bundle.rootfs, "data"));
  symlinkSync(host.folder, join(bundle.rootfs, "data/link"));
  const done = box.run(bundle);
  t.match(done.stdout, `${host.folder}\n1\n`, done.stderr);
  t.match(done.stdout, /No such file/);
  const linked = box.bundle((config) => {
    config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
    config.process.args = ["sh", "-c", "ls -A /data/"];
  });
  symlinkSync(host.ways[1] ?? "", join(linked.rootfs, "data"));
  t.notMatch(box.run(linked).stdout, "kept");
  t.ok(host.untouched());
});

scenario("/etc/passwd is a symlink to the host, a FIFO, a device, or endless", (t, box) => {
  for (const kind of ["symlink", "fifo", "long", "binary"] as const) {
    const bundle = box.bundle((config) => void (config.process.args = ["sh", "-c", "echo home $HOME"]));
    const file = join(bundle.rootfs, "etc/passwd");
    rmSync(file);
    if (kind === "symlink") symlinkSync("/../../../../../../etc/passwd", file);
    if (kind === "fifo") execFileSync("mkfifo", [file]);
    if (kind === "long") writeFileSync(file, `${"x".repeat(1_000_000)}:x:0:0::/far:\nroot:x:0:0::/near:/bin/sh\n`);
    if (kind === "binary") writeFileSync(file, Buffer.from([0, 58, 255, 58, 48, 10, 0, 0]));
    const done = box.call(["run", "--bundle", bundle.dir, box.id()], { timeout: 10_000 });
    t.ok(done.status === 0 || done.status === 1, `${kind}: ${done.status} ${done.stderr}`);
    if (done.status === 0) t.match(done.stdout, /^home \//, kind);
  }
}, { skip: runtOnly("hangs") });

scenario("linux.devices with a path that leads out by a symlink", (t, box) => {
  const host = outside(box);
  const bundle = box.bundle((config) => {
    config.process.args = ["true"];
    config.linux.devices = [{ path: "/link/node", type: "c", major: 1, minor: 3 }];
  });
  symlinkSync(host.ways[1] ?? "", join(bundle.rootfs, "link"));
  const done = box.run(bundle);
  t.ok(done.status === 0 || done.status === 1, done.stderr);
  t.ok(host.untouched());
});

scenario("the bundle's root is a symlink, or reached by one: only the last name may not be", (t, box) => {
  const bundle = box.bundle();
  renameSync(bundle.rootfs, `${bundle.rootfs}.real`);
  symlinkSync("/", bundle.rootfs);
  const done = box.run(bundle);
  t.equal(done.status, 1);
  t.ok(lstatSync(bundle.rootfs).isSymbolicLink());
});
