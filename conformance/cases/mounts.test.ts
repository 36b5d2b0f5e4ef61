// SPDX-License-Identifier: Apache-2.0
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import type { Mount } from "../harness/config.ts";
import { parseMountinfo, type MountInfo } from "../harness/host.ts";
import { IS_RUNT, notFor, runtOnly } from "../harness/runtime.ts";

const READ = "cat /proc/self/mountinfo";

function at(text: string, target: string): MountInfo {
  const found = parseMountinfo(text).findLast((each) => each.target === target);
  if (found === undefined) throw new Error(`no mount at ${target} in:\n${text}`);
  return found;
}

function tmpfs(...options: string[]): Mount {
  return { destination: "/mnt", type: "tmpfs", source: "tmpfs", options };
}

function bind(source: string, ...options: string[]): Mount {
  return { destination: "/mnt", type: "bind", source, options };
}

/** Options of the spec that show in mountinfo: those that must be there (+), and must not (-). */
const SHOWN: readonly (readonly [string, string])[] = [
  ["ro", "+ro -rw"],
  ["rw", "+rw -ro"],
  ["nosuid", "+nosuid"],
  ["suid", "-nosuid"],
  ["nodev", "+nodev"],
  ["dev", "-nodev"],
  ["noexec", "+noexec"],
  ["exec", "-noexec"],
  ["noatime", "+noatime -relatime"],
  ["atime", "-noatime"],
  ["nodiratime", "+nodiratime"],
  ["diratime", "-nodiratime"],
  ["relatime", "+relatime -noatime"],
  ["norelatime", "-noatime"],
  ["strictatime", "-relatime -noatime"],
  ["nostrictatime", "+relatime"],
];

/** Options of the file system, or without a trace: the mount must succeed. */
const QUIET = [
  "sync",
  "async",
  "dirsync",
  "iversion",
  "noiversion",
  "lazytime",
  "nolazytime",
  "mand",
  "nomand",
  "loud",
  "silent",
];
const SUPER = new Set(["sync", "dirsync", "lazytime"]);

scenario(
  "each option of the spec that mountinfo shows",
  (t, box) => {
    for (const [option, wanted] of SHOWN) {
      const mount = at(
        box.sh(READ, (config) => void config.mounts.push(tmpfs(option))),
        "/mnt",
      );
      for (const word of wanted.split(" ")) {
        t.equal(mount.options.includes(word.slice(1)), word.startsWith("+"), `${option}: ${word}`);
      }
    }
  },
  { proves: ["mounts[].options"] },
);

scenario(
  "a later option undoes an earlier one",
  (t, box) => {
    const mount = at(
      box.sh(READ, (config) => void config.mounts.push(tmpfs("ro", "nosuid", "noexec", "rw", "exec", "nodev"))),
      "/mnt",
    );
    t.same([...mount.options].sort(), ["nodev", "nosuid", "relatime", "rw"]);
  },
  { proves: ["mounts[].options"] },
);

scenario(
  "each option that is the file system's or leaves no trace is accepted",
  (t, box) => {
    for (const option of QUIET) {
      const mount = at(
        box.sh(READ, (config) => void config.mounts.push(tmpfs(option))),
        "/mnt",
      );
      if (option === "mand") continue; // shown or not, by kernel
      t.equal(mount.superOptions.includes(option), SUPER.has(option), option);
    }
  },
  { proves: ["mounts[].options"] },
);

scenario(
  "nosymfollow: symlinks are not followed",
  (t, box) => {
    const out = box.sh("ln -s /etc/passwd /mnt/link; cat /mnt/link 2>&1 || cat /proc/self/mountinfo", (config) => {
      config.mounts.push(tmpfs("nosymfollow"));
    });
    t.match(out, /symbolic links|loop/i);
    t.ok(at(out, "/mnt").options.includes("nosymfollow"));
    t.match(
      box.sh("ln -s /etc/passwd /mnt/link; cat /mnt/link", (config) => {
        config.mounts.push(tmpfs("nosymfollow", "symfollow"));
      }),
      /root:/,
    );
  },
  { skip: notFor("runc", "1.1 does not know it"), proves: ["mounts[].options"] },
);

