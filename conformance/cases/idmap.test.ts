// SPDX-License-Identifier: Apache-2.0
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import type { Test } from "tap";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, type Config, type Mount } from "../harness/config.ts";
import { IS_RUNT, needs, notFor } from "../harness/runtime.ts";

const skip = notFor("runc", "1.1 has no id-mapped mounts") || needs("mount_setattr", "no mount is id-mapped");

const MAPS = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** A directory on the host with a file of each of these owners, named after it. */
function owned(box: Box, ...owners: number[]): string {
  const folder = box.folder("owned");
  for (const owner of owners) {
    const path = join(folder, String(owner));
    writeFileSync(path, "");
    chownSync(path, owner, owner);
  }
  return folder;
}

function bind(source: string, more: Partial<Mount>, ...options: string[]): Mount {
  return { destination: "/var", type: "bind", source, options: ["bind", ...options], ...more };
}

function mapUsers(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = MAPS;
  config.linux.gidMappings = MAPS;
}

function idMapped(
  name: string,
  body: (t: Test, box: Box) => void,
  other: string | false = false,
  proves: readonly string[] = [],
): void {
  scenario(name, body, { skip: skip || other, proves });
}

const OWN_MAPS = ["mounts[].uidMappings", "mounts[].gidMappings"];

idMapped(
  "mappings of the mount's own: owners are shifted, and back for what is made",
  (t, box) => {
    const folder = owned(box, 0, 1000);
    chmodSync(folder, 0o777);
    const maps = { uidMappings: MAPS, gidMappings: [{ containerID: 0, hostID: 200000, size: 65536 }] };
    const out = box.sh("stat -c %u:%g /var/0 /var/1000; touch /var/new 2>&1 || echo refused", (config) => {
      config.mounts.push(bind(folder, maps));
    });
    t.match(
      out,
      /^100000:200000\n101000:201000\n.*(too large|overflow).*\nrefused\n$/is,
      "the container's root has no id in the mount",
    );
    t.notOk(existsSync(join(folder, "new")));
    const user = box.sh("touch /var/new; stat -c %u:%g /var/new", (config) => {
      config.process.user = { uid: 100007, gid: 200008 };
      config.process.capabilities = {};
      config.mounts.push(bind(folder, maps));
    });
    t.equal(user, "100007:200008\n");
    const { uid, gid } = statSync(join(folder, "new"));
    t.same([uid, gid], [7, 8], "on the disk it has the id that the mapping comes from");
  },
  false,
  OWN_MAPS,
);

idMapped(
  "several extents",
  (t, box) => {
    const folder = owned(box, 0, 1, 1000, 5);
    const maps = [
      { containerID: 0, hostID: 3000, size: 1 },
      { containerID: 1, hostID: 70, size: 1 },
      { containerID: 1000, hostID: 0, size: 1 },
    ];
    const out = box.sh("cd /var; stat -c %u:%g 0 1 1000 5", (config) => {
      config.mounts.push(bind(folder, { uidMappings: maps, gidMappings: maps }));
    });
    t.equal(out, "3000:3000\n70:70\n0:0\n65534:65534\n", "an owner without a mapping is nobody");
  },
  false,
  OWN_MAPS,
);

for (const option of ["idmap", "ridmap"]) {
  idMapped(
    `${option} with the container's user namespace: ids on the disk are those in the container`,
    (t, box) => {
      const folder = owned(box, 0, 1000);
      const out = box.sh("stat -c %u:%g /var/0 /var/1000; touch /var/new && stat -c %u /var/new", (config) => {
        mapUsers(config);
        config.mounts.push(bind(folder, {}, option));
      });
      t.equal(out, "0:0\n1000:1000\n0\n");
      t.equal(statSync(join(folder, "new")).uid, 0, "and the file belongs to the host's root");
    },
    option === "ridmap" && notFor("crun", "1.8 takes ridmap for an option of the file system"),
    ["mounts[].options"],
  );
}

idMapped("the container's user namespace is a joined one", (t, box) => {
  const folder = owned(box, 0);
  const first = box.running(mapUsers);
  const out = box.sh("stat -c %u /var/0", (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network");
    config.linux.namespaces.push({ type: "user", path: `/proc/${first.pid}/ns/user` });
    config.linux.namespaces.push({ type: "network", path: `/proc/${first.pid}/ns/net` });
    config.mounts.push(bind(folder, {}, "idmap"));
  });
  t.equal(out, "0\n");
});

