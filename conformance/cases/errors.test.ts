// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Bundle } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { removeCgroups } from "../harness/host.ts";
import { IS_RUNT, notFor, runtOnly, type Result } from "../harness/runtime.ts";
import type { Test } from "tap";

/** One clear error: status 1, one line on stderr that matches all of `wanted`, nothing left behind. */
function refused(t: Test, box: Box, done: Result, ...wanted: RegExp[]): void {
  t.equal(done.status, 1, "status");
  t.equal(done.stdout, "", "stdout");
  for (const pattern of wanted) t.match(done.stderr, pattern);
  const lines = done.stderr.trim().split("\n");
  if (IS_RUNT) t.equal(lines.length, 1, `one line: ${done.stderr}`);
  t.notMatch(done.stderr, /\bat \S+ \(|panic|goroutine|node:internal/, "no stack trace");
  t.same(box.leftovers(), [], "nothing is left");
}

function createWith(box: Box, text: string): Result {
  const bundle = box.bundle();
  bundle.write(text);
  return box.tryCreate(bundle);
}

function defaultText(box: Box, edit: (config: Config) => void = () => undefined): string {
  let text = "";
  box.bundle((config) => {
    edit(config);
    text = JSON.stringify(config, null, 2);
  });
  return text;
}

scenario("no bundle, no config.json", (t, box) => {
  refused(t, box, box.call(["create", "--bundle", "/no/such/bundle", box.id()]), /\/no\/such\/bundle/, /no such file|not found/i);
  const bundle = box.bundle();
  rmSync(join(bundle.dir, "config.json"));
  refused(t, box, box.tryCreate(bundle), /config\.json/, /no such file|not found/i);
});

scenario("config.json is a directory, or cannot be read as text", (t, box) => {
  const bundle = box.bundle();
  rmSync(join(bundle.dir, "config.json"));
  mkdirSync(join(bundle.dir, "config.json"));
  refused(t, box, box.tryCreate(bundle), /config\.json/);
  const odd = box.bundle();
  writeFileSync(join(odd.dir, "config.json"), Buffer.from([0x7b, 0xff, 0xfe, 0x7d]));
  refused(t, box, box.tryCreate(odd));
});

scenario("config.json is not JSON", (t, box) => {
  for (const text of ["", " ", "{", "[", '{"ociVersion": "1.0.2",}', "{'a': 1}", "nul", '{"a":1}{"b":2}', "\u0000"]) {
    const done = createWith(box, text);
    t.equal(done.status, 1, JSON.stringify(text));
    if (IS_RUNT) t.match(done.stderr, /config\.json/, JSON.stringify(text));
  }
  t.same(box.leftovers(), []);
});

scenario(
  "config.json is JSON of another kind",
  (t, box) => {
    for (const text of ["[]", "null", "1", '"text"', "{}"]) {
      const done = createWith(box, text);
      t.equal(done.status, 1, text);
      t.match(done.stderr, /level=error|error|runt/, text);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("panics") },
);

scenario(
  "config.json has a name twice: the place is named",
  (t, box) => {
    const text = defaultText(box).replace('"ociVersion"', '"hostname": "first",\n  "ociVersion"');
    refused(t, box, createWith(box, text), /duplicate|twice/i, /hostname/, /\d+:\d+|line \d+/);
  },
  { skip: runtOnly("takes the last one") },
);

const WRONG_TYPES: readonly (readonly [string, unknown])[] = [
  ["/ociVersion", 1],
  ["/process/args", "sh"],
  ["/process/args/0", 7],
  ["/process/cwd", null],
  ["/process/env", { A: "1" }],
  ["/process/terminal", "yes"],
  ["/process/user/uid", "root"],
  ["/process/user/uid", -1],
  ["/process/user/uid", 1.5],
  ["/process/user/uid", 4294967296],
  ["/process/oomScoreAdj", "high"],
  ["/root", "rootfs"],
  ["/root/path", 5],
  ["/root/readonly", "true"],
  ["/hostname", ["a"]],
  ["/mounts", {}],
  ["/mounts/0", "proc"],
  ["/mounts/0/destination", 1],
  ["/mounts/1/options", "ro"],
  ["/hooks", []],
  ["/hooks", { prestart: [{ args: [] }] }],
  ["/hooks", { prestart: [{ path: "/bin/true", timeout: "1" }] }],
  ["/linux/namespaces", "all"],
  ["/linux/namespaces/0/type", 1],
  ["/linux/resources/memory", { limit: "64M" }],
  ["/linux/resources/pids", { limit: "many" }],
  ["/linux/maskedPaths", "/proc/kcore"],
  ["/linux/sysctl", { "net.ipv4.ip_forward": 1 }],
  ["/annotations", { a: 1 }],
];

/** Puts `value` at the JSON Pointer. */
function put(config: Config, pointer: string, value: unknown): void {
  const names = pointer.split("/").slice(1);
  const last = names.pop() ?? "";
  let place = config as unknown as Record<string, unknown>;
  for (const name of names) place = place[name] as Record<string, unknown>;
  place[last] = value;
}

scenario("a value of the wrong type: the property is named", (t, box) => {
  for (const [pointer, value] of WRONG_TYPES) {
    const done = box.run((config) => put(config, pointer, value));
    t.equal(done.status, 1, `${pointer} ${JSON.stringify(value)}`);
    const name = pointer.split("/").findLast((each) => !/^\d+$/.test(each)) ?? "";
    if (IS_RUNT) t.match(done.stderr, new RegExp(name), `${pointer} ${JSON.stringify(value)}: ${done.stderr}`);
  }
  t.same(box.leftovers(), []);
});

scenario(
  "a required property is missing: it is named",
  (t, box) => {
    for (const pointer of ["/ociVersion", "/root", "/root/path", "/process/cwd", "/process/args", "/mounts/0/destination"]) {
      const done = box.run((config) => put(config, pointer, undefined));
      t.equal(done.status, 1, pointer);
      t.match(done.stderr, new RegExp(pointer.split("/").at(-1) ?? ""), pointer);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("takes some of them") },
);

scenario(
  "several problems are all in the one error",
  (t, box) => {
    const done = box.run((config) => {
      put(config, "/process/cwd", 1);
      put(config, "/root/path", 2);
      put(config, "/hostname", 3);
    });
    refused(t, box, done, /cwd/, /root/, /hostname/);
  },
  { skip: runtOnly("stops at the first") },
);

scenario("unknown properties are ignored", (t, box) => {
  const out = box.sh("echo fine", (config) => {
    Object.assign(config, { somethingNew: { a: [1] } });
    Object.assign(config.process, { future: true });
    Object.assign(config.linux, { "x-y": null });
  });
  t.equal(out, "fine\n");
});

scenario(
  "what breaks the specification and harms nobody is taken, as runc takes it, with a warning",
  (t, box) => {
    const cases: readonly (readonly [string, (config: Config) => void])[] = [
      ["/ociVersion", (config) => void (config.ociVersion = "one")],
      ["/annotations/", (config) => void (config.annotations = { "": "x" })],
      ["/linux/maskedPaths/0", (config) => void (config.linux.maskedPaths = ["proc/kcore", ""])],
      ["/linux/readonlyPaths/0", (config) => void (config.linux.readonlyPaths = ["proc/sys", ""])],
      ["/linux/uidMappings", (config) => void (config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1 }])],
      ["/linux/gidMappings", (config) => void (config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1 }])],
    ];
    for (const [pointer, edit] of cases) {
      const done = box.run((config) => {
        config.process.args = [
          "sh",
          "-c",
          "echo fine; cat /proc/self/uid_map; (echo x > /proc/sys/kernel/hostname) 2>&1 | cat; dd if=/proc/kcore bs=1 count=1 2>/dev/null | wc -c",
        ];
        edit(config);
      });
      t.equal(done.status, 0, done.output);
      const [first, map, sys, kcore] = done.stdout.split("\n");
      t.equal(first, "fine", pointer);
      t.match(map, /^ +0 +0 +4294967295$/, "no user namespace");
      if (pointer.includes("readonlyPaths")) t.match(sys, /Read-only file system/i);
      if (pointer.includes("maskedPaths")) t.equal(kcore, "0");
      if (IS_RUNT) t.match(done.stderr, new RegExp(`level=warning msg="${pointer}: `));
    }
    t.same(box.leftovers(), []);
  },
  { skip: notFor("crun", "wants absolute paths") },
);

