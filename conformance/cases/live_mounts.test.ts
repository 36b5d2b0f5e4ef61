// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { scenario, type Box, type Container } from "../harness/box.ts";
import type { Config, Mount } from "../harness/config.ts";
import { execSh } from "../harness/exec.ts";
import { helper } from "../harness/helpers.ts";
import { parseMountinfo, readText, type MountInfo, waitFor } from "../harness/host.ts";
import { mapUsers, running as runningWith } from "../harness/live.ts";
import { runtOnly, type Result } from "../harness/runtime.ts";

/** Mounts a file system that never answers, until the box is closed. */
async function mute(box: Box, directory: string, ...inside: readonly string[]): Promise<() => void> {
  const child = spawn(helper("helpers/mute.c"), [directory, ...inside], { stdio: ["ignore", "pipe", "ignore"] });
  // Its end ends every wait for it.
  box.atClose(() => {
    child.kill("SIGKILL");
    spawnSync("umount", ["-l", directory]);
  });
  await once(child.stdout, "data");
  return () => void child.kill("SIGKILL");
}

const skip = runtOnly("crun's mounts has no list, runc has none at all");

function writable(config: Config): void {
  config.root.readonly = false;
}

function userNamespace(config: Config): void {
  writable(config);
  mapUsers(config);
}

const running = (box: Box, edit: (config: Config) => void): Container => runningWith(box, edit, [".", "tmp", "etc"]);

/** A directory of the host with a file that has the text `host`. */
function source(box: Box): string {
  const folder = box.folder("source");
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, "file"), "host\n");
  return folder;
}

function mounts(box: Box, action: string, { id }: Container, ...words: string[]): Result {
  return box.call(["mounts", action, id, ...words]);
}

function add(t: Test, box: Box, container: Container, list: readonly Mount[], flags: readonly string[] = []): void {
  const file = box.file(JSON.stringify(list), "mounts.json");
  const done = box.call([...flags, "mounts", "add", container.id, file]);
  t.same([done.status, done.output], [0, ""], JSON.stringify(list));
}

interface Listed {
  readonly destination: string;
  readonly options?: readonly string[];
  readonly mounted: boolean;
}

function list(box: Box, container: Container): Listed[] {
  return JSON.parse(mounts(box, "list", container, "--format", "json").stdout) as Listed[];
}

function at({ pid }: Container, target: string): MountInfo | undefined {
  return parseMountinfo(readText(`/proc/${pid}/mountinfo`)).findLast((each) => each.target === target);
}

for (const [name, edit] of [
  ["", writable],
  ["with a user namespace: ", userNamespace],
] as const) {
  scenario(
    `${name}a list of mounts is added, shown, and taken away`,
    (t, box) => {
      const container = running(box, edit);
      const folder = source(box);
      // The runtime opens it: the container's root may not get there.
      const closed = box.folder("closed");
      chmodSync(closed, 0o700);
      mkdirSync(join(closed, "in"));
      const found: readonly Mount[] = [
        { destination: "/data", source: folder, options: ["bind", "ro", "nosuid"] },
        { destination: "/made/for/it", type: "tmpfs", source: "tmpfs", options: ["size=64k", "noexec"] },
        { destination: "/made/for/it/file", source: join(folder, "file"), options: ["bind", "rprivate"] },
        { destination: "/closed", source: join(closed, "in"), options: ["rbind"] },
        { destination: "/queues", type: "mqueue", source: "mqueue" },
        { destination: "/system", type: "sysfs", source: "sysfs", options: ["ro"] },
      ];
      const before = readText(`/proc/${container.pid}/mountinfo`);
      const mounted = (): string[] =>
        parseMountinfo(readText("/proc/self/mountinfo"))
          .map((each) => each.target)
          .filter((each) => each.includes(box.marker));
      const ours = mounted();
      add(t, box, container, found);
      t.equal(
        execSh(box, container, "cat /data/file /made/for/it/file; touch /data/x 2>/dev/null || echo ro"),
        "host\nhost\nro\n",
      );
      t.same(
        ["ro", "nosuid"].filter((word) => at(container, "/data")?.options.includes(word) !== true),
        [],
      );
      t.equal(at(container, "/made/for/it")?.fsType, "tmpfs");
      t.equal(at(container, "/queues")?.fsType, "mqueue");
      t.equal(at(container, "/system")?.fsType, "sysfs");
      t.equal(execSh(box, container, "ls /system/class/net"), "lo\n", "of the container's network");
      t.same(mounted(), ours, "nothing on the host");
      t.same(
        list(box, container).map((each) => each.destination),
        found.map((each) => each.destination),
      );
      t.ok(list(box, container).every((each) => each.mounted));
      const removed = mounts(box, "remove", container, box.file(JSON.stringify(found)));
      t.same([removed.status, removed.output], [0, ""]);
      t.equal(readText(`/proc/${container.pid}/mountinfo`), before);
      t.same(list(box, container), []);
    },
    { skip },
  );

  scenario(
    `${name}a procfs shows the container's processes`,
    (t, box) => {
      const container = running(box, edit);
      add(t, box, container, [{ destination: "/processes", type: "proc", source: "proc" }]);
      t.equal(execSh(box, container, "cat /processes/1/comm"), "sleep\n");
      t.equal(execSh(box, container, "ls /processes | grep -c '^[0-9]'; ls /proc | grep -c '^[0-9]'").split("\n").length, 3);
    },
    { skip },
  );

  scenario(
    `${name}a paused container gets mounts, and stays paused`,
    (t, box) => {
      const container = running(box, edit);
      t.equal(box.call(["pause", container.id]).status, 0);
      add(t, box, container, [
        { destination: "/data", source: source(box), options: ["bind"] },
        { destination: "/t", type: "tmpfs" },
      ]);
      t.equal(container.state().status, "paused");
      t.ok(at(container, "/data"));
      const copied = mounts(box, "add", container, "--destination", "/etc", "--type", "tmpfs", "--options", "tmpcopyup");
      t.equal(copied.status, 1);
      t.match(copied.output, "paused");
      t.equal(mounts(box, "remove", container, "--destination", "/data").status, 0);
      t.equal(box.call(["resume", container.id]).status, 0);
    },
    { skip },
  );
}