scenario(
  "defaults, on a tmpfs and on a bind",
  (t, box) => {
    const out = box.sh(READ, (config) => {
      config.mounts.push(tmpfs("defaults"));
      config.mounts.push({ destination: "/mnt2", type: "bind", source: box.folder(), options: ["bind", "defaults"] });
    });
    t.same(at(out, "/mnt").options, ["rw", "relatime"]);
    t.ok(at(out, "/mnt2"));
  },
  {
    skip: notFor("runc", "takes it for an option of the file system"),
    proves: ["mounts[].options"],
    passesWithout: "it changes nothing; a bind mount needs its type alone",
  },
);

scenario(
  "options of the file system reach it",
  (t, box) => {
    const out = box.sh(`stat -c %a:%u:%g /mnt; df -k /mnt | tail -1 | awk '{print $2}'`, (config) => {
      config.mounts.push(tmpfs("size=64k", "mode=1710", "uid=3", "gid=4"));
    });
    t.equal(out, "1710:3:4\n64\n");
  },
  { proves: ["mounts[].options"] },
);

scenario("an option that the file system does not know is an error that names the mount", (t, box) => {
  const done = box.run((config) => void config.mounts.push(tmpfs("no-such-option")));
  t.equal(done.status, 1);
  t.match(done.stderr, "/mnt");
  t.match(done.stderr, /invalid argument|EINVAL|no-such-option/i);
  t.same(box.leftovers(), []);
});

scenario("a file system that the kernel does not know is an error that names it", (t, box) => {
  const done = box.run((config) => void config.mounts.push({ destination: "/mnt", type: "nofs", source: "x" }));
  t.equal(done.status, 1);
  t.match(done.stderr, "/mnt");
  t.match(done.stderr, /no such device|ENODEV|nofs/i);
  t.same(box.leftovers(), []);
});

scenario(
  "binds of directories and files; missing targets are made",
  (t, box) => {
    const folder = box.folder();
    writeFileSync(join(folder, "a"), "in a directory\n");
    const file = box.file("a file\n");
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", "cat /deep/er/dir/a /deep/er/file /etc/group; echo more >> /deep/er/dir/a"];
      for (const [destination, source] of [
        ["/deep/er/dir", folder],
        ["/deep/er/file", file],
        ["/etc/group", file],
      ] as const) {
        config.mounts.push({ destination, type: "bind", source, options: ["bind"] });
      }
    });
    const done = box.run(bundle);
    t.equal(done.stdout, "in a directory\na file\na file\n", done.stderr);
    t.ok(statSync(join(bundle.rootfs, "deep/er/dir")).isDirectory());
    t.ok(statSync(join(bundle.rootfs, "deep/er/file")).isFile());
    t.equal(statSync(join(bundle.rootfs, "deep/er")).mode & 0o777, 0o755);
  },
  { proves: ["mounts[].destination", "mounts[].source", "mounts[].type"] },
);

scenario("a bind without a type, and with another type, is a bind", (t, box) => {
  const folder = box.folder();
  writeFileSync(join(folder, "a"), "bound\n");
  const out = box.sh("cat /one/a /two/a", (config) => {
    config.mounts.push({ destination: "/one", source: folder, options: ["bind"] });
    config.mounts.push({ destination: "/two", type: "none", source: folder, options: ["rbind"] });
  });
  t.equal(out, "bound\nbound\n");
});

scenario("the source of a bind may be relative to the bundle", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["cat", "/mnt/a"];
    config.mounts.push(bind("data", "bind"));
  });
  mkdirSync(join(bundle.dir, "data"));
  writeFileSync(join(bundle.dir, "data/a"), "relative\n");
  t.equal(box.run(bundle).stdout, "relative\n");
});

scenario("a bind with ro is read-only, and the host's mount is not", (t, box) => {
  const folder = box.folder();
  const out = box.sh("touch /mnt/new 2>&1 || true", (config) => void config.mounts.push(bind(folder, "bind", "ro")));
  t.match(out, "Read-only");
  writeFileSync(join(folder, "fine"), "");
});

