// SPDX-License-Identifier: Apache-2.0
/**
 * Commands with a made-up host beneath them, for the build: native/engine/rehearsal.cc runs this module in a program that counts which
 * pieces of the snapshot are used, and the snapshot is made anew with those together (docs/performance.md). Nothing of the host that builds
 * is looked at, so each build counts the same.
 */
import { CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC } from "../../lib/cgroups/place/layout.ts";
import { Errno } from "../../lib/kernel/errno.ts";
import { PF_FORKNOEXEC, SIGCHLD } from "../../lib/kernel/numbers.ts";
import { Message, StartByte } from "../../lib/plan/steps.ts";
import { defaultConfig, formatConfig } from "../../lib/spec/defaults.ts";
import type { Native } from "../../lib/sys/native.ts";
import { engineConfig } from "./engine_config.ts";

/** Runs a command line with a host; returns when nothing is left to do. */
type Begin = (host: object, ...words: readonly string[]) => void;

/** `true`: the function itself is called, as it looks at nothing of the host. */
type Host = { readonly [Name in keyof Native]?: Native[Name] | true };

const STDERR = 2;
const ROOT = "/run/runt";
const BUNDLE = "/run/bundles/box";
const SPEC = "/etc/process.json";
const JOINER = 4710;
const INIT = 4711;
const EXEC = 4712;
const MESSAGE_SIZE = 8;
const DIRECTORY = 0o040755;
const CONTROLLERS = ["cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "freezer", "pids"];
const LIMITED = {
  memory: { limit: 1 << 28 },
  cpu: { shares: 512, quota: 50_000, period: 100_000 },
  pids: { limit: 100 },
};

/** A profile like an engine's. */
const PROFILE = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 1,
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  syscalls: [
    { names: ["accept", "close", "execve", "exit_group", "mmap", "openat", "read", "write"], action: "SCMP_ACT_ALLOW" },
    { names: ["personality"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 8, op: "SCMP_CMP_EQ" }] },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
  ],
} as const;

/** Files of a host whose cgroups are of version 1, with an empty version 2 beside it. */
const V1: Readonly<Record<string, string>> = {
  "/proc/self/cgroup": `${[...CONTROLLERS, "name=systemd"].map((name, index) => `${10 - index}:${name}:/`).join("\n")}\n0::/\n`,
};
/** Those of one with version 2 alone. */
const V2: Readonly<Record<string, string>> = {
  "/proc/self/cgroup": "0::/\n",
};

/** What a file of a directory of a cgroup says, by its name. */
const CGROUP_FILES: Readonly<Record<string, string>> = {
  "cgroup.events": "populated 0\nfrozen 0\n",
  "cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
  "cgroup.subtree_control": "cpuset cpu io memory hugetlb pids\n",
  "cgroup.type": "domain\n",
  "cgroup.freeze": "0\n",
  "cgroup.procs": "",
  "cpuset.cpus": "0-1\n",
  "cpuset.mems": "0\n",
  "devices.list": "a *:* rwm\n",
  "freezer.state": "THAWED\n",
  "freezer.self_freezing": "0\n",
  "freezer.parent_freezing": "0\n",
  "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
  "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
};

/** A host that is enough for a container to begin, and to end when a command waits for that. */
class MadeUpHost {
  readonly #files: Map<string, string>;
  readonly #isV2: boolean;
  readonly #hasProfile: boolean;
  readonly #paths = new Map<number, string>();
  #next = 3;
  #clock = 0;
  /** What init still sends. */
  #messages: (readonly [kind: number, value: number])[] = [];
  #isExec = false;
  #signals: number[] = [];
  /** The container's process waits for `start`. */
  #isHeld = false;
  /** The process that was spawned last, which is a container's first one or one that joins it. */
  #child = 0;
  #state: "none" | "running" | "ended" | "reaped" = "none";
  /** What commands have written to standard error. */
  errors = "";
  readonly functions: Host;

  constructor(files: Readonly<Record<string, string>>, config: string) {
    this.#isV2 = files === V2;
    this.#hasProfile = config.includes('"seccomp"');
    this.#files = new Map(Object.entries({ "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", ...files }));
    this.#files.set(`${BUNDLE}/config.json`, config);
    this.functions = this.#all();
  }

  add(path: string, text: string): void {
    this.#files.set(path, text);
  }

  /** The next process that is spawned joins a container. */
  execs(): void {
    this.#isExec = true;
  }

