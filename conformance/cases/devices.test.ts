// SPDX-License-Identifier: Apache-2.0
import { lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { addNamespaces, type Config, type DeviceRule } from "../harness/config.ts";
import { needs, notFor, runtOnly } from "../harness/runtime.ts";

const DENY_ALL: DeviceRule = { allow: false, access: "rwm" };

function allow(config: Config, ...rules: DeviceRule[]): void {
  config.linux.resources = { ...config.linux.resources, devices: [DENY_ALL, ...rules] };
}

function may(config: Config, ...capabilities: string[]): void {
  const sets = { bounding: capabilities, permitted: capabilities, effective: capabilities };
  config.process.capabilities = { ...config.process.capabilities, ...sets };
}

scenario("the default devices", (t, box) => {
  const out = box.sh("cd /dev; for d in null zero full random urandom tty; do stat -c '%n %F %t:%T %a %u:%g' $d; done");
  t.same(out.trim().split("\n"), [
    "null character special file 1:3 666 0:0",
    "zero character special file 1:5 666 0:0",
    "full character special file 1:7 666 0:0",
    "random character special file 1:8 666 0:0",
    "urandom character special file 1:9 666 0:0",
    "tty character special file 5:0 666 0:0",
  ]);
});

scenario("the default devices work", (t, box) => {
  const out = box.sh(
    "echo x > /dev/null; cat /dev/null; head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c; echo x > /dev/full || echo full",
  );
  t.equal(out, "3\n5\nfull\n");
});

scenario("the symlinks of /dev", (t, box) => {
  const out = box.sh("cd /dev; for l in fd stdin stdout stderr ptmx; do readlink $l; done; echo through >> /dev/stdout");
  t.same(out.trim().split("\n"), [
    "/proc/self/fd",
    "/proc/self/fd/0",
    "/proc/self/fd/1",
    "/proc/self/fd/2",
    "pts/ptmx",
    "through",
  ]);
});

scenario(
  "linux.devices: character, block, unbuffered and fifo, with mode and owner",
  (t, box) => {
    const out = box.sh("cd /dev; stat -c '%F %t:%T %a %u:%g' a sub/b u p", (config) => {
      config.linux.devices = [
        { path: "/dev/a", type: "c", major: 10, minor: 229, fileMode: 0o640, uid: 7, gid: 8 },
        { path: "/dev/sub/b", type: "b", major: 7, minor: 300, fileMode: 0o600 },
        { path: "/dev/u", type: "u", major: 1, minor: 3, fileMode: 0o666 },
        { path: "/dev/p", type: "p", fileMode: 0o622 },
      ];
    });
    t.same(out.trim().split("\n"), [
      "character special file a:e5 640 7:8",
      "block special file 7:12c 600 0:0",
      "character special file 1:3 666 0:0",
      "fifo 0:0 622 0:0",
    ]);
  },
  { proves: ["linux.devices"] },
);

scenario("linux.devices outside /dev, on the root file system", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["stat", "-c", "%F %t:%T", "/zero"];
    config.linux.devices = [{ path: "/zero", type: "c", major: 1, minor: 5, fileMode: 0o666 }];
  });
  t.equal(box.run(bundle).stdout, "character special file 1:5\n");
  const node = lstatSync(join(bundle.rootfs, "zero"));
  t.ok(node.isCharacterDevice());
  t.equal(box.run(bundle).stdout, "character special file 1:5\n", "one that is there, and matches, is fine");
});

scenario(
  "linux.devices: a file that is there and does not match is an error",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.linux.devices = [{ path: "/taken", type: "c", major: 1, minor: 5 }];
    });
    writeFileSync(join(bundle.rootfs, "taken"), "text");
    const done = box.run(bundle);
    t.equal(done.status, 1);
    t.match(done.stderr, "/taken");
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "takes what is there") },
);

scenario("linux.devices: an unknown type is an error", (t, box) => {
  const done = box.run((config) => {
    config.linux.devices = [{ path: "/dev/x", type: "x", major: 1, minor: 5 }];
  });
  t.equal(done.status, 1);
  t.match(done.stderr, /type|"x"|devices/);
  t.same(box.leftovers(), []);
});

scenario(
  "a device without a rule cannot be opened; with one it can, as far as the rule goes",
  (t, box) => {
    const script = "head -c 0 < /dev/d && echo read; (: > /dev/d) && echo written; true";
    const run = (...rules: DeviceRule[]): string => {
      const done = box.run((config) => {
        config.process.args = ["sh", "-c", script];
        // The twin of the loop control device: harmless to open.
        config.linux.devices = [{ path: "/dev/d", type: "c", major: 10, minor: 237, fileMode: 0o666 }];
        allow(config, ...rules);
      });
      return done.output;
    };
    const none = run();
    t.match(none, /Operation not permitted/);
    t.notMatch(none, /^(read|written)$/m);
    const rule = { allow: true, type: "c", major: 10, minor: 237 };
    const reading = run({ ...rule, access: "r" });
    t.match(reading, /^read$/m);
    t.notMatch(reading, /^written$/m);
    t.match(run({ ...rule, access: "rw" }), /read\nwritten/);
    t.match(run({ allow: true, type: "a", access: "rwm" }), /read\nwritten/, "all allowed");
  },
  { proves: ["allow", "type", "access"].map((name) => `linux.resources.devices[].${name}`) },
);