scenario("a bind with nosuid, nodev, noexec", (t, box) => {
  const out = box.sh(READ, (config) => {
    config.mounts.push(bind(box.folder(), "rbind", "nosuid", "nodev", "noexec"));
  });
  for (const word of ["nosuid", "nodev", "noexec"]) t.ok(at(out, "/mnt").options.includes(word), word);
});

scenario("the source of a bind that does not exist is named", (t, box) => {
  const done = box.run((config) => void config.mounts.push(bind("/no/such/source", "bind")));
  t.equal(done.status, 1);
  t.match(done.stderr, "/no/such/source");
  t.match(done.stderr, /no such file or directory|it is not there/i);
  t.same(box.leftovers(), []);
});

scenario(
  "mounts are made in their order: a later one covers an earlier one",
  (t, box) => {
    const [first, second] = [box.folder(), box.folder()];
    writeFileSync(join(first, "name"), "first\n");
    writeFileSync(join(second, "name"), "second\n");
    const out = box.sh("cat /mnt/name; ls /outer", (config) => {
      config.mounts.push(bind(first, "bind"), bind(second, "bind"));
      config.mounts.push({ destination: "/outer", type: "tmpfs", source: "tmpfs" });
      config.mounts.push({ destination: "/outer/inner", type: "tmpfs", source: "tmpfs" });
    });
    t.equal(out, "second\ninner\n");
  },
  { proves: ["mounts[].destination"] },
);

scenario(
  "a tmpfs with ro has what tmpcopyup brought and takes no more",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", "cat /data/file; touch /data/x 2>&1 || true"];
      config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro", "tmpcopyup"] });
    });
    mkdirSync(join(bundle.rootfs, "data"));
    writeFileSync(join(bundle.rootfs, "data/file"), "copied\n");
    const done = box.run(bundle);
    t.match(done.stdout, /^copied\n.*Read-only/, done.stderr);
  },
  { skip: notFor("runc", "1.1 cannot do both"), proves: ["mounts[].options"] },
);

scenario("tmpcopyup copies files, directories and symlinks with owners and modes", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = [
      "sh",
      "-c",
      "cd /data; cat sub/file; readlink link; stat -c %a:%u:%g . sub sub/file; echo new > sub/file",
    ];
    config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
  });
  const data = join(bundle.rootfs, "data");
  mkdirSync(join(data, "sub"), { recursive: true });
  writeFileSync(join(data, "sub/file"), "old\n");
  symlinkSync("sub/file", join(data, "link"));
  chmodSync(join(data, "sub/file"), 0o4751);
  chownSync(join(data, "sub"), 7, 8);
  chmodSync(join(data, "sub"), 0o2711);
  const done = box.run(bundle);
  const lines = done.stdout.split("\n");
  t.same(lines.slice(0, 2), ["old", "sub/file"], done.stderr);
  t.same(lines.slice(3, 5), [IS_RUNT ? "2711:7:8" : "711:7:8", "4751:0:0"]);
  t.equal(statSync(join(data, "sub/file")).size, 4, "the original is as it was");
});

scenario("remount changes an earlier mount", (t, box) => {
  const out = box.sh(`${READ}; touch /mnt/x 2>&1 || true`, (config) => {
    config.mounts.push(tmpfs("nosuid"), tmpfs("remount", "ro", "nosuid"));
  });
  t.match(out, "Read-only");
  t.equal(parseMountinfo(out).filter((each) => each.target === "/mnt").length, 1);
});

scenario("a destination without a leading slash is relative to the root", (t, box) => {
  const out = box.sh(READ, (config) => void config.mounts.push({ ...tmpfs(), destination: "rel/ative" }));
  t.ok(at(out, "/rel/ative"));
});

