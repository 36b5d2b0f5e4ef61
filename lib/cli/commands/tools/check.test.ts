// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { makeContext } from "../../../index.ts";
import { defaultConfig, formatConfig } from "../../../spec/defaults.ts";
import type { Config } from "../../../spec/types.ts";
import { check } from "./check.ts";

const spec = defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 });
/** `terminal` is false, because a terminal causes findings if the caller has none; tests of their own cover those. */
const base: Config = spec.process === undefined ? spec : { ...spec, process: { ...spec.process, terminal: false } };
const isRoot = process.geteuid?.() === 0;
const options = isRoot ? {} : { skip: "the default config needs root" };

/** A bundle with the default config, some top-level properties replaced. */
function bundle(change: object, rootfs = true): string {
  const path = t.testdir({});
  if (rootfs) program(`${path}/rootfs/bin/sh`);
  writeFileSync(`${path}/config.json`, JSON.stringify({ ...base, ...change }, null, 1));
  return path;
}

/** A file that may be executed, with the directories above it. */
function program(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "", { mode: 0o755 });
}

function lines(path: string): string[] {
  const { problems } = check({ bundle: path, format: "text" });
  return problems.map(({ kind, pointer, message }) => `${kind} ${pointer}: ${message}`);
}

t.test("what the cgroup manager cannot do", options, (t) => {
  const found = (linux: object, changed: Parameters<typeof makeContext>[0]): string[] => {
    const path = bundle({ linux: { ...base.linux, ...linux } });
    const { problems } = check({ bundle: path, format: "text", context: makeContext({ rootless: false, ...changed }) });
    return problems.map(({ kind, pointer, message }) => `${kind} ${pointer}: ${message}`);
  };
  const limit = { resources: { pids: { limit: 5 } } };
  t.match(found(limit, { withoutCgroups: true }), [/^host \/linux\/resources\/pids\/limit: .*--cgroup-manager disabled/]);
  t.match(found({ cgroupsPath: "/a/b" }, { systemdCgroup: true }).pop(), /^host \/linux\/cgroupsPath: .*slice:prefix:name/);
  const isThere = existsSync("/run/systemd/system");
  const good = found({ cgroupsPath: "machine.slice:box:one" }, { systemdCgroup: true });
  if (isThere) t.strictSame(good, []);
  else t.strictSame(good, ["host /linux/cgroupsPath: --systemd-cgroup: systemd is not running on this host"]);
  t.end();
});

t.test("a bundle without a problem", options, (t) => {
  const path = bundle({});
  writeFileSync(`${path}/config.json`, formatConfig(base));
  t.strictSame(check({ bundle: path, format: "text" }), { problems: [], text: "no problems\n", exitCode: 0 });
  t.strictSame(check({ bundle: path, format: "json" }), { problems: [], text: "[]\n", exitCode: 0 });
  t.end();
});

t.test("text and JSON", options, (t) => {
  const text = '{"ociVersion": "1.3.0",\n "root": {"path": "rootfs"},\n "linux": {"intelRdt": {"closID": ".."}}, "vm": {}}';
  const path = t.testdir({ rootfs: { file: "" }, "config.json": text });
  const report = check({ bundle: path, format: "text" });
  t.equal(report.exitCode, 1);
  t.match(report.text, 'config.json:3:35: /linux/intelRdt/closID: found "..", must be the name of one directory, or /\n');
  t.ok(report.text.endsWith("config.json:3:49: /vm: warning: ignored, it is not for Linux\n"));
  t.strictSame(JSON.parse(check({ bundle: path, format: "json" }).text), report.problems);
  t.strictSame(report.problems[0], {
    kind: "config",
    pointer: "/linux/intelRdt/closID",
    line: 3,
    column: 35,
    message: 'found "..", must be the name of one directory, or /',
  });
  t.end();
});

