// SPDX-License-Identifier: Apache-2.0
/** Mounts where the calls of Linux 5.2 and 5.12 for them are missing: the same ones, made by mount(2), and as safe. */
import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import { addNamespaces, type Config } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { parseMountinfo, readText } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";
import { MOUNT_CALLS, SINCE_4_18, without } from "../harness/without.ts";

const skip = runtOnly("what it does without the calls is its own affair");

/** Each call alone, those of a whole interface, and all that came after Linux 4.18. */
const WITHHELD = [...MOUNT_CALLS.split(","), "mount_setattr", `${MOUNT_CALLS},mount_setattr`, SINCE_4_18];

/** A mount namespace with a tmpfs at `folder` and another one in its directory `sub`, and `more` shell commands. */
function treeHost(folder: string, more = "true"): string[] {
  const script = [
    `mount -t tmpfs top ${folder}`,
    `mkdir ${folder}/sub ${folder}/dir`,
    `mount -t tmpfs low ${folder}/sub`,
    `echo text > ${folder}/file`,
    `chown -R 100000:100000 ${folder}`,
    more,
    'exec "$@"',
  ].join(" && ");
  return ["unshare", "-m", "--propagation", "slave", "sh", "-c", script, "sh"];
}

/** What a table of mounts has of each, but for numbers. */
function table(text: string): string[] {
  return parseMountinfo(text).map(({ root, target, options, propagation, fsType, source, superOptions }) => {
    const kinds = propagation.map((each) => each.replace(/:.*/, ""));
    // Whose node it is differs: held from the host, or the container's own; made for it, or bound.
    if (target.startsWith("/dev/") && root !== "/") return `${target} device`;
    if (target === "/etc/secret" || target === "/proc/timer_list") return `${target} masked ${options[0] ?? ""}`;
    return [target, root.replace(/^\/\d+$/, "/N"), options.join(), kinds.join(), fsType, source, superOptions.join()].join(" ");
  });
}