scenario("names with spaces, newlines, commas and colons", (t, box) => {
  const folder = box.path("so, ur:ce\n");
  mkdirSync(folder);
  writeFileSync(join(folder, "a"), "odd\n");
  const out = box.sh("cat '/de st,in:a\ntion/a'", (config) => {
    config.mounts.push({ destination: "/de st,in:a\ntion", type: "bind", source: folder, options: ["bind"] });
  });
  t.equal(out, "odd\n");
});

scenario("the default file systems are there, with their options", (t, box) => {
  const out = box.sh(READ);
  for (const [target, type] of [
    ["/proc", "proc"],
    ["/sys", "sysfs"],
    ["/dev", "tmpfs"],
    ["/dev/pts", "devpts"],
    ["/dev/shm", "tmpfs"],
    ["/dev/mqueue", "mqueue"],
  ] as const) {
    t.equal(at(out, target).fsType, type, target);
  }
  t.ok(at(out, "/sys").options.includes("ro"));
  t.same(
    at(out, "/dev/pts")
      .superOptions.filter((each) => /^(gid|mode|ptmxmode)/.test(each))
      .sort(),
    ["gid=5", "mode=620", "ptmxmode=666"],
  );
});

scenario(
  "an overlay",
  (t, box) => {
    const [lower, upper, work] = [box.folder(), box.folder(), box.folder()];
    writeFileSync(join(lower, "low"), "low\n");
    const out = box.sh("cat /mnt/low; echo x > /mnt/high", (config) => {
      const options = [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`];
      config.mounts.push({ destination: "/mnt", type: "overlay", source: "overlay", options });
    });
    t.equal(out, "low\n");
    t.ok(existsSync(join(upper, "high")));
  },
  { proves: ["mounts[].type", "mounts[].options"] },
);

scenario("a bind of a symlink follows it on the host; a target that is a symlink stays in the root", (t, box) => {
  const folder = box.folder();
  writeFileSync(join(folder, "a"), "through\n");
  const link = box.path("link");
  symlinkSync(folder, link);
  const bundle = box.bundle((config) => {
    config.process.args = ["cat", "/real/a"];
    config.mounts.push({ destination: "/alias", type: "bind", source: link, options: ["bind"] });
  });
  mkdirSync(join(bundle.rootfs, "real"));
  symlinkSync("/real", join(bundle.rootfs, "alias"));
  t.equal(box.run(bundle).stdout, "through\n");
  t.ok(lstatSync(join(bundle.rootfs, "alias")).isSymbolicLink());
});

scenario("a file over a directory, and a directory over a file, are not a directory", (t, box) => {
  const cases = [
    { destination: "/tmp", source: box.file("x") },
    { destination: "/etc/passwd", source: box.folder() },
  ];
  for (const mount of cases) {
    const bundle = box.bundle((config) => void config.mounts.push({ ...mount, type: "bind", options: ["bind"] }));
    mkdirSync(join(bundle.rootfs, "tmp"), { recursive: true });
    const done = box.tryCreate(bundle);
    t.equal(done.status, 1, mount.destination);
    // dockerd looks for these words, and asks for the kind of the host's file then.
    t.match(done.stderr, /not a directory/i, mount.destination);
  }
  t.same(box.leftovers(), []);
});

scenario(
  "a mount without a kind, or on the root by a link, is an error that says so",
  (t, box) => {
    const cases = [
      [{ destination: "/mnt", source: "/", options: ["ro"] }, "/mounts/7/type: missing, must be a file system"],
      [
        { destination: "/mnt", type: "bind", source: "/", options: ["ro"] },
        '/mounts/7/type: found \\"bind\\", must be a file system',
      ],
      [{ destination: "/root-link", type: "tmpfs", source: "tmpfs" }, "mounts[7]: the target is the root itself"],
    ] as const;
    for (const [mount, message] of cases) {
      const bundle = box.bundle(
        (config) => void config.mounts.push({ ...mount, options: "options" in mount ? [...mount.options] : [] }),
      );
      symlinkSync("/", join(bundle.rootfs, "root-link"));
      const done = box.tryCreate(bundle);
      t.equal(done.status, 1, message);
      t.match(done.stderr, message);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("in their own words") },
);
