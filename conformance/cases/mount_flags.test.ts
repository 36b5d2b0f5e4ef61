import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
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

function keeps(t: Test, box: Box, user: boolean): void {
  const source = hostMount(box, "nosuid,nodev,noexec");
  const text = box.sh(READ, (config) => {
    if (user) mapUsers(config);
    config.mounts.push({ destination: "/var", type: "bind", source, options: ["rbind", "ro"] });
  });
  t.same(optionsAt(text, "/var").filter((each) => each !== "relatime"), ["ro", "nosuid", "nodev", "noexec"]);
  t.same(optionsAt(text, "/var/sub").filter((each) => each !== "relatime"), ["rw", "nosuid", "nodev", "noexec"]);
}

scenario("ro on a bind mount keeps nosuid, nodev and noexec of its source", (t, box) => keeps(t, box, false), {
  skip: LOSES,
});
scenario("and in a user namespace, where they are locked", (t, box) => keeps(t, box, true), {
  skip: notFor("runc", "1.1 is refused, it does not ask for them") || notFor("crun", "1.8 loses them"),
});

scenario("remount with ro, and with bind, keeps them too", (t, box) => {
  const source = hostMount(box, "nosuid,nodev,noexec");
  const text = box.sh(READ, (config) => {
    mapUsers(config);
    config.mounts.push({ destination: "/var", type: "bind", source, options: ["rbind"] });
    config.mounts.push({ destination: "/var", type: "bind", source, options: ["remount", "bind", "ro"] });
  });
  t.same(optionsAt(text, "/var").filter((each) => each !== "relatime"), ["ro", "nosuid", "nodev", "noexec"]);
}, { skip: LOSES, proves: ["mounts[].options"] });

scenario("a flag that the source has is taken away where it is asked for, outside of a user namespace", (t, box) => {
  const source = hostMount(box, "nosuid,nodev,noexec");
  const text = box.sh(READ, (config) => {
    config.mounts.push({ destination: "/var", type: "bind", source, options: ["rbind", "exec", "suid"] });
  });
  t.same(optionsAt(text, "/var").filter((each) => each !== "relatime"), ["rw", "nodev"]);
}, { skip: LOSES });

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
  scenario(`${option} holds for the mount and what is mounted in it`, (t, box) => {
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
  }, {
    skip: RUNC_LACKS.includes(option) && notFor("runc", "1.1 changes nothing") || /time$|symfollow$/.test(option) && notFor("crun", "1.8 changes nothing"),
    proves: ["mounts[].options"],
  });
}

scenario("overlayfs with more layers than mount(2) takes options", (t, box) => {
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
}, { skip: IS_RUNT ? false : "it hands the options to mount(2), which takes a page of them" });
