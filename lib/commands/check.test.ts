import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import t from "tap";
import { makeContext } from "../index.ts";
import { defaultConfig, formatConfig } from "../spec/defaults.ts";
import { check } from "./check.ts";

const base = defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 });
const isRoot = process.geteuid?.() === 0;
const options = isRoot ? {} : { skip: "the default config needs root" };

/** A bundle with the default config, some top-level properties replaced. */
function bundle(change: object, rootfs = true): string {
  const path = t.testdir({});
  if (rootfs) mkdirSync(`${path}/rootfs`);
  writeFileSync(`${path}/config.json`, JSON.stringify({ ...base, ...change }, null, 1));
  return path;
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
  const path = t.testdir({ rootfs: {}, "config.json": formatConfig(base) });
  t.strictSame(check({ bundle: path, format: "text" }), { problems: [], text: "no problems\n", exitCode: 0 });
  t.strictSame(check({ bundle: path, format: "json" }), { problems: [], text: "[]\n", exitCode: 0 });
  t.end();
});

t.test("text and JSON", options, (t) => {
  const text =
    '{"ociVersion": "1.3.0",\n "root": {"path": "rootfs"},\n "linux": {"intelRdt": {"closID": ".."}}, "vm": {}}';
  const path = t.testdir({ rootfs: {}, "config.json": text });
  const report = check({ bundle: path, format: "text" });
  t.equal(report.exitCode, 1);
  t.match(report.text, "config.json:3:35: /linux/intelRdt/closID: found \"..\", must be the name of one directory, or /\n");
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
  t.strictSame(lines(path), [
    `host /linux/namespaces/1/path: ${path}/fifo is no namespace, must be a uts namespace`,
  ]);
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
    "host /mounts/1/options: a bind mount takes no options of a file system; found size=1",
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
  writeFileSync(
    `${path}/config.json`,
    JSON.stringify({ ...base, hooks: { prestart: [{ path: `${path}/hook` }] } }),
  );
  t.strictSame(lines(path), [`host /hooks/prestart/0/path: ${path}/hook: permission denied`]);
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