scenario(
  "before start, too; and the mounts go with the container",
  (t, box) => {
    const container = box.create((config) => {
      writable(config);
      config.process.args = ["cat", "/data/file"];
    });
    add(t, box, container, [{ destination: "/data", source: source(box), options: ["bind"] }]);
    t.equal(container.finish(), "host\n");
    t.same(
      list(box, container).map((each) => each.mounted),
      [false],
    );
    const late = mounts(box, "add", container, "--destination", "/x", "--type", "tmpfs");
    t.equal(late.status, 1);
    t.match(late.output, "container not running");
    t.equal(container.remove().status, 0);
  },
  { skip },
);

scenario(
  "by options: type bind, several options, a relative source",
  (t, box) => {
    const container = box.running(writable);
    const folder = source(box);
    const words = [
      "--type",
      "bind",
      "--source",
      "file",
      "--destination",
      "/etc/file",
      "--options",
      "ro,nosuid",
      "--options",
      "noexec",
    ];
    const done = box.call(["mounts", "add", container.id, ...words], { cwd: folder });
    t.same([done.status, done.output], [0, ""]);
    t.equal(execSh(box, container, "cat /etc/file"), "host\n");
    t.same(list(box, container)[0]?.options, ["bind", "ro", "nosuid", "noexec"]);
    t.match(mounts(box, "list", container).stdout, /^DESTINATION +TYPE .*\n\/etc\/file +bind /);
  },
  { skip },
);

scenario(
  "propagation and recursion are as in config.json",
  (t, box) => {
    const container = box.running(writable);
    add(t, box, container, [
      { destination: "/shared", source: source(box), options: ["rbind", "rshared"] },
      { destination: "/private", source: source(box), options: ["rbind", "rprivate", "rro"] },
      { destination: "/unbindable", type: "tmpfs", options: ["unbindable"] },
    ]);
    t.match(at(container, "/shared")?.propagation.join(), "shared:");
    t.same(at(container, "/private")?.propagation, []);
    t.ok(at(container, "/private")?.options.includes("ro"));
    t.match(at(container, "/unbindable")?.propagation.join(), "unbindable");
  },
  { skip },
);

scenario(
  "an id-mapped mount",
  (t, box) => {
    const container = box.running(writable);
    const folder = source(box);
    const uidMappings = [{ containerID: 0, hostID: 5000, size: 10 }];
    add(t, box, container, [
      { destination: "/mapped", source: folder, options: ["bind"], uidMappings, gidMappings: uidMappings },
    ]);
    t.equal(execSh(box, container, "stat -c %u:%g /mapped/file"), "5000:5000\n");
  },
  { skip },
);