t.test("warnings alone are no failure", options, (t) => {
  const report = check({ bundle: bundle({ windows: {} }), format: "text" });
  t.equal(report.problems.length, 1);
  t.equal(report.exitCode, 0);
  t.end();
});

t.test("faults of the file", (t) => {
  const path = t.testdir({ "config.json": '{"ociVersion": "1.3.0", "root": {}}' });
  t.strictSame(check({ bundle: path, format: "text" }), {
    problems: [
      {
        kind: "config",
        pointer: "/root/path",
        line: 1,
        column: 33,
        message: "missing, but the specification requires it",
      },
    ],
    text: "config.json:1:33: /root/path: missing, but the specification requires it\n",
    exitCode: 1,
  });
  const none = check({ bundle: `${path}/nowhere`, format: "text" });
  t.match(none.text, /^config\.json: .*not found/);
  t.equal(none.exitCode, 1);
  t.end();
});

t.test("faults of the file hide nothing about the rest", options, (t) => {
  const path = bundle(
    {
      hostname: 7,
      process: { ...base.process, cwd: "rel", rlimits: [{ type: "RLIMIT_NOFILE", soft: 1, hard: "x" }] },
      hooks: { prestart: [{ path: "/nowhere/hook" }, { path: "relative" }, 5] },
      mounts: [
        { destination: "/a", type: "bind", source: "/nowhere", options: ["bind"] },
        { destination: "/b", type: "nosuchfs", options: 5 },
        { destination: "/c", type: "nosuchfs" },
        { destination: 5, type: "bind", source: "/nowhere", options: ["bind"] },
      ],
      linux: {
        namespaces: [{ type: "mount" }, { type: "uts", path: "rel" }, { type: "ipc", path: "/nowhere" }],
        sysctl: { "net.no.such": "1", "kernel/../../etc/x": "1" },
        seccomp: { defaultAction: "no" },
      },
      vm: {},
    },
    false,
  );
  const of = (kind: string): string[] =>
    lines(path)
      .filter((line) => line.startsWith(`${kind} `))
      .map((line) => line.slice(kind.length + 1));
  t.strictSame(
    of("config").map((line) => line.split(":", 1)[0]),
    [
      "/process/cwd",
      "/process/rlimits/0/hard",
      "/hostname",
      "/mounts/1/options",
      "/mounts/3/destination",
      "/linux/namespaces/1/path",
      "/linux/sysctl/net.no.such",
      "/linux/sysctl/kernel~1..~1..~1etc~1x",
      "/linux/seccomp/defaultAction",
      "/hooks/prestart/1/path",
      "/hooks/prestart/2",
    ],
  );
  t.strictSame(of("host"), [
    `/root/path: root.path: rootfs (${path}/rootfs) does not exist`,
    "/mounts/0/source: /nowhere: no such file or directory",
    "/mounts/2/type: nosuchfs is not in /proc/filesystems; a kernel module may be missing",
    "/mounts/3/source: /nowhere: no such file or directory",
    "/linux/namespaces/2/path: open /nowhere: no such file or directory",
    "/hooks/prestart/0/path: /nowhere/hook: no such file or directory",
  ]);
  t.strictSame(of("warning"), ["/vm: ignored, it is not for Linux"]);
  t.end();
});

t.test("what is not JSON is told alone", (t) => {
  const path = t.testdir({ "config.json": '{"ociVersion": "1.3.0",' });
  t.match(lines(path), [/^config : not valid JSON/]);
  t.end();
});

t.test("rootfs", options, (t) => {
  t.match(lines(bundle({}, false)), [/^host \/root\/path: .*does not exist/]);
  const link = bundle({}, false);
  mkdirSync(`${link}/other`);
  symlinkSync("other", `${link}/rootfs`);
  t.match(lines(link), [/^host \/root\/path: .*symbolic link/]);
  const file = bundle({}, false);
  writeFileSync(`${file}/rootfs`, "");
  t.match(lines(file), [/^host \/root\/path: .*not a directory/]);
  t.end();
});