/** A bit of everything that is mounted for a container. */
function everything(config: Config, tree: string): void {
  config.process.args = [
    "sh",
    "-c",
    "cat /proc/self/mountinfo; cat /copied/*; stat -c '%n %F %t:%T' /dev/null /dev/zero; stat -c '%n %F %t:%T' /dev/extra; cat /etc/secret /etc/dark/* 2>&1; ls /.. | wc -l",
  ];
  const bind = (destination: string, source: string, ...options: string[]): void => {
    config.mounts.push({ destination, type: "bind", source, options });
  };
  bind("/plain", tree, "bind");
  bind("/strict", tree, "rbind", "ro", "nosuid", "nodev", "noexec", "noatime");
  bind("/whole", tree, "rbind", "rro", "rnosuid");
  bind("/shared", tree, "rbind", "rshared");
  bind("/made/on/the/way", join(tree, "file"), "bind", "ro");
  config.mounts.push({
    destination: "/copied",
    type: "tmpfs",
    source: "tmpfs",
    options: ["tmpcopyup", "ro", "size=1m", "nosuid"],
  });
  config.mounts.push({ destination: "/changed", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m"] });
  config.mounts.push({ destination: "/changed", type: "tmpfs", source: "tmpfs", options: ["remount", "nosuid", "size=2m"] });
  config.mounts.push({ destination: "/plain/dir", type: "tmpfs", source: "tmpfs", options: ["noexec", "mode=0711"] });
  config.linux.devices = [{ path: "/dev/extra", type: "c", major: 1, minor: 5 }];
  config.linux.maskedPaths = ["/etc/secret", "/etc/dark", "/proc/timer_list", "/proc/scsi", "/proc/missing"];
  config.linux.readonlyPaths = ["/proc/sys", "/proc/bus", "/plain"];
}

const SIDES: Readonly<Record<string, Edit>> = {
  "as root": () => undefined,
  "in a user namespace": (config) => {
    // Without fsopen(2) only nodes that the host has, too, are to be had.
    config.linux.devices = [];
    // The kernel keeps the access times of the host's mounts there, and what is under a mount of the host.
    for (const mount of config.mounts)
      mount.options =
        mount.options
          ?.filter((each) => each !== "noatime")
          .map((each) => (each === "bind" && mount.destination === "/plain" ? "rbind" : each)) ?? [];
    addNamespaces(config, "user");
    config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  },
};

/** What the container of {@link everything} prints. */
function show(t: Test, box: Box, edit: Edit, withheld?: string): string[] {
  const hidden = box.folder("hidden");
  const tree = join(hidden, "tree");
  mkdirSync(tree);
  // Nobody but root of the host gets to the source by its name.
  chmodSync(hidden, 0o700);
  const bundle = box.bundle((config) => {
    everything(config, tree);
    edit(config);
  });
  for (const folder of ["copied", "etc/dark"]) mkdirSync(join(bundle.rootfs, folder), { recursive: true });
  writeFileSync(join(bundle.rootfs, "copied/a"), "copied\n");
  for (const file of ["etc/secret", "etc/dark/file"]) writeFileSync(join(bundle.rootfs, file), "secret\n");
  chmodSync(bundle.dir, 0o711);
  chownSync(bundle.rootfs, 100000, 100000);
  const wrap = [...treeHost(tree), ...(withheld === undefined ? [] : without(withheld))];
  const done = box.call(["run", "--bundle", bundle.dir, box.id()], { wrap });
  t.equal(done.status, 0, `${withheld ?? "nothing"}: ${done.stderr}`);
  const lines = done.stdout
    .replaceAll(bundle.rootfs, "ROOT")
    .replaceAll(tree, "TREE")
    .replace(/bundle\.\d+/g, "ID")
    .split("\n");
  return [...table(lines.join("\n")), ...lines.filter((line) => !line.includes(" - "))];
}

for (const [side, edit] of Object.entries(SIDES)) {
  scenario(
    `${side}: the container has the same mounts, whichever calls are missing`,
    (t, box) => {
      const wanted = show(t, box, edit);
      t.ok(wanted.length > 30, wanted.join("\n"));
      for (const how of ["", "EPERM:"]) {
        for (const calls of WITHHELD) t.same(show(t, box, edit, `${how}${calls}`), wanted, `${how}${calls}`);
      }
      t.same(box.leftovers(), []);
    },
    { skip, timeout: 120_000 },
  );
}

/** Runs of each race; on a busy machine an attack needs more of them. */
const ROUNDS = Number(process.env["RUNT_RACE_ROUNDS"] ?? 12);

/** Lets two names trade places until the scenario ends. */
function exchange(box: Box, one: string, other: string): void {
  const child = spawn(helper("helpers/swap.c"), [one, other], { stdio: "ignore" });
  box.atClose(() => child.kill("SIGKILL"));
}

scenario(
  "a directory trades places with a link out of the root while something is mounted in it: it is mounted there, with its options, or nowhere",
  (t, box) => {
    const volume = box.folder("volume");
    const outside = box.folder("outside");
    mkdirSync(join(volume, "spot/in"), { recursive: true });
    mkdirSync(join(outside, "in"));
    symlinkSync(outside, join(volume, "other"));
    exchange(box, join(volume, "spot"), join(volume, "other"));
    const source = box.folder("source");
    for (const how of ["", "EPERM:"]) {
      let came = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const done = box.run(
          (config) => {
            config.process.args = ["cat", "/proc/self/mountinfo"];
            config.mounts.push({ destination: "/volume", type: "bind", source: volume, options: ["rbind"] });
            config.mounts.push({
              destination: "/volume/spot/in",
              type: "bind",
              source,
              options: ["bind", "ro", "nosuid", "nodev"],
            });
            config.mounts.push({ destination: "/volume/spot/in", type: "tmpfs", source: "mine", options: ["ro", "noexec"] });
          },
          [],
          { wrap: without(`${how}${SINCE_4_18}`) },
        );
        if (done.status !== 0) {
          // The place could not be found; nothing that was found has turned into something else.
          t.match(done.stderr, /: (openat2?|mkdirat|mknodat|readlinkat): /);
          continue;
        }
        came += 1;
        const mounts = parseMountinfo(done.stdout);
        const bound = mounts.filter((each) => each.root.endsWith(source.slice(source.lastIndexOf("/"))));
        t.equal(bound.length, 1, done.stdout);
        t.match(bound[0]?.options.join(), /^ro,nosuid,nodev/);
        const made = mounts.filter((each) => each.source === "mine");
        t.equal(made.length, 1, done.stdout);
        t.match(made[0]?.options.join(), /^ro,noexec/);
        for (const each of [...bound, ...made]) t.match(each.target, /^\/volume\/(spot|other)\/in$|\/outside[^/]*\/in$/);
      }
      t.ok(came > 0, `${came} of ${ROUNDS} runs came through`);
    }
  },
  { skip, timeout: 120_000 },
);

scenario(
  "directories of a volume trade places while all mounts in it are made read-only, one after another: all are, or it is an error",
  (t, box) => {
    const volume = box.folder("volume");
    const tree =
      "mkdir -p VOLUME/dir/a/m VOLUME/dir/b/m && mount -t tmpfs one VOLUME/dir/a/m && mount -t tmpfs two VOLUME/dir/b/m".replaceAll(
        "VOLUME",
        volume,
      );
    const swap = `{ ${helper("helpers/swap.c")} ${volume}/dir/a ${volume}/dir/b > /dev/null 2>&1 & } && swapper=$!`;
    let came = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const script = `mount -t tmpfs top ${volume} && ${tree} && ${swap} && "$@"; status=$?; kill $swapper; exit $status`;
      const done = box.run(
        (config) => {
          config.process.args = ["cat", "/proc/self/mountinfo"];
          config.mounts.push({ destination: "/volume", type: "bind", source: volume, options: ["rbind", "rro"] });
        },
        [],
        { wrap: ["unshare", "-m", "--propagation", "slave", "sh", "-c", script, "sh", ...without(SINCE_4_18)] },
      );
      if (done.status !== 0) {
        t.match(done.stderr, /mounts\[\d+\].*verify: device or resource busy/);
        continue;
      }
      came += 1;
      const mounts = parseMountinfo(done.stdout).filter((each) => each.target.startsWith("/volume"));
      t.equal(mounts.length, 3);
      for (const each of mounts) t.ok(each.options.includes("ro"), `${each.target} ${each.options.join()}`);
    }
    t.comment(`${came} of ${ROUNDS} runs came through`);
  },
  { skip, timeout: 120_000 },
);

