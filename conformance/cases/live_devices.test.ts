// SPDX-License-Identifier: Apache-2.0
import { chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { scenario, type Box, type Container } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { exec, execSh } from "../harness/exec.ts";
import { cgroupDirOf, hasController, parseMountinfo, PURE_V2, readText } from "../harness/host.ts";
import { mapUsers, running as runningWith } from "../harness/live.ts";
import { runtOnly, type Result } from "../harness/runtime.ts";

const noNodes =
  spawnSync("sh", ["-c", "mknod /dev/shm/runt-node-$$ c 1 3 && rm /dev/shm/runt-node-$$"]).status === 0
    ? false
    : "mknod is not permitted here";
const skip = runtOnly("has no command for it") || noNodes;

function writable(config: Config): void {
  config.root.readonly = false;
  config.linux.resources = { ...config.linux.resources, devices: [{ allow: false, access: "rwm" }] };
}

function userNamespace(config: Config): void {
  writable(config);
  mapUsers(config);
}

const running = (box: Box, edit: (config: Config) => void): Container => runningWith(box, edit, [".", "etc"]);

function devices(box: Box, action: string, { id }: Container, ...words: string[]): Result {
  return box.call(["devices", action, ...words.slice(0, -1), id, ...words.slice(-1)]);
}

function added(box: Box, container: Container): string {
  return box.call(["devices", "list", container.id]).stdout;
}

/** A directory with nodes of the host, which no file system of a container has. */
function nodes(box: Box): string {
  const folder = box.folder("nodes");
  mkdirSync(join(folder, "by-path"));
  for (const [path, minor] of [
    ["one", "3"],
    ["by-path/two", "5"],
  ] as const) {
    const done = spawnSync("mknod", ["-m", "640", join(folder, path), "c", "1", minor]);
    if (done.status !== 0) throw new Error(String(done.stderr));
  }
  chownSync(join(folder, "one"), 0, 29);
  symlinkSync("one", join(folder, "link"));
  writeFileSync(join(folder, "file"), "");
  return folder;
}

function rules({ pid }: Container): string {
  return PURE_V2 ? "" : readText(join(cgroupDirOf(pid, "devices"), "devices.list"));
}

for (const [name, edit] of [
  ["", writable],
  ["with a user namespace: ", userNamespace],
] as const) {
  scenario(
    `${name}a node with owner, mode and access; and what is removed is gone`,
    (t, box) => {
      const container = running(box, edit);
      const before = rules(container);
      const table = readText(`/proc/${container.pid}/mountinfo`);
      const folder = nodes(box);
      const done = devices(
        box,
        "add",
        container,
        "--access",
        "rw",
        "--mode",
        "0606",
        "--uid",
        "7",
        "--gid",
        "8",
        `${folder}/one:/dev/new/zero`,
      );
      t.same([done.status, done.output], [0, ""]);
      t.equal(
        execSh(box, container, "stat -c '%a %u %g %t:%T' /dev/new/zero; head -c 3 /dev/new/zero | wc -c; echo > /dev/new/zero"),
        "606 7 8 1:3\n0\n",
      );
      t.match(added(box, container), /c:1:3 +rw +\/dev\/new\/zero/);
      t.equal(devices(box, "remove", container, "/dev/new/zero").status, 0);
      t.equal(execSh(box, container, "ls /dev/new"), "");
      t.equal(rules(container), before);
      t.equal(readText(`/proc/${container.pid}/mountinfo`), table);
      t.equal(added(box, container), "DEVICE   ACCESS   PATH\n");
    },
    { skip },
  );

  scenario(
    `${name}a directory, with the host's owners and modes, and without what is no device`,
    (t, box) => {
      const container = running(box, edit);
      const folder = nodes(box);
      t.equal(devices(box, "add", container, `${folder}:/dev/all`).status, 0);
      t.equal(
        execSh(box, container, "cd /dev/all; find . -type c | sort; stat -c '%a %u:%g %t:%T' one by-path/two"),
        "./by-path/two\n./one\n640 0:29 1:3\n640 0:0 1:5\n",
      );
      t.equal(execSh(box, container, "ls /dev/all"), "by-path\none\n");
      t.equal(devices(box, "remove", container, "/dev/all").status, 0);
      t.equal(execSh(box, container, "find /dev/all -type c -o -type f"), "");
    },
    { skip },
  );

  scenario(
    `${name}what is refused leaves nothing`,
    (t, box) => {
      const container = running(box, edit);
      const folder = nodes(box);
      const [before, table] = [rules(container), readText(`/proc/${container.pid}/mountinfo`)];
      for (const [words, why] of [
        [["/no/such/device"], /stat \/no\/such\/device: no such file/],
        [[`${folder}/file`], /neither a device nor a directory/],
        [[box.folder("empty")], /no device in this directory/],
        [["relative"], /absolute/],
        [[`${folder}/one:/`], /no device is made there/],
        [[`${folder}/one:/proc/x`], /no device is made there/],
        [[`${folder}/one:/etc`], /file exists/],
        [[`${folder}/one:/etc/passwd`], /file exists/],
        [["--access", "x", `${folder}/one`], /r, w and m/],
        [["--mode", "9", `${folder}/one`], /octal/],
        [["--number", "c:1:*:/dev/x"], /minor/],
        [["--number", "x:1:1"], /TYPE:MAJOR:MINOR/],
      ] as const) {
        const called =
          words[0] === "--number"
            ? box.call(["devices", "add", ...words, container.id])
            : devices(box, "add", container, ...words);
        t.equal(called.status, 1, words.join(" "));
        t.match(called.output, why);
      }
      // The last of several fails.
      const some = box.call(["devices", "add", container.id, `${folder}/one:/dev/fine`, `${folder}/one:/etc/passwd`]);
      t.equal(some.status, 1);
      t.equal(execSh(box, container, "ls /dev/fine 2>/dev/null; echo"), "\n");
      t.equal(rules(container), before);
      t.equal(readText(`/proc/${container.pid}/mountinfo`), table);
      t.equal(added(box, container), "DEVICE   ACCESS   PATH\n");
    },
    { skip },
  );
}

scenario(
  "a device that was there stays, with its rule from config.json",
  (t, box) => {
    const container = running(box, (config) => {
      writable(config);
      config.linux.devices = [{ type: "c", path: "/dev/kernel-log", major: 1, minor: 11 }];
      config.linux.resources?.devices?.push({ allow: true, type: "c", major: 1, minor: 11, access: "r" });
    });
    const before = rules(container);
    t.equal(box.call(["devices", "add", "--number", "c:1:11:/dev/kernel-log", container.id]).status, 0);
    if (!PURE_V2) t.match(rules(container), "c 1:11 rwm");
    t.equal(devices(box, "remove", container, "/dev/kernel-log").status, 0);
    t.equal(execSh(box, container, "stat -c %t:%T /dev/kernel-log"), "1:b\n");
    t.equal(rules(container), before);
  },
  { skip },
);

scenario(
  "a device that comes later: by its numbers, with a node or the rule alone; update keeps it",
  (t, box) => {
    const container = running(box, (config) => {
      writable(config);
      config.linux.devices = [{ type: "c", path: "/dev/other", major: 1, minor: 11 }];
    });
    const before = rules(container);
    t.equal(exec(box, container, ["sh", "-c", ": > /dev/other"]).status, 1, "it is not allowed yet");
    t.equal(box.call(["devices", "add", "--number", "c:1:11:/dev/later", "--number", "c:226:*", container.id]).status, 0);
    // The kernel's log can be opened for writing without any other right.
    t.equal(exec(box, container, ["sh", "-c", ": > /dev/later"]).status, 0, "the cgroup lets it be opened");
    const now = rules(container);
    t.equal(box.call(["update", "--pids-limit", "99", container.id]).status, 0);
    const given = JSON.stringify({ devices: [{ allow: false, access: "rwm" }], pids: { limit: 98 } });
    t.equal(box.call(["update", "--resources", "-", container.id], { input: given }).status, 0);
    t.equal(exec(box, container, ["sh", "-c", ": > /dev/later"]).status, 0);
    t.equal(rules(container), now);
    t.equal(box.call(["devices", "remove", container.id, "/dev/later", "c:226:*"]).status, 0);
    t.equal(rules(container), before);
  },
  { skip },
);

scenario(
  "where all is allowed but for some, the exception is all that changes",
  (t, box) => {
    const container = running(box, (config) => {
      config.root.readonly = false;
      config.linux.devices = [{ type: "c", path: "/dev/log", major: 1, minor: 11 }];
      config.linux.resources = {
        ...config.linux.resources,
        devices: [
          { allow: true, access: "rwm" },
          { allow: false, type: "c", major: 1, minor: 11, access: "rw" },
        ],
      };
    });
    const opens = (): number | null => exec(box, container, ["sh", "-c", ": > /dev/log"]).status;
    t.equal(opens(), 1);
    t.equal(box.call(["devices", "add", "--number", "c:1:11", container.id]).status, 0);
    t.equal(opens(), 0);
    t.equal(box.call(["devices", "remove", container.id, "c:1:11"]).status, 0);
    t.equal(opens(), 1);
  },
  { skip: skip || (!PURE_V2 && !hasController("devices") && "no devices controller") },
);

scenario(
  "a link in the place of /dev does not lead a node elsewhere",
  (t, box) => {
    const outside = box.folder("outside");
    const bundle = box.bundle((config) => {
      writable(config);
      config.process.args = ["sleep", "1000"];
    });
    symlinkSync(`/../../../..${outside}`, join(bundle.rootfs, "out"));
    const container = box.create(bundle);
    container.start();
    const folder = nodes(box);
    t.equal(devices(box, "add", container, `${folder}/one:/out/node`).status, 0);
    t.equal(spawnSync("ls", [outside], { encoding: "utf8" }).stdout, "");
    t.same(
      parseMountinfo(readText("/proc/self/mountinfo")).filter((each) => each.target.includes("out/node")),
      [],
    );
  },
  { skip },
);

const needsSystemd = existsSync("/run/systemd/system") ? false : "systemd does not run here";

scenario(
  "with the systemd driver a daemon-reload and other properties change nothing of it",
  (t, box) => {
    box.globals.push("--systemd-cgroup");
    const name = box.marker.replaceAll("-", "");
    const unit = `test-${name}.scope`;
    const systemctl = (...words: string[]): string => spawnSync("systemctl", words, { encoding: "utf8" }).stdout;
    const container = running(box, (config) => {
      writable(config);
      config.linux.cgroupsPath = `system.slice:test:${name}`;
      config.linux.devices = [{ type: "c", path: "/dev/other", major: 1, minor: 11 }];
    });
    const opens = (): number | null => exec(box, container, ["sh", "-c", ": > /dev/other"]).status;
    const settle = (): void => {
      systemctl("daemon-reload");
      systemctl("set-property", "--runtime", unit, "CPUWeight=50");
    };
    t.equal(opens(), 1, "it is not allowed yet");
    t.equal(box.call(["devices", "add", "--number", "c:1:11:/dev/new", "--access", "rw", container.id]).status, 0);
    t.equal(opens(), 0);
    t.match(systemctl("show", unit, "--property=DeviceAllow"), "/dev/char/1:11 rw");
    settle();
    t.equal(opens(), 0, "after a daemon-reload and set-property");
    t.equal(box.call(["update", "--pids-limit", "99", container.id]).status, 0);
    t.equal(opens(), 0, "after an update");
    t.equal(box.call(["devices", "remove", container.id, "/dev/new"]).status, 0);
    t.equal(opens(), 1);
    settle();
    t.equal(opens(), 1, "after a daemon-reload and set-property");
    t.notMatch(systemctl("show", unit, "--property=DeviceAllow"), "1:11");
  },
  { skip: skip || needsSystemd },
);