idMapped(
  "idmap maps one mount, ridmap the whole tree",
  (t, box) => {
    const folder = owned(box, 0);
    mkdirSync(join(folder, "below"));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(folder, "below")]);
    box.atClose(() => void execFileSync("umount", [join(folder, "below")]));
    const owner = (option: string): string =>
      box.sh("stat -c %u /var/0 /var/below", (config) => {
        config.mounts.push({ ...bind(folder, { uidMappings: MAPS, gidMappings: MAPS }), options: ["rbind", option] });
      });
    t.equal(owner("idmap"), "100000\n0\n");
    t.equal(owner("ridmap"), "100000\n100000\n");
  },
  notFor("crun", "1.8 maps the whole tree"),
);

idMapped("attributes and a file as the source", (t, box) => {
  const folder = owned(box, 7);
  const out = box.sh("stat -c %u /var/file; echo x 2>&1 > /var/file; grep ' /var/file ' /proc/self/mountinfo", (config) => {
    const mount = bind(join(folder, "7"), { uidMappings: MAPS, gidMappings: MAPS }, "ro", "nosuid");
    config.mounts.push({ ...mount, destination: "/var/file" });
  });
  t.match(out, /^100007\n/);
  t.match(out, / ro,nosuid.*idmapped/);
});

const errors: readonly (readonly [string, Partial<Mount>, RegExp])[] = [
  ["one map without the other", { uidMappings: MAPS }, /gidMappings.*go together/s],
  ["no map at all", { options: ["bind", "idmap"] }, /mounts.*needs uidMappings and gidMappings of its own, or a user namespace/s],
  [
    "not a bind mount",
    { type: "tmpfs", options: [], uidMappings: MAPS, gidMappings: MAPS },
    /id-mapped mounts are only supported for bind-mounts/,
  ],
];
for (const [name, more, wanted] of errors) {
  idMapped(
    `an error: ${name}`,
    (t, box) => {
      const done = box.run((config) => void config.mounts.push(bind(box.folder(), more)));
      t.not(done.status, 0);
      if (IS_RUNT) t.match(done.stderr, wanted);
    },
    name === "not a bind mount" && notFor("crun", "1.8 ignores the mappings"),
  );
}

idMapped("an error: a file system that cannot", (t, box) => {
  const done = box.run((config) => void config.mounts.push(bind("/proc/sys", { uidMappings: MAPS, gidMappings: MAPS })));
  t.not(done.status, 0);
  if (IS_RUNT) t.match(done.stderr, /MOUNT_ATTR_IDMAP on \/proc\/sys.*does not support id-mapped mounts/);
});

scenario(
  "a source that the container's root cannot reach",
  (t, box) => {
    const secret = join(box.folder("closed"), "in");
    mkdirSync(secret);
    writeFileSync(join(secret, "file"), "reached\n");
    chmodSync(dirname(secret), 0o700);
    const out = box.sh("cat /var/file; grep ' /var ' /proc/self/mountinfo", (config) => {
      mapUsers(config);
      config.mounts.push(bind(secret, {}, "ro"));
    });
    t.match(out, /^reached\n.* ro/);
    t.notMatch(out, /shared:/, "what is mounted there does not spread to the host");
  },
  { skip: notFor("crun", "1.8 opens it from inside") },
);

scenario(
  "a new user namespace without mappings gets the caller's ids, and a warning says so",
  (t, box) => {
    const done = box.run((config) => {
      addNamespaces(config, "user");
      // There is no group 5 for the terminals, and only root has an id.
      for (const mount of config.mounts) mount.options = (mount.options ?? []).filter((option) => !option.startsWith("gid="));
      config.process.args = ["sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map"];
    });
    t.equal(done.status, 0, done.stderr);
    const maps = done.stdout
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number));
    t.same(
      maps.filter(([, host]) => host === 0),
      [
        [0, 0, 1],
        [0, 0, 1],
      ],
      "root is the caller",
    );
    if (IS_RUNT) t.match(done.stderr, /uidMappings: missing for the new user namespace/);
  },
  { skip: notFor("runc", "demands mappings") },
);