scenario(
  "an id-mapped mount needs the calls: an error that names the mount, nothing left behind",
  (t, box) => {
    for (const [calls, call] of [
      [MOUNT_CALLS, "open_tree"],
      ["mount_setattr", "mount_setattr"],
    ] as const) {
      for (const how of ["", "EPERM:"]) {
        const done = box.run(
          (config) => {
            const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
            config.mounts.push({
              destination: "/v",
              type: "bind",
              source: box.folder(),
              options: ["bind"],
              uidMappings: map,
              gidMappings: map,
            });
          },
          [],
          { wrap: without(`${how}${calls}`) },
        );
        t.equal(done.status, 1);
        t.match(done.stderr, new RegExp(`mounts\\[\\d+\\].*id-mapped mounts need ${call}`));
        t.same(box.leftovers(), []);
      }
    }
  },
  { skip },
);

scenario(
  "without a mount namespace of its own nothing stays on the host, whether it starts or fails",
  (t, box) => {
    // The last one is as slow at taking a mount away as a busy machine can be.
    const hosts = [without(SINCE_4_18), without(SINCE_4_18), without(`${SINCE_4_18},slow_umount2`)];
    for (const [index, host] of hosts.entries()) {
      const failing = index > 0;
      const before = readText("/proc/self/mountinfo");
      const bundle = box.bundle((config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
        config.linux.maskedPaths = [];
        config.linux.readonlyPaths = [];
        config.mounts = [{ destination: "/t", type: "tmpfs", source: "tmpfs", options: failing ? ["size=none"] : ["ro"] }];
        config.root.readonly = false;
        config.process.args = ["true"];
      });
      const script = `"$@"; status=$?; umount -R ${bundle.rootfs}; grep -c ${bundle.rootfs} /proc/self/mountinfo; exit $status`;
      const wrap = ["unshare", "-m", "--propagation", "slave", "sh", "-c", script, "sh", ...host];
      const done = box.call(["run", "--bundle", bundle.dir, box.id()], { wrap });
      t.equal(done.status === 0, !failing, done.output);
      t.match(done.stdout, /^0\n$/);
      t.equal(readText("/proc/self/mountinfo"), before);
    }
  },
  { skip },
);

scenario(
  "nosymfollow is mount(2)'s where fsmount(2) does not know it yet",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", "ln -s /etc/passwd /mnt/link; cat /mnt/link 2>&1 || cat /proc/self/mountinfo"];
      config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosymfollow", "noexec"] });
    });
    const done = box.call(["run", "--bundle", bundle.dir, box.id()], { wrap: without("nosymfollow") });
    t.match(done.stdout, /symbolic links|loop/i, done.stderr);
    const mount = parseMountinfo(done.stdout.slice(done.stdout.indexOf("\n") + 1)).find(({ target }) => target === "/mnt");
    t.match(mount?.options, ["rw", "noexec", "relatime", "nosymfollow"]);
  },
  { skip },
);