  #descriptor(path: string): number {
    const fd = this.#next++;
    this.#paths.set(fd, path);
    return fd;
  }

  #path(dirfd: number, path: string): string {
    if (path.startsWith("/")) return path;
    const directory = this.#paths.get(dirfd) ?? "";
    return path === "" || path === "." ? directory : `${directory}/${path}`;
  }

  #read(dirfd: number, path: string): string | number {
    const full = this.#path(dirfd, path);
    const known = this.#files.get(full);
    if (known !== undefined) return known;
    if (full.startsWith("/sys/fs/cgroup/")) return CGROUP_FILES[full.slice(full.lastIndexOf("/") + 1)] ?? -Errno.ENOENT;
    return -Errno.ENOENT;
  }

  #isThere(full: string): boolean {
    if (!full.startsWith(ROOT)) return !full.endsWith("/kcore");
    return this.#files.has(full) || [...this.#files.keys()].some((name) => name.startsWith(`${full}/`));
  }

  #move(from: string, to: string): number {
    const text = this.#files.get(from);
    if (text === undefined) return -Errno.ENOENT;
    this.#files.delete(from);
    this.#files.set(to, text);
    return 0;
  }

  /** A write to one of the files of version 1 that list devices. */
  #allow(path: string, text: string): void {
    const list = path.replace(/devices\.(allow|deny)$/, "devices.list");
    if (list === path) return;
    this.#files.set(list, text === "a" ? "" : `${this.#files.get(list) ?? ""}${text}\n`);
  }

  /** Init and its first child: messages as they come. */
  #spawn(): { pid: number; pidfd: number } {
    this.#child = this.#isExec ? EXEC : INIT;
    const pid: readonly [number, number] = [Message.INIT_PID, this.#child];
    const group: readonly [number, number] = [Message.CGROUP, 0];
    const rest = [
      [Message.READY, 0],
      [Message.EXEC, 0],
    ] as const;
    this.#messages = this.#isExec ? [group, pid, ...rest] : [pid, group, ...rest];
    this.#isExec = false;
    this.#state = "running";
    return { pid: JOINER, pidfd: this.#descriptor("joiner") };
  }

  #receive(buffer: Uint8Array): { size: number; fds: number[] } {
    const next = this.#messages.shift();
    if (next === undefined) return { size: 0, fds: [] };
    const view = new DataView(buffer.buffer, buffer.byteOffset);
    view.setUint32(0, next[0], true);
    view.setUint32(4, next[1], true);
    return { size: MESSAGE_SIZE, fds: [] };
  }

  #isReady(fd: number): boolean {
    const path = this.#paths.get(fd);
    return path === "signals" ? this.#signals.length > 0 : path !== "init" || this.#messages.length > 0;
  }

  #poll(fds: Int32Array): number {
    let count = 0;
    for (let index = 0; index < fds.length; index += 2) {
      const isReady = this.#isReady(fds[index] ?? -1);
      if (isReady) count++;
      else fds[index + 1] = 0;
    }
    if (count > 0) return count;
    // Nothing else can happen than the end of the container, or of the connection to init.
    if (this.#state === "running") {
      this.#state = "ended";
      this.#signals.push(SIGCHLD);
    }
    for (let index = 0; index < fds.length; index += 2) fds[index + 1] = 1;
    return fds.length / 2;
  }

  #wait(pid: number): { pid: number; status: number; signaled: boolean } | null | number {
    if (pid === JOINER) return { pid, status: 0, signaled: false };
    if (this.#state === "running") return null;
    if (this.#state !== "ended") return -Errno.ECHILD;
    this.#state = "reaped";
    return { pid: this.#child, status: 0, signaled: false };
  }

  #stat(dirfd: number, path: string): ReturnType<Native["stat"]> {
    if (!this.#isThere(this.#path(dirfd, path))) return -Errno.ENOENT;
    const plain = { uid: 0, gid: 0, size: 4096, ino: 7, dev: 8, nlink: 2, mtimeMs: 0, major: 0, minor: 0 };
    return { mode: DIRECTORY, ...plain };
  }

  #statfs(path: string): { type: number; flags: number } {
    if (this.#isV2) return { type: CGROUP2_SUPER_MAGIC, flags: 0 };
    const type = path === "/sys/fs/cgroup" ? 0 : path.endsWith("/unified") ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
    return { type, flags: 0 };
  }

  #all(): Host {
    const done = (): number => 0;
    return {
      now: () => (this.#clock += 0.1),
      open: (dirfd, path) => {
        const full = this.#path(dirfd, path);
        return this.#isThere(full) ? this.#descriptor(full) : -Errno.ENOENT;
      },
      close: done,
      dup: (fd) => this.#descriptor(this.#paths.get(fd) ?? ""),
      fcntl: done,
      flock: done,
      readFile: (dirfd, path) => this.#read(dirfd, path),
      readUtf8File: (dirfd, path) => this.#read(dirfd, path),
      readAtOnce: (dirfd, path) => this.#read(dirfd, path),
      writeFile: (dirfd, path, _flags, _mode, data) => {
        const full = this.#path(dirfd, path);
        if (full.startsWith(ROOT)) this.#files.set(full, data);
        return 0;
      },
      read: (fd, buffer) => {
        if (this.#paths.get(fd)?.endsWith("/exec.fifo") !== true || !this.#isHeld) return 0;
        this.#isHeld = false;
        buffer.set([StartByte.GOES_ON.charCodeAt(0), StartByte.EXECUTES.charCodeAt(0)]);
        return 2;
      },
      write: (fd, data) => {
        const text = typeof data === "string" ? data : new TextDecoder().decode(data);
        if (fd === STDERR) this.errors += text;
        else this.#allow(this.#paths.get(fd) ?? "", text);
        return data.length;
      },
      mkdir: (dirfd, path) => {
        this.#files.set(`${this.#path(dirfd, path)}/`, "");
        return 0;
      },
      unlink: (dirfd, path) => {
        this.#files.delete(this.#path(dirfd, path));
        return 0;
      },
      rmdir: (dirfd, path) => {
        this.#files.delete(`${this.#path(dirfd, path)}/`);
        return 0;
      },
      rename: (oldDirfd, oldPath, newDirfd, newPath) => this.#move(this.#path(oldDirfd, oldPath), this.#path(newDirfd, newPath)),
      exchange: (dirfd, one, other) => {
        if (!this.#files.has(this.#path(dirfd, other))) return -Errno.ENOENT;
        return this.#move(this.#path(dirfd, one), this.#path(dirfd, other));
      },
      readlink: (_dirfd, path) => (path.startsWith("/proc/self/ns/") ? "time:[4026531834]" : "/dev/null"),
      mkfifo: (dirfd, path) => {
        this.#isHeld = true;
        // A process that waits for `start` tells before that that its filter holds.
        if (this.#hasProfile) this.#messages.splice(-1, 0, [Message.FILTERED, 0]);
        this.#files.set(this.#path(dirfd, path), "");
        return 0;
      },
      chmod: done,
      stat: (dirfd, path) => this.#stat(dirfd, path),
      owner: done,
      statfs: (path) => this.#statfs(path),
      access: (dirfd, path) => (this.#isThere(this.#path(dirfd, path)) ? 0 : -Errno.ENOENT),
      readdir: (dirfd, path) => {
        const full = `${this.#path(dirfd, path)}/`;
        const names = [...this.#files.keys()].filter((name) => name.startsWith(full)).map((name) => name.slice(full.length));
        return [...new Set(names.map((name) => name.replace(/\/.*/, "")))].filter((name) => name !== "");
      },
      spawn: () => this.#spawn(),
      spawnError: done,
      pidfdOpen: () => this.#descriptor("process"),
      pidfdKill: done,
      kill: done,
      waitpid: (pid) => this.#wait(pid),
      poll: (fds) => this.#poll(fds),
      // The bounding set has each capability.
      prctl: () => 1,
      procStat: (pid) => {
        const state = pid !== this.#child || this.#state === "running" ? "S" : "Z";
        return { state, parent: 1, flags: this.#isHeld ? PF_FORKNOEXEC : 0, startTime: 100, exitCode: 0 };
      },
      socketpair: () => [this.#descriptor("init"), this.#descriptor("")],
      sendMessage: (_fd, data) => data.length,
      receiveMessage: (_fd, buffer) => this.#receive(buffer),
      sealedMemfd: () => this.#descriptor("memory"),
      sealedInit: () => this.#descriptor("memory"),
      signalfd: () => this.#descriptor("signals"),
      signalfdRead: () => this.#signals.shift() ?? 0,
      signalsEnd: done,
      isSignalIgnored: () => false,
      isatty: () => false,
      bpfLoadDevice: () => this.#descriptor("program"),
      bpfAttachDevice: done,
      bpfQueryDevice: () => [],
      isPlainJson: true,
      encodePlan: true,
      sha256: true,
    };
  }
}

let exitStatus: number | undefined;

/** The process, as a command may find it on any host. */
function pretend(): void {
  const facts = {
    cwd: () => BUNDLE,
    exit: (status: number): never => {
      exitStatus = status;
      // Nothing waits for the command's promise.
      throw new Error("the command has ended");
    },
    getuid: () => 0,
    getgid: () => 0,
    geteuid: () => 0,
    getegid: () => 0,
  };
  Object.assign(process, facts);
}

export function main(begin: Begin): void {
  pretend();
  const command = (host: MadeUpHost, ...words: readonly string[]): void => {
    exitStatus = undefined;
    begin(host.functions, "runt", "--root", ROOT, ...words);
    if (exitStatus !== 0) throw new Error(`runt ${words.join(" ")}: exit status ${exitStatus ?? "unknown"}: ${host.errors}`);
  };
  const config = defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 });
  if (config.process !== undefined) config.process.terminal = false;
  const large = engineConfig();
  const linux = { ...large.linux, resources: LIMITED, seccomp: PROFILE };
  const plain = { ...large, process: { ...large.process, terminal: false }, linux };
  for (const [files, text] of [
    [V1, formatConfig(config)],
    [V2, JSON.stringify(plain)],
  ] as const) {
    const host = new MadeUpHost(files, text);
    host.add(SPEC, JSON.stringify({ cwd: "/", args: ["true"], user: { uid: 0, gid: 0 } }));
    command(host, "--version");
    command(host, "run", "--bundle", BUNDLE, "box");
    command(host, "create", "--bundle", BUNDLE, "box");
    command(host, "start", "box");
    for (const words of [
      ["box", "true"],
      ["--process", SPEC, "box"],
      ["--detach", "--process", SPEC, "box"],
    ]) {
      host.execs();
      command(host, "exec", ...words);
    }
    command(host, "state", "box");
    command(host, "list");
    command(host, "kill", "box", "KILL");
    command(host, "delete", "--force", "box");
  }
}
