// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, type Config, type Mount } from "../harness/config.ts";
import { parseMountinfo, readText } from "../harness/host.ts";
import { ENVIRONMENT, KIND, notFor, runtOnly, RUNTIME } from "../harness/runtime.ts";

/** A directory of the host, with one file, that nothing may touch; and ways to it from inside a root. */
function outside(box: Box): { folder: string; ways: string[]; untouched: () => boolean } {
  const folder = box.folder("outside");
  writeFileSync(join(folder, "kept"), "kept");
  // Not what a device or a directory of the container gets.
  chmodSync(join(folder, "kept"), 0o640);
  const facts = (): string =>
    [folder, join(folder, "kept")]
      .map((path) => {
        const { mode, uid, gid, ino } = statSync(path);
        return [mode, uid, gid, ino].join();
      })
      .join(" ");
  const before = facts();
  const ways = [folder, `/../../../../../../../..${folder}`, `../../../../../../../..${folder}`];
  const untouched = (): boolean =>
    readdirSync(folder).join() === "kept" &&
    readFileSync(join(folder, "kept"), "utf8") === "kept" &&
    facts() === before &&
    !parseMountinfo(readText("/proc/self/mountinfo")).some((each) => each.target.startsWith(folder));
  return { folder, ways, untouched };
}

function withoutMount(config: Config, ...destinations: string[]): void {
  config.mounts = config.mounts.filter(
    (each) => !destinations.some((at) => each.destination === at || each.destination.startsWith(`${at}/`)),
  );
}