scenario(
  "a cgroup mount shows the container's own",
  (t, box) => {
    const container = box.running(writable);
    add(t, box, container, [{ destination: "/groups", type: "cgroup", source: "cgroup", options: ["ro"] }]);
    t.match(execSh(box, container, "find /groups -name cgroup.procs | head -1"), "cgroup.procs");
    t.equal(mounts(box, "remove", container, "--destination", "/groups").status, 0);
    t.equal(at(container, "/groups"), undefined);
  },
  { skip },
);

scenario(
  "tmpcopyup copies what it covers, and a tmpfs has the mode of the directory",
  (t, box) => {
    const container = box.running(writable);
    add(t, box, container, [
      { destination: "/tmp", type: "tmpfs" },
      { destination: "/etc", type: "tmpfs", options: ["tmpcopyup"] },
    ]);
    t.equal(execSh(box, container, "stat -c %a /tmp; grep -c root /etc/passwd"), "1777\n1\n");
  },
  { skip },
);

scenario(
  "of several at one place the last one is taken away first",
  (t, box) => {
    const container = box.running(writable);
    const [one, other] = [source(box), source(box)];
    writeFileSync(join(other, "file"), "other\n");
    for (const folder of [one, other]) add(t, box, container, [{ destination: "/data", source: folder, options: ["bind"] }]);
    t.equal(execSh(box, container, "cat /data/file"), "other\n");
    t.equal(mounts(box, "remove", container, "--destination", "/data/.").status, 0);
    t.equal(execSh(box, container, "cat /data/file"), "host\n");
    t.equal(mounts(box, "remove", container, "--destination", "/data").status, 0);
    t.equal(at(container, "/data"), undefined);
    const more = mounts(box, "remove", container, "--destination", "/data");
    t.equal(more.status, 1);
    t.match(more.output, 'nothing was added at \\"/data\\"');
  },
  { skip },
);

scenario(
  "what is refused is told with its place in the list, and of the list nothing is left",
  (t, box) => {
    const container = box.running(writable);
    const folder = source(box);
    const before = readText(`/proc/${container.pid}/mountinfo`);
    const fine: Mount = { destination: "/fine", source: folder, options: ["bind"] };
    const bad: readonly (readonly [Mount | string, string, RegExp])[] = [
      [{ destination: "/", source: folder, options: ["bind"] }, "/1/destination", /on the root/],
      [{ destination: "/x/..", type: "tmpfs" }, "/1/destination", /on the root/],
      [{ destination: "/proc", source: folder, options: ["bind"] }, "/1/destination", /over \/proc/],
      [{ destination: "/proc/", type: "proc" }, "/1/destination", /over \/proc/],
      [{ destination: "/proc/sys", source: folder, options: ["bind"] }, "/1", /inside \/proc/],
      [{ destination: "/proc/self/attr", type: "tmpfs" }, "/1", /inside \/proc/],
      [{ destination: "/proc/1/root/x", type: "tmpfs" }, "/1", /\/proc/],
      [{ destination: "/x", type: "nosuchfs" }, "/1", /no such device/],
      [{ destination: "/x", type: "tmpfs", options: ["nosuchoption"] }, "/1", /nosuchoption/],
      [{ destination: "/x", source: folder, options: ["bind", "nosuchoption"] }, "/1/options", /nosuchoption/],
      [{ destination: "/x", source: "/no/such/source", options: ["bind"] }, "/1", /no such file/],
      [{ destination: "/x" }, "/1/type", /must be a file system/],
      [{ destination: "/x", source: folder, options: ["bind", "remount", "ro"] }, "/1/options/1", /remount/],
      [{ destination: "/x", source: folder, options: ["bind", "idmap"] }, "/1/options/1", /id-mapped/],
      [{ type: "tmpfs" } as unknown as Mount, "/1/destination", /missing/],
    ];
    for (const [mount, pointer, why] of bad) {
      const file = box.file(JSON.stringify([fine, mount]), "mounts.json");
      const log = box.path("log");
      const done = box.call(["--log", log, "--log-format", "json", "mounts", "add", container.id, file]);
      const what = JSON.stringify(mount);
      t.equal(done.status, 1, what);
      const lines = readText(log)
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { pointer?: string; msg: string; problems?: { pointer: string }[] });
      t.equal(lines.length, 1, "one error");
      t.equal(lines[0]?.pointer ?? lines[0]?.problems?.[0]?.pointer, pointer, what);
      t.match(lines[0]?.msg, why, what);
      t.equal(readText(`/proc/${container.pid}/mountinfo`), before, what);
    }
    t.same(list(box, container), []);
    for (const [text, why] of [
      ["{}", /array/],
      ["[", /mounts.json/],
      ["[1]", /object/],
      ["", /mounts.json/],
    ] as const) {
      const done = mounts(box, "add", container, box.file(text, "mounts.json"));
      t.equal(done.status, 1, text);
      t.match(done.output, why);
    }
  },
  { skip, timeout: 120_000 },
);