scenario("mknod is allowed for any device, opening is not", (t, box) => {
  const out = box.sh("mknod /dev/m c 10 237 && echo made; head -c 1 /dev/m 2>&1 || true", (config) => {
    may(config, "CAP_MKNOD");
  });
  t.match(out, /^made\n.*Operation not permitted/);
});

scenario(
  "a later rule takes back an earlier one",
  (t, box) => {
    const done = box.run((config) => {
      config.process.args = ["sh", "-c", "head -c 0 < /dev/d"];
      config.linux.devices = [{ path: "/dev/d", type: "c", major: 10, minor: 237, fileMode: 0o666 }];
      allow(config, { allow: true, type: "c", major: 10, access: "rwm" }, { allow: false, type: "c", major: 10, access: "rwm" });
    });
    t.match(done.stderr, "Operation not permitted");
  },
  { proves: ["linux.resources.devices[].allow"] },
);

scenario(
  "wildcards: a rule with major and minor -1, as engines send it, is for all of a type",
  (t, box) => {
    const out = box.sh("head -c 0 < /dev/d && echo read", (config) => {
      config.linux.devices = [{ path: "/dev/d", type: "c", major: 10, minor: 237, fileMode: 0o666 }];
      allow(config, { allow: true, type: "c", major: -1, minor: -1, access: "rwm" });
    });
    t.equal(out, "read\n");
  },
  {
    proves: ["linux.resources.devices[].major", "linux.resources.devices[].minor"],
    passesWithout: "-1 means the same as none",
  },
);

scenario("linux.devices: /dev/ptmx, as callers list it with the host's others, is the container's own", (t, box) => {
  for (const user of [false, true]) {
    const out = box.sh("readlink /dev/ptmx; head -c 0 /dev/ptmx && echo opened", (config) => {
      config.linux.devices = [{ path: "/dev/ptmx", type: "c", major: 5, minor: 2, fileMode: 0o666 }];
      if (!user) return;
      addNamespaces(config, "user");
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    });
    t.equal(out, "pts/ptmx\nopened\n", user ? "in a user namespace" : "as root");
  }
});

scenario(
  "linux.devices in a new user namespace are nodes of the container's own, with owner and mode, and can be opened",
  (t, box) => {
    const out = box.sh(
      "stat -c '%F %t:%T %a %u:%g' /dev/mine /dev/disk /dev/null /dev/pipe; cut -d' ' -f5 /proc/self/mountinfo | grep -cx /; echo x > /dev/mine; head -c 3 /dev/zero | wc -c; grep -E ' /dev/(mine|disk) ' /proc/mounts | cut -d' ' -f4",
      (config) => {
        addNamespaces(config, "user");
        config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
        config.linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 65536 }];
        config.root.readonly = false;
        config.linux.devices = [
          // No such name is in the /dev of a host.
          { path: "/dev/mine", type: "c", major: 1, minor: 3, fileMode: 0o622, uid: 7, gid: 9 },
          { path: "/dev/disk", type: "b", major: 7, minor: 250, fileMode: 0o640, uid: 70000, gid: 1 },
          { path: "/dev/pipe", type: "p", fileMode: 0o600, uid: 3, gid: 4 },
        ];
        config.linux.resources = { devices: [{ allow: true, access: "rwm" }] };
      },
    );
    const [mine, disk, none, pipe, roots, zero, ...mounts] = out.trim().split("\n");
    t.equal(mine, "character special file 1:3 622 7:9");
    t.equal(disk, "block special file 7:fa 640 65534:1", "an id that is not mapped is nobody's");
    t.equal(none, "character special file 1:3 666 0:0");
    t.equal(pipe, "fifo 0:0 600 3:4");
    t.equal(roots, "1", "what the nodes were made in has gone, and the host's root too");
    t.equal(zero, "3");
    t.equal(mounts.length, 2);
    for (const options of mounts) t.match(options, /nosuid.*noexec/);
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("runc binds the host's") || needs("fsopen", "the host's are bound"), proves: ["linux.devices"] },
);

scenario(
  "without the privilege to make nodes the host's are bound, nosuid and noexec",
  (t, box) => {
    const out = box.sh(
      "stat -c %t:%T /dev/null; grep ' /dev/null ' /proc/mounts | cut -d' ' -f4",
      (config) => {
        addNamespaces(config, "user");
        config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
        config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
      },
      { wrap: ["setpriv", "--bounding-set=-mknod"] },
    );
    const [numbers, options] = out.trim().split("\n");
    t.equal(numbers, "1:3");
    t.match(options, /nosuid.*noexec/);
  },
  { skip: runtOnly("runc has neither option") },
);