t.test("namespaces that are joined", options, (t) => {
  const path = bundle({
    hostname: "",
    linux: {
      sysctl: { "net.ipv4.ip_forward": "1" },
      namespaces: [
        { type: "uts", path: "/proc/self/ns/uts" },
        { type: "ipc", path: "/proc/self/ns/uts" },
        { type: "pid", path: "/etc/passwd" },
        { type: "mount", path: "/nowhere" },
        { type: "network", path: "/proc/self/ns/net" },
      ],
    },
  });
  t.strictSame(lines(path), [
    "host /linux/sysctl/net.ipv4.ip_forward: /proc/self/ns/net is the host's network namespace, so it would be the host's",
    "host /linux/namespaces/1/path: /proc/self/ns/uts is a uts namespace, must be a ipc namespace",
    "host /linux/namespaces/2/path: /etc/passwd is no namespace, must be a pid namespace",
    "host /linux/namespaces/3/path: open /nowhere: no such file or directory",
  ]);
  t.end();
});

t.test("a FIFO where a namespace is expected does not stop the check", options, (t) => {
  const path = bundle({});
  execFileSync("mkfifo", [`${path}/fifo`]);
  const namespaces = [{ type: "mount" }, { type: "uts", path: `${path}/fifo` }];
  const text = JSON.stringify({ ...base, linux: { namespaces } });
  writeFileSync(`${path}/config.json`, text);
  t.strictSame(lines(path), [`host /linux/namespaces/1/path: ${path}/fifo is no namespace, must be a uts namespace`]);
  t.end();
});

t.test("a namespace of another process is another namespace", options, async (t) => {
  const child = spawn("unshare", ["--net", "cat"], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => {
    child.stdout.once("data", resolve);
    child.stdin.write("\n");
  });
  const net = { type: "network", path: `/proc/${child.pid}/ns/net` };
  const linux = { namespaces: [{ type: "mount" }, net], sysctl: { "net.ipv4.ip_forward": "1" } };
  t.strictSame(lines(bundle({ hostname: "", linux })), []);
  child.stdin.end();
  await ended;
});

t.test("mounts", options, (t) => {
  const path = bundle({
    mounts: [
      { destination: "/a", type: "bind", source: "rootfs", options: ["rbind", "ro"] },
      { destination: "/b", source: "missing", options: ["bind", "size=1"] },
      { destination: "/c", type: "nosuchfs", source: "x" },
      { destination: "/d", type: "tmpfs", source: "x", options: ["ro", "size=1k", "sise=1k", "rro"] },
      { destination: "/e", type: "none", source: "/", options: ["ro"] },
      { destination: "/f", source: "/", options: ["ro"] },
      { destination: "/g", type: "cgroup", source: "cgroup", options: ["ro"] },
      { destination: "/h", source: "none", options: ["remount", "ro"] },
    ],
  });
  t.strictSame(lines(path), [
    'config /mounts/4/type: found "none", must be a file system; for a bind mount the options need bind or rbind',
    "config /mounts/5/type: missing, must be a file system; for a bind mount the options need bind or rbind",
    "host /mounts/1/source: ${path}/missing: no such file or directory".replace("${path}", path),
    "host /mounts/1/options: bind mounts cannot have any filesystem-specific options applied; found size=1",
    "host /mounts/2/type: nosuchfs is not in /proc/filesystems; a kernel module may be missing",
    "host /mounts/3/options/2: tmpfs has no option sise",
  ]);
  t.end();
});