scenario(
  "a target that is a link stays below the root",
  (t, box) => {
    const container = box.running(writable);
    const outside = box.folder("outside");
    const { rootfs } = container.bundle;
    symlinkSync(`/../../../..${outside}`, join(rootfs, "out"));
    symlinkSync("/proc", join(rootfs, "processes"));
    symlinkSync("/", join(rootfs, "root-link"));
    symlinkSync("/proc/1/root", join(rootfs, "magic"));
    add(t, box, container, [{ destination: "/out/x", source: source(box), options: ["bind"] }]);
    t.same(readdirSync(outside), [], "nothing on the host");
    t.equal(execSh(box, container, `cat ${outside}/x/file`), "host\n", "it is the container's own directory of that name");
    for (const path of ["/processes", "/processes/sys", "/root-link", "/magic/x"]) {
      const done = mounts(box, "add", container, "--destination", path, "--source", source(box), "--options", "bind");
      t.equal(done.status, 1, path);
    }
    t.equal(list(box, container).length, 1);
  },
  { skip },
);

scenario(
  "a container without a mount namespace is refused",
  (t, box) => {
    const container = box.running((config) => {
      config.linux.namespaces = config.linux.namespaces.filter((each) => each.type !== "mount");
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.root.readonly = false;
      config.mounts = [];
    });
    const done = mounts(box, "add", container, "--destination", "/x", "--type", "tmpfs");
    t.equal(done.status, 1);
    t.match(done.output, "has no mount namespace");
  },
  { skip },
);

scenario(
  "what the container has unmounted is gone, what it has covered or moved is found",
  (t, box) => {
    const container = box.running((config) => {
      writable(config);
      const all = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"];
      config.process.capabilities = { bounding: all, permitted: all, effective: all };
    });
    const names = ["/gone", "/covered", "/moved"];
    add(
      t,
      box,
      container,
      names.map((destination) => ({ destination, source: source(box), options: ["bind", "rprivate"] })),
    );
    execSh(box, container, "umount /gone && mount -t tmpfs none /covered && mkdir /else && mount --move /moved /else");
    t.same(
      list(box, container).map((each) => each.mounted),
      [false, true, true],
    );
    const covered = mounts(box, "remove", container, "--destination", "/covered");
    t.equal(covered.status, 1);
    t.match(covered.output, "mounted over it");
    execSh(box, container, "umount /covered && mount -t tmpfs none /moved");
    for (const name of names) t.equal(mounts(box, "remove", container, "--destination", name).status, 0, name);
    t.ok(at(container, "/moved"), "what the container has mounted there stays");
    t.equal(at(container, "/else"), undefined);
    t.same(list(box, container), []);
  },
  { skip },
);

scenario(
  "the record keeps what it does not know, and update keeps the mounts",
  (t, box) => {
    const container = box.running(writable);
    add(t, box, container, [{ destination: "/data", source: source(box), options: ["bind"] }]);
    const path = join(box.root, container.id, "state.json");
    const record = JSON.parse(readFileSync(path, "utf8")) as { state_version: number; mounts: object[] };
    writeFileSync(
      path,
      JSON.stringify({
        ...record,
        state_version: record.state_version + 1,
        later: 1,
        mounts: record.mounts.map((each) => ({ ...each, later: 2 })),
      }),
    );
    t.equal(box.call(["update", "--pids-limit", "100", container.id]).status, 0);
    add(t, box, container, [{ destination: "/more", type: "tmpfs" }]);
    const now = JSON.parse(readFileSync(path, "utf8")) as { later?: number; mounts: { later?: number }[] };
    t.same([now.later, now.mounts.map((each) => each.later)], [1, [2, undefined]]);
    t.equal(mounts(box, "remove", container, "--destination", "/data").status, 0);
  },
  { skip },
);

scenario(
  "an init that loses its runtime takes back what it has attached",
  (t, box) => {
    const container = box.running(writable);
    const before = readText(`/proc/${container.pid}/mountinfo`);
    // The record cannot be written: the last thing that is done.
    const state = join(box.root, container.id);
    mkdirSync(join(state, ".state.json.new"));
    const done = mounts(box, "add", container, "--destination", "/data", "--source", source(box), "--options", "bind");
    t.equal(done.status, 1);
    t.equal(readText(`/proc/${container.pid}/mountinfo`), before);
  },
  { skip },
);

