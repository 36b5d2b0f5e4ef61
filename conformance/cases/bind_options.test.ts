// SPDX-License-Identifier: Apache-2.0
/** Options of bind mounts beyond the specification's: none is ignored. */
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, type Config, type Mount } from "../harness/config.ts";
import { runtOnly } from "../harness/runtime.ts";

const MAPS = [{ containerID: 0, hostID: 100000, size: 65536 }];

function userNamespace(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = MAPS;
  config.linux.gidMappings = MAPS;
}

const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: "bind",
  source,
  options: ["bind", ...options],
});

scenario(
  "a bind mount with an option that nobody knows is an error, for check and create alike",
  (t, box) => {
    const volume = box.folder("volume");
    for (const option of [
      "foo=bar",
      "copy-symlinks",
      "idmap=uids=0-1000-10",
      "idmap=uids=0-1000;gids=0-1000",
      "ridmap=",
      "size=1m",
    ]) {
      const bundle = box.bundle((config) => void config.mounts.push(bind(volume, "/work", option)));
      for (const command of [
        ["create", "--bundle", bundle.dir, box.id()],
        ["check", "--bundle", bundle.dir],
      ]) {
        const done = box.call(command);
        t.equal(done.status, 1, `${command[0]} ${option}`);
        t.match(done.output, /mounts/, option);
      }
    }
    const both = box.run((config) => void config.mounts.push(bind(volume, "/work", "copy-symlink", "src-nofollow")));
    t.equal(both.status, 1);
    t.match(both.stderr, "copy-symlink");
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("runc 1.1 ignores it") },
);

scenario("z, Z and U are for the engine: a bind mount with them is as without", (t, box) => {
  const volume = box.folder("volume");
  writeFileSync(join(volume, "word"), "shared");
  chownSync(volume, 1234, 1234);
  const done = box.run((config) => {
    config.mounts.push(bind(volume, "/work", "z", "ro", "U"), bind(volume, "/other", "Z"));
    config.process.args = ["sh", "-c", "cat /work/word; stat -c ' %u' /other"];
  });
  t.equal(done.status, 0, done.stderr);
  t.equal(done.stdout, "shared 1234\n");
});

/** A file with a link to it, and a link that leads nowhere on the host. */
function links(box: Box) {
  const folder = box.folder("links");
  writeFileSync(join(folder, "file"), "content\n");
  symlinkSync("file", join(folder, "link"));
  symlinkSync("/somewhere/else", join(folder, "away"));
  return folder;
}

for (const user of [false, true]) {
  const where = user ? "in a user namespace" : "as root";
  scenario(
    `copy-symlink: a source that is a link is made once more, any other is bound: ${where}`,
    (t, box) => {
      const folder = links(box);
      const out = box.sh("readlink /etc/away; readlink /etc/link; cat /etc/bound", (config) => {
        config.root.readonly = false;
        if (user) userNamespace(config);
        config.mounts.push({ destination: "/etc", type: "tmpfs", source: "tmpfs" });
        config.mounts.push(
          bind(join(folder, "away"), "/etc/away", "copy-symlink"),
          bind(join(folder, "link"), "/etc/link", "copy-symlink"),
        );
        config.mounts.push(bind(join(folder, "file"), "/etc/bound", "copy-symlink"));
      });
      t.equal(out, "/somewhere/else\nfile\ncontent\n");
      // The same link again is right, anything else is not covered up in silence.
      for (const [target, status] of [
        ["/somewhere/else", 0],
        ["/other", 1],
      ] as const) {
        const bundle = box.bundle((config) => {
          config.process.args = ["true"];
          config.mounts.push(bind(join(folder, "away"), "/there", "copy-symlink"));
        });
        symlinkSync(target, join(bundle.rootfs, "there"));
        t.equal(box.run(bundle).status, status, target);
      }
    },
    { skip: runtOnly("crun's option") },
  );

  scenario(
    `src-nofollow and dest-nofollow: a link itself is mounted, and a link itself is covered: ${where}`,
    (t, box) => {
      const folder = links(box);
      const bundle = box.bundle((config) => {
        config.root.readonly = false;
        if (user) userNamespace(config);
        config.process.args = ["sh", "-c", "readlink /spot; cat /target; cat /kept; stat -c %F /lead"];
        config.mounts.push(bind(join(folder, "away"), "/spot", "src-nofollow"));
        config.mounts.push(bind(join(folder, "link"), "/lead", "dest-nofollow"));
        config.mounts.push(bind(join(folder, "link"), "/target"));
      });
      for (const name of ["kept", "spot", "target"]) writeFileSync(join(bundle.rootfs, name), "kept\n");
      symlinkSync("kept", join(bundle.rootfs, "lead"));
      const done = box.run(bundle);
      t.equal(done.stdout, "/somewhere/else\ncontent\nkept\nregular file\n", done.stderr);
      const missing = box.run((config) => void config.mounts.push(bind(join(folder, "file"), "/missing", "dest-nofollow")));
      t.equal(missing.status, 1, "with dest-nofollow nothing is made");
      t.same(box.leftovers(), []);
    },
    { skip: runtOnly("crun's options") },
  );

  scenario(
    `idmap and ridmap with mappings of their own: ${where}`,
    (t, box) => {
      const folder = box.folder("volume");
      mkdirSync(join(folder, "mine"));
      chownSync(join(folder, "mine"), 5, 7);
      const shift = user ? 100000 : 0;
      for (const name of ["idmap", "ridmap"]) {
        const forms = [
          `${name}=uids=0-${shift + 1000}-10;gids=0-${shift + 2000}-10`,
          `${name}=uids=0-${shift}-3#5-${shift + 1005}-1;gids=7-${shift + 2007}-1`,
        ];
        // Relative to the container's own mappings.
        if (user) forms.push(`${name}=uids=@0-1000-10;gids=@0-2000-10`);
        for (const option of forms) {
          const out = box.sh("stat -c %u:%g /tmp/mine", (config) => {
            if (user) userNamespace(config);
            config.mounts.push({ ...bind(folder, "/tmp", option), options: ["rbind", option] });
          });
          t.equal(out, "1005:2007\n", option);
        }
      }
      const without = box.run((config) => void config.mounts.push(bind(folder, "/v", "idmap=uids=@0-1-1;gids=@0-1-1")));
      t.equal(without.status, 1);
      t.match(without.stderr, "Mappings");
    },
    { skip: runtOnly("crun's option") },
  );
}
