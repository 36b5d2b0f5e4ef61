// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { removeNamespaces } from "../harness/config.ts";
import { parseMountinfo, type MountInfo } from "../harness/host.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

/** A mount namespace of its own in which every mount is shared, as on a host with systemd. */
const SHARED_HOST = ["unshare", "-m", "--propagation", "shared"];

function rootMount(text: string): MountInfo {
  const found = parseMountinfo(text).findLast((each) => each.target === "/");
  if (found === undefined) throw new Error(`no mount at / in ${text}`);
  return found;
}

scenario(
  "root.readonly true: nothing can be written",
  (t, box) => {
    const out = box.sh("touch /new 2>&1 || echo refused; cat /proc/self/mountinfo", (config) => {
      config.root.readonly = true;
    });
    t.match(out, "Read-only file system");
    t.match(out, "refused");
    t.ok(rootMount(out).options.includes("ro"));
  },
  { proves: ["root.readonly"] },
);

scenario("root.readonly false, or absent: files can be written, and are in the bundle", (t, box) => {
  for (const value of [false, undefined]) {
    const out = box.sh("echo text > /new; cat /new", (config) => {
      if (value === undefined) delete config.root.readonly;
      else config.root.readonly = value;
    });
    t.equal(out, "text\n", String(value));
  }
});

scenario(
  "root.path may be absolute, and have any name",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["echo", "there"];
    });
    const elsewhere = box.path("root fs, ä\n");
    renameSync(bundle.rootfs, elsewhere);
    t.equal(
      box.run((config) => {
        config.root.path = elsewhere;
        config.process.args = ["echo", "there"];
      }).stdout,
      "there\n",
    );
  },
  { proves: ["root.path"] },
);

scenario("without a mount namespace one recursive umount of the root takes the container's mounts from the host", (t, box) => {
  const bundle = box.bundle((config) => {
    removeNamespaces(config, "mount");
    config.process.args = ["cat", "/proc/self/mountinfo"];
    config.mounts = [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/mnt", type: "tmpfs", source: "tmpfs" },
    ];
    config.root.readonly = false;
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
  });
  // A host that keeps the mounts of the container for as long as the call, and no longer.
  const script = '"$@" >/dev/null; umount --recursive --lazy "$0" && ! grep " $0" /proc/self/mountinfo';
  const done = box.run(bundle, [], { wrap: ["unshare", "-m", "sh", "-c", script, bundle.rootfs] });
  t.equal(done.status, 0, done.output);
});

scenario("the host's root is not reachable", (t, box) => {
  const out = box.sh("ls /; ls /..; ls /../../..; cat /proc/1/root/etc/debian_version 2>&1 || true");
  t.notMatch(out, "usr\n");
  t.match(out, /No such file/);
});

scenario("the container sees its own mounts only", (t, box) => {
  const targets = parseMountinfo(box.sh("cat /proc/self/mountinfo")).map((each) => each.target);
  const allowed = /^\/($|proc|dev|sys)/;
  t.same(
    targets.filter((each) => !allowed.test(each)),
    [],
  );
  t.notOk(targets.some((each) => each.includes(box.marker)));
});

const WANTED = {
  shared: /shared:/,
  slave: /^master:\d+$/,
  private: /^$/,
  unbindable: /unbindable/,
} as const;

for (const [value, wanted] of Object.entries(WANTED)) {
  for (const form of ["", "r"]) {
    scenario(
      `rootfsPropagation ${form}${value}`,
      (t, box) => {
        const out = box.sh(
          "cat /proc/self/mountinfo",
          (config) => {
            config.linux.rootfsPropagation = `${form}${value}`;
          },
          { wrap: SHARED_HOST },
        );
        t.match(rootMount(out).propagation.join(" "), wanted);
      },
      {
        skip: value !== "private" ? notFor("runc", "1.1 gets this wrong") : false,
        proves: ["linux.rootfsPropagation"],
        ...(value === "private" ? { passesWithout: "it is the default" } : {}),
      },
    );
  }
}

/** What mounts do across the border: seen inside, seen outside, and whether the root can be bound. */
const BEHAVIOUR = {
  shared: [false, false, true],
  slave: [true, false, true],
  private: [false, false, true],
  unbindable: [false, false, false],
} as const;