const noFuse = existsSync("/dev/fuse") ? false : "this machine has no /dev/fuse";

scenario(
  "a source on a file system that never answers is given up",
  async (t, box) => {
    const folder = box.folder("mute");
    await mute(box, folder);
    const container = running(box, writable);
    const done = mounts(box, "add", container, "--source", join(folder, "deep"), "--destination", "/data", "--options", "bind");
    t.equal(done.status, 1, done.output);
    t.match(done.stderr, /cannot be looked up: its file system has not answered for 10 s/);
    t.same(list(box, container), []);
    t.equal(execSh(box, container, "ls /data 2>/dev/null | wc -l"), "0\n");
  },
  { skip: skip || noFuse, timeout: 120_000 },
);

scenario(
  "a target on a file system that never answers is given up, and nothing is left once that has ended",
  async (t, box) => {
    const container = running(box, writable);
    mkdirSync(join(container.bundle.rootfs, "mute"));
    const end = await mute(box, "/mute", String(container.pid));
    const first = { destination: "/first", type: "tmpfs", source: "tmpfs" };
    const file = box.file(JSON.stringify([first, { destination: "/mute/deep", type: "tmpfs", source: "tmpfs" }]), "mounts.json");
    const done = mounts(box, "add", container, file);
    t.equal(done.status, 1, done.output);
    t.match(done.stderr, /a file system does not answer/);
    t.same(list(box, container), []);
    end();
    const left = (): string[] =>
      parseMountinfo(readText(`/proc/${container.pid}/mountinfo`))
        .map(({ target }) => target)
        .filter((target) => target === "/first" || target === "/mute/deep");
    t.ok(
      waitFor(() => left().length === 0),
      `taken back: ${left().join(" ")}`,
    );
  },
  { skip: skip || noFuse, timeout: 120_000 },
);

scenario(
  "checkpoint of a container with added mounts is refused, with what to take away",
  (t, box) => {
    const container = running(box, writable);
    add(t, box, container, [{ destination: "/data", type: "tmpfs", source: "tmpfs" }]);
    const done = box.call(["checkpoint", "--image-path", box.folder(), container.id]);
    t.equal(done.status, 1);
    t.match(done.stderr, /mounts were added to it; take them away first: mounts remove --destination \/data/);
    t.equal(container.state().status, "running");
  },
  { skip },
);

const UID = 4321;

scenario(
  "rootless: sources are opened with the user's rights, and what is added goes",
  (t, box) => {
    const bundle = box.bundle();
    for (const path of [bundle.dir, bundle.rootfs]) chownSync(path, UID, UID);
    const folder = box.folder("spec");
    chownSync(folder, UID, UID);
    mkdirSync(box.root, { recursive: true });
    chownSync(box.root, UID, UID);
    const call = (...words: string[]): Result => {
      return box.call(words, { wrap: ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups"] });
    };
    t.equal(call("spec", "--rootless", "--bundle", folder).status, 0);
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Config;
    config.process.terminal = false;
    config.process.args = ["sleep", "1000"];
    config.root.readonly = false;
    bundle.write(config);
    const id = box.id();
    const made = call("run", "--detach", "--bundle", bundle.dir, id);
    t.equal(made.status, 0, made.output);
    const own = source(box);
    const secret = box.folder("secret");
    writeFileSync(join(secret, "file"), "root's\n");
    chmodSync(secret, 0o700);
    const list = [
      { destination: "/data", type: "bind", source: own, options: ["bind", "ro"] },
      { destination: "/fresh", type: "tmpfs", source: "tmpfs", options: ["size=64k"] },
    ];
    const done = call("mounts", "add", id, box.file(JSON.stringify(list), "mounts.json"));
    t.same([done.status, done.output], [0, ""]);
    const seen = call("exec", id, "sh", "-c", "cat /data/file; echo x >/data/file; df /fresh | tail -1");
    t.match(seen.stdout, /^host\n/);
    t.match(seen.stderr, /Read-only file system/);
    t.match(seen.stdout, /tmpfs/);
    const refused = call("mounts", "add", id, "--source", join(secret, "file"), "--destination", "/secret", "--options", "bind");
    t.equal(refused.status, 1);
    t.notMatch(call("exec", id, "cat", "/secret").stdout, "root's");
    t.equal(call("mounts", "remove", id, "--destination", "/data").status, 0);
    t.equal(call("exec", id, "ls", "/data").stdout, "");
    t.equal(call("mounts", "list", "--format", "json", id).stdout.match(/destination/g)?.length, 1);
    t.equal(call("delete", "--force", id).status, 0);
  },
  { skip },
);