t.test("kernel", options, (t) => {
  const nrOpen = Number(readFileSync("/proc/sys/fs/nr_open", "utf8"));
  const path = bundle({
    process: {
      ...base.process,
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 1, hard: nrOpen + 1 }],
      apparmorProfile: "x",
      selinuxLabel: "y",
    },
    linux: {
      namespaces: ["mount", "network", "uts"].map((type) => ({ type })),
      sysctl: { "net.no.such": "1", "net.ipv4.conf.eth9.forwarding": "1", "net/ipv4/ip_forward": "1" },
      resources: { memory: { limit: 1 << 30 }, pids: { limit: 5 } },
    },
    hooks: { poststop: [{ path: "/nowhere/hook" }], startContainer: [{ path: "/in/the/container" }] },
  });
  const file = "/sys/module/apparmor/parameters/enabled";
  const apparmor = existsSync(file) && readFileSync(file, "utf8").startsWith("Y");
  const selinux = existsSync("/sys/fs/selinux/enforce");
  t.strictSame(
    lines(path)
      .filter((line) => line.startsWith("host "))
      .sort(),
    [
      "host /hooks/poststop/0/path: /nowhere/hook: no such file or directory",
      "host /linux/sysctl/net.no.such: this kernel has no /proc/sys/net/no/such; a module may be missing",
      `host /process/rlimits/0/hard: found ${nrOpen + 1}, /proc/sys/fs/nr_open allows at most ${nrOpen}`,
      ...(apparmor ? [] : ["host /process/apparmorProfile: the security module apparmor is not active in this kernel"]),
    ].sort(),
  );
  const ignored = "warning /process/selinuxLabel: ignored, SELinux is not in force on this host";
  t.equal(lines(path).includes(ignored), !selinux);
  t.end();
});

t.test("a hook that may not be executed", options, (t) => {
  const path = bundle({});
  writeFileSync(`${path}/hook`, "");
  chmodSync(`${path}/hook`, 0o644);
  writeFileSync(`${path}/config.json`, JSON.stringify({ ...base, hooks: { prestart: [{ path: `${path}/hook` }] } }));
  t.strictSame(lines(path), [`host /hooks/prestart/0/path: ${path}/hook: permission denied`]);
  t.end();
});

const ofProcess = (change: object): object => ({ process: { ...base.process, ...change } });

t.test("a program that is not in the root file system", options, (t) => {
  const path = bundle({});
  const root = `${path}/rootfs`;
  const found = (args: string[], change: object = {}, more: object = {}): string[] => {
    writeFileSync(`${path}/config.json`, JSON.stringify({ ...base, ...ofProcess({ args, ...change }), ...more }));
    return lines(path);
  };
  const at = "warning /process/args/0: ";
  const none = "is no program in the root file system";
  t.strictSame(found(["/bin/bash"]), [`${at}"/bin/bash" ${none}: /bin/bash: no such file or directory`]);
  t.strictSame(found(["bash"], { env: ["PATH=/bin:rel", "A=b"], cwd: "/x" }), [
    `${at}"bash" ${none}: not in PATH of process.env: /bin/bash: no such file or directory, /x/rel/bash: no such file or directory`,
  ]);
  t.strictSame(found(["sh"], { env: [] }), [], "without a PATH in /bin and /usr/bin");
  t.strictSame(found(["./sh"], { cwd: "/bin" }), []);
  t.match(found(["./sh"]), [/\/\.\/sh: no such file/]);
  t.match(found(["/bin"]), [/\/bin: not a file/]);
  chmodSync(`${root}/bin/sh`, 0o644);
  t.match(found(["/bin/sh"]), [/\/bin\/sh: not executable/]);
  t.strictSame(
    found(["/opt/x"], {}, { mounts: [{ destination: "/opt", type: "tmpfs", source: "x" }] }),
    [],
    "it may come by a mount",
  );
  t.strictSame(found(["/opt/x"], {}, { mounts: [{ destination: "/opt/y", type: "tmpfs", source: "x" }] }).length, 1);
  symlinkSync("/data", `${root}/link`);
  mkdirSync(`${root}/data`);
  t.strictSame(
    found(["/data/x"], {}, { mounts: [{ destination: "/link", type: "tmpfs", source: "x" }] }),
    [],
    "a mount through a link",
  );
  t.end();
});

