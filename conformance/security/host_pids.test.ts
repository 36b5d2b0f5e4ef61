// SPDX-License-Identifier: Apache-2.0
/**
 * A container in the pid namespace of the runtime, with every capability but CAP_SYS_PTRACE, looks into every process there
 * while the runtime works for other containers, and finds nothing of the host.
 */
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, statSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { scenario, type Box, type Bundle } from "../harness/box.ts";
import { addNamespaces, removeNamespaces, type Config } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { readText, waitFor } from "../harness/host.ts";
import { needs, runtOnly, RUNTIME, type Result, type Running } from "../harness/runtime.ts";

/** How often each command runs while the other container looks. */
const ROUNDS = Number(process.env["RUNT_RACE_ROUNDS"] ?? "3");
const MAPS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const SKIP = runtOnly("root of such a container reaches the host through its init");
const MAPPED = "a mount with ids of its own";
const [MAJOR = 0, MINOR = 0] = release().split(".").map(Number);
/** The folders of the cases are on a tmpfs. */
const MAPS_TMPFS = MAJOR > 6 || (MAJOR === 6 && MINOR >= 3);
const NO_MAPPED =
  needs("open_tree", "no mount has ids of its own") || (!MAPS_TMPFS && "a tmpfs has ids of its own since Linux 6.3");
/** The table is the host's ps, which does not find its boot time in every kernel. */
const PS_FORMAT = spawnSync("ps", ["-ef"]).status === 0 ? [] : ["--format", "json"];
const NO_TIME = existsSync("/proc/self/ns/time") ? false : "this kernel has no time namespaces";

