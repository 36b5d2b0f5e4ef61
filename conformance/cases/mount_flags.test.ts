// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, type Config } from "../harness/config.ts";
import { parseMountinfo } from "../harness/host.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

const LOSES = notFor("runc", "1.1 loses them") || notFor("crun", "1.8 loses them");
const READ = "cat /proc/self/mountinfo";

function mapUsers(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
}

/** A tmpfs of the host with these options, and another one in it, below `sub`. */
function hostMount(box: Box, options: string): string {
  const folder = box.folder("source");
  const add = (path: string): void => {
    execFileSync("mount", ["-t", "tmpfs", "-o", `${options},mode=755`, "tmpfs", path]);
    box.atClose(() => void execFileSync("umount", [path]));
  };
  add(folder);
  mkdirSync(join(folder, "sub"));
  add(join(folder, "sub"));
  return folder;
}

function optionsAt(text: string, target: string): readonly string[] {
  const found = parseMountinfo(text).findLast((each) => each.target === target);
  if (found === undefined) throw new Error(`no mount at ${target} in:\n${text}`);
  return found.options;
}

/** What of `words` the top mount and the one below it have, of a source that has all of them. */
function bound(box: Box, options: readonly string[], user: boolean): readonly (readonly string[])[] {
  const source = hostMount(box, "nosuid,nodev,noexec");
  const text = box.sh(READ, (config) => {
    if (user) mapUsers(config);
    config.mounts.push({ destination: "/var", type: "bind", source, options: ["rbind", ...options] });
  });
  return ["/var", "/var/sub"].map((at) => optionsAt(text, at).filter((each) => each !== "relatime"));
}

const ALL = ["rw", "nosuid", "nodev", "noexec"];

scenario("a bind mount without an option keeps those of its source", (t, box) => {
  t.same(bound(box, [], false), [ALL, ALL]);
  t.same(bound(box, ["rprivate"], false), [ALL, ALL], "propagation is none of them");
});
scenario(
  "a bind mount with an option has that one and no other; what is mounted in it keeps its own",
  (t, box) => {
    t.same(bound(box, ["ro"], false), [["ro"], ALL]);
    t.same(bound(box, ["suid"], false), [["rw"], ALL]);
    t.same(
      bound(box, ["rro"], false),
      [
        ["ro", ...ALL.slice(1)],
        ["ro", ...ALL.slice(1)],
      ],
      "with r it adds",
    );
  },
  { skip: notFor("runc", "1.1 keeps the second") || notFor("crun", "1.8 keeps it") },
);
scenario(
  "in a user namespace they are locked, and stay; what is asked for is refused",
  (t, box) => {
    t.same(bound(box, ["ro"], true), [["ro", ...ALL.slice(1)], ALL]);
    t.throws(() => bound(box, ["exec"], true), /error mounting .*operation not permitted/);
  },
  { skip: notFor("runc", "1.1 is refused, it does not ask for them") || notFor("crun", "1.8 loses them") },
);

scenario("access times stay unless one of their options is given", (t, box) => {
  const source = box.folder("source");
  execFileSync("mount", ["-t", "tmpfs", "-o", "noatime,nodiratime", "tmpfs", source]);
  box.atClose(() => void execFileSync("umount", [source]));
  const shown = (...options: string[]) =>
    optionsAt(
      box.sh(READ, (config) => {
        config.mounts.push({ destination: "/var", type: "bind", source, options: ["bind", ...options] });
      }),
      "/var",
    ).join(",");
  t.equal(shown("nodev"), "rw,nodev,noatime,nodiratime");
  t.equal(shown("atime"), "rw,noatime,nodiratime", "the kernel's default is not to change them");
  t.equal(shown("diratime"), "rw,noatime,nodiratime");
  t.equal(shown("strictatime"), "rw");
  t.equal(shown("relatime"), "rw,relatime");
});

scenario(
  "a destination that begins with the path of the root file system is below it",
  (t, box) => {
    const source = box.folder("source");
    writeFileSync(join(source, "file"), "here\n");
    const bundle = box.bundle((config) => {
      config.process.args = ["cat", "/mnt/file", "/final/file"];
    });
    const config = JSON.parse(readFileSync(join(bundle.dir, "config.json"), "utf8")) as Config;
    for (const name of ["mnt", "final"]) mkdirSync(join(bundle.rootfs, name));
    config.mounts.push({ destination: `${bundle.rootfs}/mnt`, type: "bind", source, options: ["bind"] });
    // And a source may lie in what was mounted before it.
    config.mounts.push({ destination: "/final", type: "bind", source: `${bundle.rootfs}/mnt`, options: ["bind"] });
    bundle.write(config);
    t.equal(box.run(bundle).stdout, "here\nhere\n");
    mapUsers(config);
    bundle.write(config);
    t.equal(box.run(bundle).stdout, "here\nhere\n", "also where the runtime opens it for a user namespace");
  },
  { skip: notFor("crun", "takes it as it is") || notFor("runc", "1.1 opens sources of user namespaces before all mounts") },
);