t.test("a root file system that is hostile", options, (t) => {
  const path = bundle({});
  const root = `${path}/rootfs`;
  execFileSync("mkfifo", [`${root}/fifo`]);
  // The host has it, the root file system has not.
  const outside = `${path}/outside`;
  program(outside);
  symlinkSync(outside, `${root}/absolute`);
  symlinkSync(`${"../".repeat(40)}${outside}`, `${root}/up`);
  symlinkSync("/proc/self/root/bin/sh", `${root}/magic`);
  symlinkSync("round", `${root}/round`);
  symlinkSync("/bin/sh", `${root}/good`);
  symlinkSync("../../../bin/../../../bin/sh", `${root}/bin/also`);
  mkdirSync(`${root}/proc/self`, { recursive: true });
  symlinkSync("/", `${root}/proc/self/root`);
  const found = (name: string): string => {
    writeFileSync(`${path}/config.json`, JSON.stringify({ ...base, mounts: [], ...ofProcess({ args: [name] }) }));
    return lines(path).join();
  };
  t.match(found("/absolute"), /no such file/);
  t.match(found("/up"), /no such file/);
  t.equal(found("/magic"), "", "its text is followed, below the root");
  t.match(found("/round"), /too many levels of symbolic links/);
  t.match(found("/fifo"), /not a file/);
  t.match(found("/fifo/x"), /not a directory/);
  t.equal(found("/good"), "");
  t.equal(found("/bin/also"), "");
  t.end();
});

t.test("an empty root file system", options, (t) => {
  const path = bundle({}, false);
  mkdirSync(`${path}/rootfs`);
  t.strictSame(lines(path), [`warning /root/path: ${path}/rootfs is an empty directory`]);
  t.end();
});