/** Words before a call of the runtime that give it a pid namespace which nobody but the calls of this box uses. */
function quietPids(box: Box): readonly string[] {
  const report = box.path("holder");
  const script = `echo $$ > ${report}; exec sleep 1000`;
  // In the new namespace its pid is 1: what it was cloned by knows the other one.
  const holder = spawn("unshare", ["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script], { stdio: "ignore" });
  box.atClose(() => holder.kill("SIGKILL"));
  if (!waitFor(() => readText(report) !== "")) throw new Error("no pid namespace");
  const [child] = readText(`/proc/${holder.pid}/task/${holder.pid}/children`).trim().split(" ");
  if (child === undefined || child === "") throw new Error("the pid namespace has no process");
  return ["nsenter", "--pid", "--mount", "--target", child, "--"];
}

/** Device and inode of the files of the runtime. */
function hostFiles(): string[] {
  const folder = dirname(RUNTIME);
  const paths = [RUNTIME, join(folder, "../libexec/runt/init")];
  return paths.map((path) => {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  });
}

interface Look {
  /** Calls the runtime in the pid namespace of the one that looks. */
  call(...args: string[]): Result;
  /** Ends it. @returns what it has found */
  end(): Promise<string>;
}

async function look(box: Box): Promise<Look> {
  const wrap = quietPids(box);
  const secret = box.file("of the host", "secret");
  const id = box.id();
  const bundle = box.bundle((config) => {
    removeNamespaces(config, "pid");
    config.process.args = ["/look", secret, ...hostFiles()];
    const all = everyCapability().filter((name) => name !== "CAP_SYS_PTRACE");
    config.process.capabilities = { bounding: all, permitted: all, effective: all };
  });
  copyFileSync(helper("helpers/look.c"), join(bundle.rootfs, "look"));
  const running: Running = box.begin(["run", "--bundle", bundle.dir, id], { wrap, timeout: 600_000 });
  if (!waitFor(() => readText(running.stdoutPath).includes("ready"))) throw new Error(`look: ${(await running.ended).output}`);
  return {
    call: (...args) => box.call(args, { wrap, timeout: 60_000, env: { PATH: process.env["PATH"] ?? "" } }),
    end: async () => {
      box.call(["kill", id, "TERM"], { wrap });
      return (await running.ended).stdout;
    },
  };
}

/** Names of all that `spec` could give. */
function everyCapability(): readonly string[] {
  return [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
  ].map((name) => `CAP_${name}`);
}

function userNamespace(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = MAPS;
  config.linux.gidMappings = MAPS;
}

function timeNamespace(config: Config): void {
  addNamespaces(config, "time");
  config.linux.timeOffsets = { monotonic: { secs: 100 }, boottime: { secs: 100 } };
}

/** What the other containers have. */
const KINDS: Readonly<Record<string, (config: Config, box: Box) => void>> = {
  "its own namespaces": () => undefined,
  "a user namespace": userNamespace,
  "a user namespace and oomScoreAdj": (config) => {
    userNamespace(config);
    config.process.oomScoreAdj = 100;
  },
  [MAPPED]: (config, box) => {
    const source = box.folder("volume");
    config.mounts.push({ destination: "/var", type: "bind", source, options: ["bind"], uidMappings: MAPS, gidMappings: MAPS });
  },
  "a time namespace": timeNamespace,
  "user and time namespaces": (config) => {
    userNamespace(config);
    timeNamespace(config);
  },
  "the pid namespace of the runtime": (config) => removeNamespaces(config, "pid"),
  "a user namespace, and the pid namespace of the runtime": (config) => {
    userNamespace(config);
    removeNamespaces(config, "pid");
    // In a user namespace the kernel makes no procfs of a pid namespace that lies outside of it.
    const proc = config.mounts.find((each) => each.destination === "/proc");
    if (proc !== undefined) Object.assign(proc, { type: "bind", source: "/proc", options: ["rbind"] });
  },
  "a user namespace and hooks": (config) => {
    userNamespace(config);
    config.hooks = {
      createRuntime: [{ path: "/bin/true" }],
      startContainer: [{ path: "/bin/true" }],
      poststart: [{ path: "/bin/true" }],
      poststop: [{ path: "/bin/true" }],
    };
  },
};

/** Why containers of that kind cannot be made here; false if they can. */
function missingFor(kind: string): string | false {
  if (kind === MAPPED) return NO_MAPPED;
  return kind.includes("time namespace") && NO_TIME;
}

/** The commands, each once. @returns what failed */
function live(at: Look, box: Box, bundle: Bundle): string {
  const id = box.id();
  const second = box.id();
  const commands: readonly (readonly string[])[] = [
    ["create", "--bundle", bundle.dir, id],
    ["start", id],
    ["exec", id, "true"],
    ["exec", "--user", "1000", id, "true"],
    ["state", id],
    ["ps", ...PS_FORMAT, id],
    ["delete", "--force", id],
    ["run", "--detach", "--bundle", bundle.dir, second],
    ["delete", "--force", second],
  ];
  for (const words of commands) {
    const done = at.call(...words);
    if (done.status !== 0) return `${words.join(" ")}: ${done.output}`;
  }
  return "";
}

for (const [kind, edit] of Object.entries(KINDS)) {
  scenario(
    `CVE-2019-5736, CVE-2016-9962: a container in the host's pid namespace, while others are made with ${kind}`,
    async (t, box) => {
      const at = await look(box);
      const bundle = box.bundle((config) => {
        config.process.args = ["sleep", "1000"];
        edit(config, box);
      });
      for (let round = 0; round < ROUNDS; round += 1) t.equal(live(at, box, bundle), "");
      const found = await at.end();
      t.notMatch(found, /HOST/, found);
      t.match(found, /looks at [1-9]\d* stages and [1-9]\d* programs, 0 hits/);
    },
    { skip: SKIP || missingFor(kind), timeout: 60_000 + ROUNDS * 20_000 },
  );
}

/** Without a user namespace, which CRIU makes by itself: what its processes show then is not runt's to decide. */
for (const kind of ["its own namespaces", "a time namespace"]) {
  scenario(
    `CVE-2016-9962: a container in the host's pid namespace, while others with ${kind} are saved and restored`,
    async (t, box) => {
      const at = await look(box);
      const bundle = box.bundle((config) => {
        config.root.readonly = false;
        // Streams that are files of the host cannot be saved.
        config.process.args = ["sh", "-c", "exec < /dev/null > /out 2>&1; exec sleep 1000"];
        KINDS[kind]?.(config, box);
      });
      for (let round = 0; round < ROUNDS; round += 1) {
        const id = box.id();
        const images = box.path("images");
        t.equal(at.call("run", "--detach", "--bundle", bundle.dir, id).output, "");
        t.ok(waitFor(() => readText(join(bundle.rootfs, "out")) === ""));
        const saved = at.call("checkpoint", "--image-path", images, id);
        t.equal(saved.status, 0, saved.output);
        const restored = at.call("restore", "--detach", "--image-path", images, "--bundle", bundle.dir, id);
        t.equal(restored.status, 0, restored.output);
        t.equal(at.call("delete", "--force", id).output, "");
      }
      const found = await at.end();
      t.notMatch(found, /HOST/, found);
    },
    { skip: SKIP || missingFor(kind) || withoutCriu(), timeout: 60_000 + ROUNDS * 20_000 },
  );
}

function withoutCriu(): string | false {
  const asked = spawnSync("criu", ["check"]);
  return asked.error === undefined && asked.status === 0 ? false : "no CRIU that works here";
}