for (const [value, wanted] of Object.entries(BEHAVIOUR)) {
  scenario(
    `rootfsPropagation ${value}: what is mounted on the host, in the container, and bound`,
    (t, box) => {
      const bundle = box.bundle((config) => {
        config.linux.rootfsPropagation = value;
        if (config.root !== undefined) config.root.readonly = false;
        for (const set of ["bounding", "effective", "permitted"] as const) {
          config.process.capabilities?.[set]?.push("CAP_SYS_ADMIN");
        }
        const inside = [
          "mount -t tmpfs from-container /home",
          "touch /tmp/ready",
          "until [ -e /tmp/go ]; do sleep 0.02; done",
          "grep -c from-host /proc/self/mountinfo",
          "mount --bind /bin /var 2>/dev/null && echo bound || echo refused",
        ];
        config.process.args = ["sh", "-c", inside.join("; ")];
      });
      const { rootfs } = bundle;
      const outside = [
        '"$@" & child=$!',
        `n=0; until [ -e ${rootfs}/tmp/ready ] || [ $n -gt 500 ]; do sleep 0.02; n=$((n + 1)); done`,
        `mount -t tmpfs from-host ${rootfs}/root`,
        `touch ${rootfs}/tmp/go`,
        "wait $child",
        "grep -c from-container /proc/self/mountinfo",
      ];
      const done = box.run(bundle, [], { wrap: [...SHARED_HOST, "sh", "-c", outside.join("\n"), "sh"] });
      const [seenInside, bound, seenOutside] = done.stdout.split("\n");
      t.same([seenInside !== "0", seenOutside !== "0", bound === "bound"], wanted, done.output);
    },
    {
      skip: value === "slave" || value === "unbindable" ? notFor("runc", "gets this wrong") : false,
      proves: value === "slave" || value === "unbindable" ? ["linux.rootfsPropagation"] : [],
    },
  );
}

scenario("rootfsPropagation: another value is an error", (t, box) => {
  const done = box.run((config) => {
    config.linux.rootfsPropagation = "sideways";
  });
  t.equal(done.status, 1);
  t.match(done.stderr, /sideways|rootfsPropagation/);
});

scenario("a mount made in the container does not reach the host", (t, box) => {
  const container = box.create((config) => {
    config.root.readonly = false;
    config.process.capabilities = { bounding: ["CAP_SYS_ADMIN"], permitted: ["CAP_SYS_ADMIN"], effective: ["CAP_SYS_ADMIN"] };
    config.process.args = ["sh", "-c", "mount -t tmpfs inner /tmp && echo mounted; sleep 1000"];
  }, []);
  container.start();
  t.same(
    box.leftovers().filter((each) => each.startsWith("mount")),
    [],
  );
});

scenario("--no-pivot: the same container by another way", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["sh", "-c", "ls / | tr '\\n' ' '; cat /proc/self/mountinfo | wc -l"];
  });
  const done = box.run(bundle, ["--no-pivot"]);
  t.equal(done.status, 0, done.output);
  t.match(done.stdout, /^bin dev etc home proc root sys tmp var/);
});

scenario("a root that is missing, or a file, is an error that names it", (t, box) => {
  for (const path of ["missing", "config.json"]) {
    const done = box.run((config) => {
      config.root.path = path;
    });
    t.equal(done.status, 1, path);
    if (IS_RUNT) t.match(done.stderr, path);
  }
  t.same(box.leftovers(), []);
});

scenario("a root that is a symlink is an error", (t, box) => {
  const bundle = box.bundle();
  renameSync(bundle.rootfs, `${bundle.rootfs}.real`);
  symlinkSync("rootfs.real", bundle.rootfs);
  const done = box.run(bundle);
  t.equal(done.status, 1);
  t.match(done.stderr, /symlink|symbolic link|not an absolute path/);
  t.same(box.leftovers(), []);
});

scenario("a symlink in the path of the bundle is none of the container's business", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["echo", "linked"];
  });
  const link = box.path("link");
  symlinkSync(bundle.dir, link);
  mkdirSync(join(bundle.rootfs, "more"));
  t.equal(box.call(["run", "--bundle", link, box.id()]).stdout, "linked\n");
});