scenario(
  "domainname, and another kernel.domainname among the parameters, is an error",
  (t, box) => {
    const done = (value: string) =>
      box.run((config) => {
        config.domainname = "first.example";
        config.linux.sysctl = { "kernel.domainname": value };
        config.process.args = ["cat", "/proc/sys/kernel/domainname"];
      });
    refused(t, box, done("second.example"), /kernel\.domainname.*first\.example/);
    t.equal(done("first.example").stdout, "first.example\n");
  },
  { skip: runtOnly("lets one of them win") },
);

scenario(
  "process.capabilities missing: no capability in any set",
  (t, box) => {
    const done = box.run((config) => {
      delete config.process.capabilities;
      config.process.args = ["grep", "^Cap", "/proc/self/status"];
    });
    t.match(done.stdout, /^(Cap\w+:\t0{16}\n){5}$/);
  },
  { skip: notFor("runc", "gives all since 1.3") },
);

scenario(
  "no bundle: what was taken for what, and how to get one",
  (t, box) => {
    const cwd = box.folder("cwd");
    const of = (words: string[], where = cwd) => box.call(words, { cwd: where }).stderr;
    t.match(of(["run", "alpine"]), /JSON specification file config\.json not found/);
    t.match(of(["run", "alpine"]), /"alpine\\?" was taken for the id of the new container.*--bundle.*podman export.*runt spec/);
    t.match(of(["create", "alpine"]), /"alpine\\?" was taken for the id/);
    const layout = box.folder("layout");
    writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    const archive = box.folder("archive");
    writeFileSync(join(archive, "manifest.json"), "[]");
    const root = box.folder("root");
    for (const name of ["bin", "etc", "usr"]) mkdirSync(join(root, name));
    const image = box.folder("image");
    writeFileSync(
      join(image, "config.json"),
      JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }),
    );
    const tar = box.file("", "alpine.tar");
    const cases: readonly (readonly [string, RegExp])[] = [
      [layout, /is the layout of an OCI image.*umoci unpack/],
      [archive, /is an image as .*docker save.* writes it.*umoci unpack/],
      [root, /looks like a root file system/],
      [image, /is the configuration of an image/],
      [`${tar}.tar`, /does not exist/],
      [tar, /is no directory|is an archive/],
    ];
    for (const [path, words] of cases) {
      for (const command of [
        ["run", "--bundle", path, "x"],
        ["create", "--bundle", path, "x"],
        ["plan", "--bundle", path],
      ]) {
        t.match(of(command), words, command.join(" "));
      }
      t.match(box.call(["check", "--bundle", path]).stdout, words, `check ${path}`);
    }
    const bundle = box.bundle();
    t.match(of(["run", bundle.dir]), new RegExp(`as a bundle it is --bundle ${bundle.dir}`));
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("says no more than that the file is not there") },
);