scenario(
  "remount with ro, and with bind, keeps them too",
  (t, box) => {
    const source = hostMount(box, "nosuid,nodev,noexec");
    const text = box.sh(READ, (config) => {
      mapUsers(config);
      config.mounts.push({ destination: "/var", type: "bind", source, options: ["rbind"] });
      config.mounts.push({ destination: "/var", type: "bind", source, options: ["remount", "bind", "ro"] });
    });
    t.same(
      optionsAt(text, "/var").filter((each) => each !== "relatime"),
      ["ro", "nosuid", "nodev", "noexec"],
    );
  },
  { skip: LOSES, proves: ["mounts[].options"] },
);

/** Each recursive option, and what mountinfo shows of a mount and the one below it: + is there, - is not. */
const RECURSIVE: readonly (readonly [option: string, source: string, wanted: string])[] = [
  ["rro", "rw", "+ro"],
  ["rrw", "ro", "+rw"],
  ["rnosuid", "suid", "+nosuid"],
  ["rsuid", "nosuid", "-nosuid"],
  ["rnodev", "dev", "+nodev"],
  ["rdev", "nodev", "-nodev"],
  ["rnoexec", "exec", "+noexec"],
  ["rexec", "noexec", "-noexec"],
  ["rnodiratime", "diratime", "+nodiratime"],
  ["rdiratime", "nodiratime", "-nodiratime"],
  ["rrelatime", "strictatime", "+relatime"],
  ["rnorelatime", "relatime", "-noatime"],
  ["rnoatime", "atime", "+noatime"],
  ["ratime", "noatime", "-noatime"],
  ["rstrictatime", "relatime", "-relatime"],
  ["rnostrictatime", "strictatime", "+relatime"],
  ["rnosymfollow", "rw", "+nosymfollow"],
  ["rsymfollow", "nosymfollow", "-nosymfollow"],
];

/** runc 1.1 accepts them, and clears no mode of access times. */
const RUNC_LACKS: readonly string[] = ["ratime", "rnostrictatime"];

for (const [option, options, wanted] of RECURSIVE) {
  scenario(
    `${option} holds for the mount and what is mounted in it`,
    (t, box) => {
      // Read-only by mount, not by file system: a remount cannot write to what is read-only itself.
      const source = hostMount(box, options === "ro" ? "rw" : options);
      if (options === "ro") {
        for (const path of [source, join(source, "sub")]) execFileSync("mount", ["-o", "remount,bind,ro", path]);
      }
      const text = box.sh(READ, (config) => {
        config.mounts.push({ destination: "/var", type: "bind", source, options: ["rbind", option] });
      });
      for (const target of ["/var", "/var/sub"]) {
        t.equal(optionsAt(text, target).includes(wanted.slice(1)), wanted.startsWith("+"), `${target}: ${wanted}`);
      }
    },
    {
      skip:
        (RUNC_LACKS.includes(option) && notFor("runc", "1.1 changes nothing")) ||
        (/time$|symfollow$/.test(option) && notFor("crun", "1.8 changes nothing")),
      proves: ["mounts[].options"],
    },
  );
}

scenario(
  "overlayfs with more layers than mount(2) takes options",
  (t, box) => {
    const layers: string[] = [];
    const base = box.folder("layers");
    chmodSync(base, 0o755);
    for (let index = 0; index < 60; index++) {
      const layer = join(base, `${index}-${"x".repeat(80)}`);
      mkdirSync(layer);
      writeFileSync(join(layer, `file${index}`), "");
      layers.push(layer);
    }
    const lowerdir = layers.join(":");
    t.ok(lowerdir.length > 4096);
    const out = box.sh("ls /var | wc -l; touch /var/new && echo made", (config) => {
      config.mounts.push({
        destination: "/var",
        type: "overlay",
        source: "overlay",
        options: [`lowerdir=${lowerdir}`, `upperdir=${box.folder("upper")}`, `workdir=${box.folder("work")}`],
      });
    });
    t.equal(out, "60\nmade\n");
  },
  { skip: IS_RUNT ? false : "it hands the options to mount(2), which takes a page of them" },
);