for (const name of ["proc", "sys"]) {
  scenario(`CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867: /${name} is a symlink`, (t, box) => {
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

scenario(
  "CVE-2019-16884: a mount target of the image is a symlink into /proc",
  (t, box) => {
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
  },
  { skip: notFor("runc", "1.1 looks at binds only") },
);

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

scenario(
  "a link of the image does not make a mount the root: only config.json does",
  (t, box) => {
    const bundle = box.bundle((config) => void config.mounts.push({ destination: "/link", type: "tmpfs", source: "tmpfs" }));
    symlinkSync("/", join(bundle.rootfs, "link"));
    const done = box.run(bundle);
    t.equal(done.status, 1);
    t.match(done.stderr, /mount/);
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "1.1 mounts it") },
);

scenario(
  "a mount to a new name in /proc is refused for that, in no words that engines take for a missing program",
  (t, box) => {
    const volume = box.folder("volume");
    const file = box.file("file");
    for (const [destination, link] of [
      ["/proc/foo", ""],
      ["/proc/a/b/c", ""],
      ["/proc/self/none", ""],
      ["/link/foo", "/proc"],
      ["/link/x/y", "proc"],
    ] as const) {
      for (const mount of [
        { destination, type: "bind", source: volume, options: ["bind"] },
        { destination, type: "bind", source: file, options: ["bind"] },
        { destination, type: "tmpfs", source: "tmpfs" },
      ] satisfies Mount[]) {
        const bundle = box.bundle((config) => void config.mounts.push(mount));
        if (link !== "") symlinkSync(link, join(bundle.rootfs, "link"));
        const done = box.run(bundle);
        t.equal(done.status, 1, destination);
        t.match(done.stderr, /"\/proc\/[^"]*" cannot be mounted because it is inside \/proc/, destination);
        t.notMatch(done.stderr, /no such file|not found|permission denied|not a directory/i, destination);
      }
    }
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "1.1 looks at binds only") },
);

for (const user of [false, true]) {
  scenario(
    `CVE-2026-88264: without a mount on /dev, /dev/console of the image is a link when the terminal is put there, ${user ? "in a user namespace" : "as root"}`,
    (t, box) => {
      const host = outside(box);
      for (const way of ["/etc/target", ...host.ways.map((each) => `${each}/kept`), "/dev/pts/ptmx", "/proc/self/fd/3"]) {
        const bundle = box.bundle((config) => {
          withoutMount(config, "/dev");
          config.mounts.push({
            destination: "/dev/pts",
            type: "devpts",
            source: "devpts",
            options: ["newinstance", "ptmxmode=0666"],
          });
          config.process.terminal = true;
          config.process.args = [
            "sh",
            "-c",
            "grep -c target /proc/self/mountinfo; grep -c kept /proc/self/mountinfo; cat /etc/target",
          ];
          if (!user) return;
          addNamespaces(config, "user");
          config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
          config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
        });
        mkdirSync(join(bundle.rootfs, "dev/pts"), { recursive: true });
        writeFileSync(join(bundle.rootfs, "etc/target"), "content");
        symlinkSync(way, join(bundle.rootfs, "dev/console"));
        const before = statSync(join(bundle.rootfs, "etc/target"));
        const command = [RUNTIME, "--root", box.root, "run", "--bundle", bundle.dir, box.id()].join(" ");
        const done = spawnSync("script", ["-qec", command, "/dev/null"], { encoding: "utf8", env: ENVIRONMENT, timeout: 20_000 });
        if (done.status === 0) t.match(done.stdout, /^0\r*\n0\r*\ncontent/, way);
        const after = statSync(join(bundle.rootfs, "etc/target"));
        t.same([after.uid, after.gid, after.mode, after.size], [before.uid, before.gid, before.mode, before.size], way);
        t.ok(host.untouched(), way);
      }
      t.same(box.leftovers(), []);
    },
    { skip: runtOnly("older than the fix") },
  );
}

for (const what of ["run", "create", "exec"]) {
  scenario(
    `CVE-2026-88265: ${what} with closed streams, and /dev/null of the image is a link or another file: its owner stays`,
    (t, box) => {
      const host = outside(box);
      const closed = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh"];
      for (const way of ["/etc/target", ...host.ways.map((each) => `${each}/kept`), ""]) {
        const bundle = box.bundle((config) => {
          withoutMount(config, "/dev");
          config.root.readonly = false;
          config.process.user = { uid: 4321, gid: 4321 };
          config.process.args = ["sleep", "1000"];
          config.linux.maskedPaths = [];
        });
        writeFileSync(join(bundle.rootfs, "etc/target"), "content");
        const place = join(bundle.rootfs, "dev/null");
        if (way === "") writeFileSync(place, "content");
        else symlinkSync(way, place);
        const facts = (): string =>
          [way === "" ? place : join(bundle.rootfs, "etc/target")]
            .map((path) => {
              const { uid, gid, mode, size } = statSync(path);
              return [uid, gid, mode, size].join();
            })
            .join();
        const before = facts();
        const id = box.id();
        box.call([what === "run" ? "run" : "create", ...(what === "run" ? ["--detach"] : []), "--bundle", bundle.dir, id], {
          wrap: closed,
        });
        if (what === "exec") {
          box.call(["start", id]);
          box.call(["exec", "--user", "4321:4321", id, "true"], { wrap: closed });
        }
        t.equal(facts(), before, way);
        t.ok(host.untouched(), way);
        box.call(["delete", "--force", id]);
      }
      t.same(box.leftovers(), []);
    },
  );
}

scenario("CVE-2019-18837: a mount target that leads to the host by a symlink stays in the root", (t, box) => {
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

scenario("CVE-2026-41579, CVE-2026-47766: /dev is a symlink to the host: no node, link or mount is made there", (t, box) => {
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
    for (const way of host.ways) {
      const bundle = box.bundle((config) => {
        withoutMount(config, "/dev");
        config.process.args = ["true"];
        config.linux.devices = [{ path: "/dev/extra", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 1000, gid: 1000 }];
      });
      symlinkSync(`${way}/kept`, join(bundle.rootfs, "dev", name));
      symlinkSync(`${way}/new`, join(bundle.rootfs, "dev", `${name}.new`));
      const done = box.run(bundle);
      const link = ["ptmx", "fd", "console"].includes(name);
      t.equal(done.status, link ? 0 : 1, `${name}: ${done.stderr}`);
      t.ok(host.untouched(), `${name} ${way}`);
    }
  }
});

scenario(
  "CVE-2025-31133, CVE-2025-62161: /dev/null is a symlink, or another file, when paths are masked with it",
  (t, box) => {
    const swaps = [
      "ln -s /etc/hostile",
      "ln -s ../etc/hostile",
      "ln -s /proc/sys/kernel/core_pattern",
      "cp etc/hostile",
      "mkdir",
    ];
    for (const swap of swaps) {
      const bundle = box.bundle((config) => {
        config.root.readonly = false;
        config.linux.maskedPaths = ["/secret", "/proc/sys/kernel/ostype"];
        config.process.args = [
          "sh",
          "-c",
          "for f in /secret /proc/sys/kernel/ostype; do stat -c '%F %t:%T' $f; wc -c < $f; done",
        ];
        // The devices are made by then, and the paths not masked yet.
        const script = `cd "$0" && rm dev/null && ${swap} dev/null`;
        config.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", script, "ROOT"] }] };
      });
      const config = JSON.parse(readText(join(bundle.dir, "config.json"))) as Config;
      config.hooks?.createContainer?.[0]?.args?.splice(3, 1, bundle.rootfs);
      bundle.write(config);
      writeFileSync(join(bundle.rootfs, "secret"), "secret");
      writeFileSync(join(bundle.rootfs, "etc/hostile"), "hostile");
      const done = box.run(bundle);
      t.equal(done.status, 0, `${swap}: ${done.stderr}`);
      t.equal(done.stdout, "character special file 1:3\n0\n".repeat(2), swap);
      t.equal(readText(join(bundle.rootfs, "etc/hostile")), "hostile", swap);
    }
  },
  { skip: notFor("runc", "1.1.5 is older than the fix") },
);

scenario("maskedPaths and readonlyPaths that are symlinks stay in the root", (t, box) => {
  const host = outside(box);
  for (const way of ["", "/../../../../../../../..", "../../../../../../../.."]) {
    const bundle = box.bundle((config) => {
      // The box may be below /dev.
      withoutMount(config, "/dev");
      config.root.readonly = false;
      config.linux.maskedPaths = ["/mask", "/host/kept"];
      config.linux.readonlyPaths = ["/fixed", "/host"];
      config.process.args = [
        "sh",
        "-c",
        `wc -c < /etc/target; touch /etc/folder/x ${host.folder}/x 2>&1; wc -c < ${host.folder}/kept`,
      ];
    });
    writeFileSync(join(bundle.rootfs, "etc/target"), "target");
    mkdirSync(join(bundle.rootfs, "etc/folder"));
    symlinkSync(`${way}/etc/target`, join(bundle.rootfs, "mask"));
    symlinkSync(`${way}/etc/folder`, join(bundle.rootfs, "fixed"));
    // The place of the same name in the root is what has to be hidden.
    mkdirSync(join(bundle.rootfs, host.folder), { recursive: true });
    copyFileSync(join(host.folder, "kept"), join(bundle.rootfs, host.folder, "kept"));
    symlinkSync(`${way}${host.folder}`, join(bundle.rootfs, "host"));
    const done = box.run(bundle);
    t.equal(done.status, 0, done.stderr);
    t.match(done.stdout, /^0\n.*Read-only.*\n.*Read-only.*\n0\n$/, way);
    t.ok(host.untouched(), way);
  }
});

for (const property of ["maskedPaths", "readonlyPaths"] as const) {
  scenario(
    `${property} that lead through a magic link of /proc are refused`,
    (t, box) => {
      for (const way of ["/proc/self/cwd", "/proc/self/root/etc", "/proc/self/fd/3"]) {
        const bundle = box.bundle((config) => void (config.linux[property] = ["/link"]));
        symlinkSync(way, join(bundle.rootfs, "link"));
        const done = box.run(bundle);
        t.equal(done.status, 1, way);
        t.match(done.stderr, property, way);
      }
      t.same(box.leftovers(), []);
    },
    { skip: runtOnly("follows it") },
  );
}

scenario(
  "a remount whose target is a symlink does not reach /proc",
  (t, box) => {
    for (const target of ["/proc", "proc", "/", "/proc/sys"]) {
      for (const options of [
        ["remount", "ro"],
        ["remount", "bind", "ro"],
      ]) {
        const bundle = box.bundle(
          (config) => void config.mounts.push({ destination: "/link", type: "none", source: "none", options }),
        );
        symlinkSync(target, join(bundle.rootfs, "link"));
        const done = box.run(bundle);
        t.equal(done.status, 1, `${target} ${options.join()}`);
        t.match(done.stderr, "/link", target);
      }
    }
    const out = box.sh("grep -c ' /proc proc ro,' /proc/self/mounts", (config) => {
      config.mounts.push({ destination: "/proc", type: "none", source: "none", options: ["remount", "bind", "ro"] });
    });
    t.equal(out, "1\n", "by its own name it may be changed");
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "1.1 follows it") },
);

scenario(
  "CVE-2025-52881, CVE-2025-62596: without a mount on /proc, files of the image in its place get nothing",
  (t, box) => {
    const hostile = {
      "proc/sys/net/ipv4/ip_forward": "kept\n",
      "proc/self/oom_score_adj": "kept\n",
      "proc/1/oom_score_adj": "kept\n",
    };
    const bundle = box.bundle((config) => {
      withoutMount(config, "/proc");
      config.root.readonly = false;
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      config.linux.readonlyPaths = [];
      config.linux.maskedPaths = [];
      config.process.oomScoreAdj = 321;
    });
    for (const [name, text] of Object.entries(hostile)) {
      mkdirSync(join(bundle.rootfs, dirname(name)), { recursive: true });
      writeFileSync(join(bundle.rootfs, name), text);
    }
    const container = box.create(bundle);
    t.equal(readText(`/proc/${container.pid}/oom_score_adj`), "321\n");
    const forward = execFileSync("nsenter", [`--net=/proc/${container.pid}/ns/net`, "cat", "/proc/sys/net/ipv4/ip_forward"], {
      encoding: "utf8",
    });
    t.equal(forward, "1\n");
    for (const [name, text] of Object.entries(hostile)) t.equal(readText(join(bundle.rootfs, name)), text, name);
  },
  { skip: notFor("runc", "1.1.5 is older than the fix") },
);

scenario(
  "CVE-2025-52565: /dev/console is a symlink when the terminal is put there",
  (t, box) => {
    const host = outside(box);
    const bundle = box.bundle((config) => {
      withoutMount(config, "/dev");
      config.mounts.push({
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666"],
      });
      config.process.terminal = true;
      config.process.args = ["sh", "-c", "stat -c %F /etc/passwd"];
    });
    mkdirSync(join(bundle.rootfs, "dev/pts"));
    symlinkSync("/etc/passwd", join(bundle.rootfs, "dev/console"));
    const command = [RUNTIME, "--root", box.root, "run", "--bundle", bundle.dir, box.id()].join(" ");
    const done = spawnSync("script", ["-qec", command, "/dev/null"], { encoding: "utf8", env: ENVIRONMENT, timeout: 20_000 });
    if (done.status === 0) t.match(done.stdout, "regular file");
    t.ok(host.untouched());
  },
  { skip: runtOnly("older than the fix") },
);

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

scenario(
  "tmpcopyup of a file without end: what is copied counts against the container's memory",
  (t, box) => {
    const limit = 64 << 20;
    const bundle = box.bundle((config) => {
      config.linux.resources = { memory: { limit } };
      // First of all: a mount of type cgroup would bring the process into its cgroup, too.
      config.mounts.unshift({
        destination: "/data",
        type: "tmpfs",
        source: "tmpfs",
        options: ["tmpcopyup", `size=${8 * limit}`],
      });
      config.process.args = ["stat", "-c", "%s", "/data/hole"];
    });
    mkdirSync(join(bundle.rootfs, "data"));
    const hole = join(bundle.rootfs, "data/hole");
    for (const [size, fits] of [
      [limit / 4, true],
      [4 * limit, false],
    ] as const) {
      // All of it is a hole: it takes no place in the image.
      writeFileSync(hole, "");
      truncateSync(hole, size);
      const done = box.run(bundle);
      if (fits) t.equal(done.stdout, `${size}\n`, done.stderr);
      else t.not(done.status, 0, "it does not get more memory than it may have");
    }
    t.same(box.leftovers(), []);
  },
  {
    skip:
      existsSync("/sys/fs/cgroup/memory") || existsSync("/sys/fs/cgroup/cgroup.controllers")
        ? false
        : "this host has no memory controller",
  },
);

scenario(
  "/etc/passwd is a symlink to the host, a FIFO, a device, or endless",
  (t, box) => {
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
  },
  { skip: runtOnly("hangs") },
);

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