t.test("no terminal", options, (t) => {
  const path = bundle(ofProcess({ terminal: true }));
  const program = new URL("../../../../../../dist/bin/runt", import.meta.url).pathname;
  const done = spawnSync("setsid", ["--wait", program, "check", "-b", path], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.match(done.stdout, /\/process\/terminal: warning: there is no terminal here: .*--console-socket/);
  t.equal(done.status, 0);
  const inTerminal = spawnSync("script", ["-qec", `${program} check -b ${path}`, "/dev/null"], { encoding: "utf8" });
  t.equal(inTerminal.stdout, "no problems\r\n");
  t.end();
});

t.test("capabilities that are not what they seem", options, (t) => {
  const { capabilities: _, ...without } = base.process ?? { capabilities: {} };
  t.match(lines(bundle({ process: without })), [
    /^warning \/process\/capabilities: missing, so the process has none; newer runc/,
  ]);
  const all = ["CAP_KILL"];
  const sets = { bounding: all, effective: all, permitted: all, ambient: all };
  t.strictSame(lines(bundle(ofProcess({ capabilities: sets }))), [
    "warning /process/capabilities/ambient: ignored, because process.capabilities.inheritable is empty",
  ]);
  t.strictSame(lines(bundle(ofProcess({ capabilities: { ...sets, inheritable: all } }))), []);
  t.end();
});

t.test("unknown properties, with the nearest known name", options, (t) => {
  const path = bundle({
    hostnme: "x",
    maskedPaths: [],
    windows: {},
    "org.example.x": 5,
    annotations: { noNewPrivilege: "free" },
    ...ofProcess({ noNewPrivilege: true, CWD: "/", user: { uid: 0, gid: 0, username: "x", umsk: 1 } }),
    linux: { ...base.linux, maskedPath: [], sysctl: {}, resources: { memory: { limits: 5 }, unified: { "any.thing": "1" } } },
    mounts: [{ destination: "/a", type: "tmpfs", source: "x", option: ["ro"] }],
  });
  const is = "is not a property of the specification; it is ignored";
  t.strictSame(
    lines(path).filter((line) => line.includes("not a property")),
    [
      `warning /process/noNewPrivilege: "noNewPrivilege" ${is}: did you mean "noNewPrivileges"?`,
      `warning /process/CWD: "CWD" ${is}: did you mean "cwd"?`,
      `warning /process/user/umsk: "umsk" ${is}: did you mean "umask"?`,
      `warning /mounts/0/option: "option" ${is}: did you mean "options"?`,
      `warning /linux/maskedPath: "maskedPath" ${is}: did you mean "maskedPaths"?`,
      `warning /linux/resources/memory/limits: "limits" ${is}: did you mean "limit"?`,
      `warning /hostnme: "hostnme" ${is}: did you mean "hostname"?`,
      `warning /maskedPaths: "maskedPaths" ${is}: its place is linux.maskedPaths`,
      `warning /org.example.x: "org.example.x" ${is}`,
    ].sort(inOrderOf(lines(path))),
  );
  t.end();
});

/** Sorts as another list has it. */
function inOrderOf(list: readonly string[]): (one: string, other: string) => number {
  return (one, other) => list.indexOf(one) - list.indexOf(other);
}

t.test("what a user without privileges may not", { skip: isRoot ? false : "needs root to become another" }, (t) => {
  const path = bundle({
    linux: {
      namespaces: [{ type: "user" }, { type: "mount" }],
      uidMappings: [
        { containerID: 0, hostID: 1234567, size: 1 },
        { containerID: 1, hostID: 3000000000, size: 10 },
      ],
      gidMappings: [{ containerID: 0, hostID: 1234567, size: 1 }],
      devices: [
        { path: "/dev/null", type: "c", major: 1, minor: 3 },
        { path: "/dev/no-such-device", type: "c", major: 1, minor: 3 },
        { path: "/dev/zero", type: "c", major: 1, minor: 3 },
        { path: "/dev/pipe", type: "p" },
      ],
    },
  });
  const command = fileURLToPath(new URL("../../../../../../dist/bin/runt", import.meta.url));
  chmodSync(path, 0o755);
  const user = { uid: 1234567, gid: 1234567 };
  const done = spawnSync(command, ["check", "-b", path, "--format", "json"], { ...user, encoding: "utf8" });
  const found = (JSON.parse(done.stdout) as { pointer: string; message: string }[]).map(
    ({ pointer, message }) => `${pointer}: ${message}`,
  );
  const of = (pointer: string): string[] => found.filter((line) => line.startsWith(pointer));
  // The program writes a map as a whole: where it is missing, his own id cannot be mapped beside others either.
  const isMissing = spawnSync("sh", ["-c", "command -v newuidmap"]).status !== 0;
  t.match(of("/linux/uidMappings"), [
    ...(isMissing ? [/uidMappings\/0: user ids 1234567 to 1234567 need root, or newuidmap/] : []),
    /uidMappings\/1: user ids 3000000000 to 3000000009 (are not given to this user in \/etc\/subuid|need root)/,
  ]);
  t.strictSame(of("/linux/gidMappings"), [], "a group of his own, alone");
  t.match(of("/linux/devices"), [
    /devices\/1: \/dev\/no-such-device: this host has none to bind: no such file.*only root of the host/,
    /devices\/2: \/dev\/zero: this host has something else there/,
  ]);
  const asRoot = lines(path).filter((line) => /devices|Mappings/.test(line));
  t.strictSame(asRoot, [], "root may");
  t.end();
});

t.test("a profile that libseccomp refuses", options, (t) => {
  const syscalls = [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }];
  const flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];
  const of = (seccomp: object): string[] => lines(bundle({ linux: { ...base.linux, seccomp } }));
  t.strictSame(of({ defaultAction: "SCMP_ACT_ALLOW", syscalls }), []);
  t.strictSame(of({ defaultAction: "SCMP_ACT_ALLOW", flags, architectures: ["SCMP_ARCH_S390X"], syscalls }), [
    "config /linux/seccomp/flags: linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY",
    "host /linux/seccomp/architectures: linux.seccomp.architectures: one of them has another byte order than this machine",
  ]);
  t.end();
});