scenario("ociVersion: older and newer 1.x are fine", (t, box) => {
  for (const version of ["1.0.0", "1.0.2-dev", "1.3.0", "1.9.9"]) {
    t.equal(
      box.sh("echo fine", (config) => void (config.ociVersion = version)),
      "fine\n",
      version,
    );
  }
});

scenario("a mount that fails: which one, and why", (t, box) => {
  const done = box.run((config) => {
    config.mounts.push({ destination: "/fine", type: "tmpfs", source: "tmpfs" });
    config.mounts.push({ destination: "/wrong", type: "ext4", source: "/dev/null" });
  });
  refused(t, box, done, /\/wrong/, IS_RUNT ? /mounts\/8|mounts\[8\]/ : /./);
});

scenario("annotations: a value that is no string", (t, box) => {
  for (const annotations of [{ "org.example.a": 1 as unknown as string }]) {
    const done = box.tryCreate(box.bundle((config) => void (config.annotations = annotations)));
    t.equal(done.status, 1, JSON.stringify(annotations));
    t.match(done.stderr, /annotations/);
  }
  t.same(box.leftovers(), []);
});

scenario(
  "hooks: a path that is not absolute, and a timeout that is not above 0",
  (t, box) => {
    refused(
      t,
      box,
      box.run((config) => void (config.hooks = { prestart: [{ path: "bin/true" }] })),
      /absolute/,
      /hooks/,
    );
    refused(
      t,
      box,
      box.run((config) => void (config.hooks = { prestart: [{ path: "/bin/true", timeout: 0 }] })),
      /timeout/,
    );
  },
  { skip: runtOnly("does not look") },
);

scenario("a state directory that cannot be made", (t, box) => {
  const file = box.file("");
  const bundle = box.bundle();
  const done = box.call(["--root", `${file}/below`, "create", "--bundle", bundle.dir, box.id()]);
  refused(t, box, done, new RegExp(file));
});

scenario(
  "a broken state.json: each command says so, delete --force removes it",
  (t, box) => {
    for (const text of ["", "{", "[]", "{}"]) {
      const container = box.running();
      const folder = join(box.root, container.id);
      writeFileSync(join(folder, "state.json"), text);
      for (const command of ["state", "start", "delete"]) {
        const done = box.call([command, container.id]);
        t.equal(done.status, 1, `${command} with ${JSON.stringify(text)}`);
        t.notMatch(done.stderr, /\bat \S+ \(|panic/, command);
      }
      t.equal(box.call(["list"]).status, 0, "list shows the others");
      t.equal(box.call(["delete", "--force", container.id]).status, 0);
      t.notOk(box.ids().includes(container.id));
      process.kill(container.pid, "SIGKILL");
    }
    // Which cgroup it had, only the lost state knew.
    removeCgroups(box.cgroup);
  },
  { skip: runtOnly("cannot delete it") },
);

scenario(
  "a state.json of another release: one generation newer works, what it does not know stays; a later one is refused",
  (t, box) => {
    const container = box.running();
    const path = join(box.root, container.id, "state.json");
    const record = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown> & { state_version: number };
    const write = (version: number | undefined): void => {
      writeFileSync(
        path,
        JSON.stringify({ ...record, state_version: version, runt_version: "99.1.0", of_tomorrow: { kept: [1] } }),
      );
    };
    for (const version of [undefined, record.state_version, record.state_version + 1]) {
      write(version);
      t.equal(container.state().status, "running", `state version ${version}`);
      t.equal(box.call(["exec", container.id, "/bin/busybox", "true"]).status, 0);
    }
    write(record.state_version + 2);
    for (const words of [["state"], ["start"], ["exec"], ["delete"], ["kill"]]) {
      const done = box.call([...words, container.id, ...(words[0] === "exec" ? ["/bin/busybox", "true"] : [])]);
      t.equal(done.status, words[0] === "exec" ? 255 : 1, words.join(" "));
      t.match(done.stderr, /was written by a newer runt \(99\.1\.0\): it has state version \d+, and this runt reads up to \d+/);
    }
    write(record.state_version + 1);
    t.equal(box.call(["update", "--pids-limit", "20", container.id]).status, 0);
    t.match(JSON.parse(readFileSync(path, "utf8")), { of_tomorrow: { kept: [1] }, runt_version: "99.1.0" });
    t.equal(box.call(["delete", "--force", container.id]).status, 0);
  },
  { skip: runtOnly("the file is runt's") },
);

scenario("the rootfs is not readable for the user: the program is not started", (t, box) => {
  const bundle: Bundle = box.bundle((config) => void (config.process.user = { uid: 1000, gid: 1000 }));
  chmodSync(join(bundle.rootfs, "bin"), 0o700);
  const done = box.tryCreate(bundle);
  t.equal(done.status, 1);
  t.match(done.stderr, /executable file not found|permission denied/);
  t.same(box.leftovers(), []);
});

scenario("an option that is not of this world is refused before anything is made", (t, box) => {
  const done = box.call(["create", "--preserve-fds", "many", "--bundle", box.bundle().dir, box.id()]);
  t.not(done.status, 0);
  t.match(done.output, /preserve-fds|many/);
  t.same(box.leftovers(), []);
});
