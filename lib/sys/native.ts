// SPDX-License-Identifier: Apache-2.0
/**
 * Loads the addon (`runt.node`) and gives its functions types. The addon holds no policy: each function is
 * one system call, or the few that cannot be told apart (spawn). Integers that a function returns are
 * `-errno` when they are negative; functions that return a value return `-errno` as a number instead.
 *
 * `node:fs` is not used on any command's path: importing it costs 2 ms of start-up.
 */

import { RuntimeError } from "../errors.ts";

/** The result of `stat`; sizes in bytes, times in milliseconds since 1970. */
export interface FileStat {
  /** Type and permission bits, as in `st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly ino: number;
  readonly dev: number;
  readonly nlink: number;
  readonly mtimeMs: number;
  /** Major and minor number of a device node. */
  readonly major: number;
  readonly minor: number;
}

/** Of proc(5)'s /proc/PID/stat. */
export interface ProcStat {
  /** A letter; `X` for a dead process. */
  readonly state: string;
  readonly parent: number;
  /** PF_* of the kernel. */
  readonly flags: number;
  /** Clock ticks since boot, as the time namespace of this process counts them; no clock of the wall is in it. */
  readonly startTime: number;
  /** The wait status of a zombie; 0 also for a reader without permission. */
  readonly exitCode: number;
}

/** How a child is made; see `native/addon/spawn.cc`. */
export interface SpawnOptions {
  /** Program: a path for execve, or a descriptor for execveat(AT_EMPTY_PATH). */
  readonly program: string | number;
  readonly args: readonly string[];
  /** `NAME=value` each; the whole environment. */
  readonly env: readonly string[];
  /** Descriptors that become 0, 1, 2, … in the child; nothing else is inherited. */
  readonly fds: readonly number[];
  /** CLONE_NEW* flags of the child; CLONE_VM is added, and CLONE_VFORK without `atOnce`. Default 0. */
  readonly cloneFlags?: number;
  /** Directory descriptor of the cgroup v2 to be born in (CLONE_INTO_CGROUP). Default: none. */
  readonly cgroupFd?: number;
  /** Working directory. Default: the caller's. */
  readonly cwd?: string;
  /** The child gets a session of its own. Default false. */
  readonly setsid?: boolean;
  /** The child is killed when the calling thread ends before it (PR_SET_PDEATHSIG). Default false. */
  readonly dieWithParent?: boolean;
  /** Return when the child has been made, not when its program runs: what keeps it from that, {@link Native.spawnError} tells. Default false. */
  readonly atOnce?: boolean;
}

/** A child; `pidfd` is close-on-exec and belongs to the caller. */
export interface Spawned {
  readonly pid: number;
  readonly pidfd: number;
}

/** How a child ended. */
export interface Exited {
  readonly pid: number;
  /** Exit status, or the signal's number if `signaled`. */
  readonly status: number;
  readonly signaled: boolean;
}

/** A message from a socket. */
export interface Received {
  /** Bytes read; 0 is end of file. */
  readonly size: number;
  /** Descriptors that came along (close-on-exec). */
  readonly fds: readonly number[];
}

/** Facts of a mounted file system. */
export interface FilesystemStat {
  /** Magic number, such as 0x9fa0 for procfs. */
  readonly type: number;
  /** ST_* mount flags. */
  readonly flags: number;
}

/**
 * The addon's functions. `dirfd` may be AT_FDCWD (-100) everywhere. In a path a lone surrogate U+DC80 … U+DCFF is the byte
 * 0x80 … 0xFF: `readdir` and `readlink` return the bytes of names that are not UTF-8 in this form.
 */
export interface Native {
  open(dirfd: number, path: string, flags: number, mode: number): number;
  close(fd: number): number;
  dup(fd: number): number;
  /**
   * Whole file as text; EFBIG if it has more than `limit` bytes. Bytes that are not UTF-8 become U+FFFD: a file of procfs has
   * names in it that a container gives, or that the kernel has cut in the middle of a character.
   */
  readFile(dirfd: number, path: string, limit: number): string | number;
  /** As `readFile`, for documents: EILSEQ if it is not UTF-8. */
  readUtf8File(dirfd: number, path: string, limit: number): string | number;
  /**
   * As `readUtf8File`, for a file whose end is where a read(2) returns less than 32 KiB: one that runt has written itself, or a value of
   * the kernel's, such as freezer.state. Not for the kernel's tables, which end a read(2) at any row.
   */
  readAtOnce(dirfd: number, path: string, limit: number): string | number;
  /** Opens with `flags`, writes all of `data` by one write(2), closes. */
  writeFile(dirfd: number, path: string, flags: number, mode: number, data: string): number;
  read(fd: number, buffer: Uint8Array): number;
  /** pread(2): the descriptor's own place in the file stays. */
  readAt(fd: number, buffer: Uint8Array, offset: number): number;
  write(fd: number, data: string | Uint8Array): number;
  mkdir(dirfd: number, path: string, mode: number): number;
  unlink(dirfd: number, path: string): number;
  rmdir(dirfd: number, path: string): number;
  rename(oldDirfd: number, oldPath: string, newDirfd: number, newPath: string): number;
  /** Lets two names of a directory change places; EINVAL where the file system cannot. */
  exchange(dirfd: number, one: string, other: string): number;
  symlink(target: string, dirfd: number, path: string): number;
  readlink(dirfd: number, path: string): string | number;
  mkfifo(dirfd: number, path: string, mode: number): number;
  /** `mode`: type and permissions, as in `st_mode`. */
  mknod(dirfd: number, path: string, mode: number, major: number, minor: number): number;
  /** linkat(2); a symbolic link is not followed. */
  link(oldDirfd: number, oldPath: string, newDirfd: number, newPath: string): number;
  /** Both times of a file; a symbolic link is changed itself, an empty path is `dirfd` itself. */
  utimes(dirfd: number, path: string, seconds: number, nanoseconds: number): number;
  setxattr(fd: number, name: string, value: Uint8Array): number;
  /** All extended attributes, by name. */
  getxattrs(fd: number): (readonly [name: string, value: Uint8Array])[] | number;
  chmod(dirfd: number, path: string, mode: number): number;
  fchmod(fd: number, mode: number): number;
  /** A symbolic link is changed itself; an empty path is `dirfd` itself. */
  chown(dirfd: number, path: string, uid: number, gid: number): number;
  /** `follow` false looks at a symbolic link itself; an empty path is `dirfd` itself. */
  stat(dirfd: number, path: string, follow: boolean): FileStat | number;
  /** The user id of the file's owner; a symbolic link is not followed. For those who ask of many files: `stat` makes an object. */
  owner(dirfd: number, path: string): number;
  statfs(path: string): FilesystemStat | number;
  /** access(2) with the effective ids. `mode`: R_OK 4, W_OK 2, X_OK 1, F_OK 0. */
  access(dirfd: number, path: string, mode: number): number;
  /** Names in a directory, without "." and "..", in no order. */
  readdir(dirfd: number, path: string): string[] | number;
  flock(fd: number, operation: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  /** [read end, write end], close-on-exec. */
  pipe(): [number, number] | number;
  ioctlInt(fd: number, request: number, argument: number): number;

  /**
   * open_tree(2) with OPEN_TREE_CLONE: a detached mount of `path`, `recursive` with all that is mounted in it. Without `follow`
   * a symbolic link itself.
   */
  openTree(path: string, recursive: boolean, follow: boolean): number;
  /** The same in another mount namespace, where `root` is the root directory that `path` counts from. */
  openTreeIn(mountNamespace: number, root: number, path: string, recursive: boolean, follow: boolean): number;
  /** An O_PATH descriptor of the file at `path` there. It belongs to that mount namespace, so a process in it can bind it. */
  openPathIn(mountNamespace: number, root: number, path: string, follow: boolean): number;
  /** move_mount(2): attaches a detached mount at `target`. */
  moveMount(fd: number, target: string): number;
  /** mount(2) without a type and options; `flags` are MS_*. */
  mount(source: string, target: string, flags: number): number;
  /** umount2(2), lazily, of the mount at `path`; a symbolic link is not followed. */
  unmount(path: string): number;
  /**
   * mount_setattr(2).
   * @param userNamespace descriptor for MOUNT_ATTR_IDMAP; -1 is none
   */
  mountSetattr(fd: number, recursive: boolean, set: number, clear: number, propagation: number, userNamespace: number): number;

  spawn(options: SpawnOptions): Spawned | number;
  /**
   * Of a child that was made `atOnce` and has run its program or ended: the positive errno that kept it from that, once; else 0. The memory
   * that it was made in goes.
   */
  spawnError(pid: number): number;
  pidfdOpen(pid: number): number;
  /** Signal by pidfd; 0 probes. */
  pidfdKill(pidfd: number, signal: number): number;
  /** A duplicate (close-on-exec) of another process's descriptor; needs the right to trace it. */
  pidfdGetfd(pidfd: number, fd: number): number;
  /**
   * How a process has ended, as a wait status, though it is no child of ours (PIDFD_INFO_EXIT, Linux 6.15): `null` as
   * long as its parent has not reaped it; a negative errno where the kernel cannot tell.
   */
  pidfdExit(pidfd: number): number | null;
  /** A descriptor that can be read when one of `fds` can be read or has ended. A closed one no longer counts. */
  epoll(fds: readonly number[]): number;
  /** Sets the events of `fd` that an instance of {@link Native.epoll} waits for: EPOLL* bits, 0 to remove `fd`. */
  epollSet(epoll: number, fd: number, events: number): number;
  /**
   * Waits for an instance whose descriptors {@link Native.epollSet} has set. `ready` gets pairs [fd, events].
   * @param timeoutMs -1 waits for ever
   * @returns the number of pairs; 0 if a signal ended the wait
   */
  epollWait(epoll: number, ready: Int32Array, timeoutMs: number): number;
  /**
   * The same for a long wait: before it the pages of the program's file are unmapped that this process has not written to. They
   * come back from the page cache when they are used. For a process with one thread.
   */
  epollWaitSmall(epoll: number, ready: Int32Array, timeoutMs: number): number;
  /** The next connection to a socket that listens; non-blocking. */
  accept(fd: number): number;
  /** How many bytes a pipe has for a reader. */
  readableBytes(fd: number): number;
  /**
   * mount(2).
   * @param data "" is none
   * @param directory the start of relative paths in the other arguments; "" is the caller's working directory
   */
  mountFileSystem(source: string, target: string, type: string, flags: number, data: string, directory: string): number;
  /** Makes `file` the content of the loop device `device`; `flags` are LO_FLAGS_*. */
  loopAttach(device: number, file: number, flags: number): number;
  /** Gives a process a cookie of its own for core scheduling; `group` to its process group. */
  schedCore(pid: number, group: boolean): number;
  /** The id of a namespace that no other one ever has, in decimal: from Linux 6.18 on, of a mount namespace from 6.11 on. */
  namespaceId(fd: number): string | number;
  /** A non-blocking counter, readable when it is not 0. */
  eventfd(): number;
  kill(pid: number, signal: number): number;
  /** Waits for one child (`pid` > 0) or any (-1); `null` if WNOHANG and none has ended. */
  waitpid(pid: number, noHang: boolean): Exited | null | number;
  /**
   * poll(2). `fds` holds pairs [fd, events]; each `events` is replaced by `revents`.
   * @param timeoutMs -1 waits for ever
   */
  poll(fds: Int32Array, timeoutMs: number): number;
  prctl(option: number, argument: number): number;
  umask(mask: number): number;
  prlimit(pid: number, resource: number, soft: bigint, hard: bigint): number;
  /** sched_setattr(2), with the kernel's numbers; times are nanoseconds. */
  schedSetattr(
    pid: number,
    policy: number,
    flags: bigint,
    nice: number,
    priority: number,
    runtime: bigint,
    deadline: bigint,
    period: bigint,
  ): number;
  /** ioprio_set(2) of one process: class and priority in one number. */
  ioprioSet(pid: number, value: number): number;
  /** Monotonic milliseconds with fraction. */
  now(): number;
  /** uname(2)'s release. */
  /** /proc/PID/stat; EIO if it cannot be understood. */
  procStat(pid: number): ProcStat | number;
  kernelRelease(): string;

  socketpair(type: number): [number, number] | number;
  /**
   * Connects a Unix socket. Paths over 107 bytes work too (through /proc/self/fd); a leading "@" names a socket in
   * the abstract space. Connecting, and each send later, waits for ten seconds at most: -EAGAIN then.
   * -EINTR if a signal of {@link Native.signalsEnd} has come meanwhile.
   * @param type SOCK_STREAM (1) by default
   */
  connectUnix(path: string, type?: number): number;
  /** Binds and listens if `type` is SOCK_STREAM or SOCK_SEQPACKET; only binds if it is SOCK_DGRAM. */
  bindUnix(path: string, type: number): number;
  /** A socket to the routing netlink of a network namespace; -1 is this process's. */
  netlinkSocket(namespace: number): number;
  sendMessage(fd: number, data: Uint8Array | string, fds: readonly number[]): number;
  receiveMessage(fd: number, buffer: Uint8Array): Received | number;

  /** A memfd with `data`, sealed against every change. */
  sealedMemfd(name: string, data: Uint8Array): number;
  /**
   * A sealed, executable memfd with the bytes of a file; under vm.memfd_noexec=2 a file on a read-only tmpfs that is
   * attached nowhere.
   */
  sealedCopy(name: string, path: string): number;
  /** The same for the `init` that is linked into the program; ENOENT if there is none, as in the library. */
  sealedInit(name: string): number;
  memfd(name: string): number;

  /**
   * Whether the engine's own parser gives exactly what a JSON text says: RFC 8259 with whole numbers of at most 15 digits, in which
   * no escape stands for a surrogate, no name has an escape and no object has a name twice. False does not mean that it is no JSON.
   * @param depth of objects and arrays within one another, at most
   */
  isPlainJson(text: string, depth: number): boolean;
  /**
   * The bytes of a plan (native/README.md). `null` if a text holds a NUL byte, or a value does not fit its kind.
   * @param steps objects with `op` and `fields`
   * @param layouts by `op`: the operation's number, and the names and kinds of its fields; a kind is a place in `FIELD_TYPES` of
   *   lib/plan/encode.ts
   */
  encodePlan(
    steps: readonly { readonly op: string; readonly fields: object }[],
    layouts: Readonly<
      Record<string, { readonly number: number; readonly names: readonly string[]; readonly kinds: readonly number[] }>
    >,
    magic: number,
    version: number,
  ): Uint8Array | null;

  /** Loads an eBPF program (`struct bpf_insn` one after another) of the type that filters devices of a cgroup. */
  bpfLoadDevice(name: string, program: Uint8Array): number;
  /** Attaches one to the cgroup `cgroup` beside others, or in the place of `replaced`, which is -1 for none. */
  bpfAttachDevice(cgroup: number, program: number, replaced: number): number;
  bpfDetachDevice(cgroup: number, program: number): number;
  /** Ids of the programs of this type that are attached to a cgroup. */
  bpfQueryDevice(cgroup: number): number[] | number;
  /** A descriptor of the program with an id. */
  bpfProgramFd(id: number): number;

  /** An inotify instance, close-on-exec and non-blocking. */
  inotify(): number;
  inotifyAdd(fd: number, path: string, mask: number): number;

  /** The SHA-256 of bytes, or of a string as UTF-8. */
  sha256(data: Uint8Array | string): Uint8Array;

  /** Raw mode. @returns the settings before it, for {@link Native.ttyRestore} */
  ttyRaw(fd: number): Uint8Array | number;
  ttyRestore(fd: number, settings: Uint8Array): number;
  /** [height, width] in characters. */
  ttyGetSize(fd: number): [number, number] | number;
  ttySetSize(fd: number, height: number, width: number): number;
  isatty(fd: number): boolean;

  /**
   * Catches the signals, whichever thread gets them, and gives a descriptor that is readable when one has come. Once
   * in a process: EBUSY after that. Not SIGPWR, which the engine uses.
   */
  signalfd(signals: readonly number[]): number;
  /** Whether this process was started with the signal ignored. */
  isSignalIgnored(signal: number): boolean;
  /**
   * The caught signals that may end a process that does not read them: the second one ends it, if it comes a second or more
   * after one that is still unread.
   */
  signalsEnd(signals: readonly number[]): number;
  /** Next signal's number, 0 if there is none now. */
  signalfdRead(fd: number): number;
}

/** The oldest C library that the addons can be loaded with; `npm run release` sees to it that it is true. */
const GLIBC = "2.35";

let directory: string | undefined;

/** Directory that holds `init` and the addons for the library; absolute. The program has all of them within itself. */
export function nativeDirectory(): string {
  directory ??= packaged() ?? `${import.meta.dirname.replace(/\/lib\/sys$/, "")}/libexec/runt`;
  return directory;
}

/** The loaded addon. */
export let native: Native = load();

/** From now on all calls go to `next`, which observes them. */
export function replaceNative(next: Native): void {
  native = next;
}

/**
 * From npm the native parts come in a package of the platform, which the main one has as an optional dependency;
 * `undefined` in a checkout, and where that package is not installed.
 */
function packaged(): string | undefined {
  if (!isInstalled()) return undefined;
  try {
    const addon = import.meta.resolve(`${platformPackage()}/libexec/runt/runt.node`);
    return decodeURIComponent(addon.slice("file://".length, addon.lastIndexOf("/")));
  } catch {
    return undefined;
  }
}

function platformPackage(): string {
  return `@runt-oci/linux-${process.arch}`;
}

/** The way to get a native part that is missing or damaged where others are there. */
export function wayToWhole(): string {
  if (!isInstalled()) return 'the checkout is not whole: "npm run build" makes it';
  return `the npm package ${platformPackage()} is not whole: install it once more`;
}

/** Whether the library is an installed package, and no checkout. */
function isInstalled(): boolean {
  return directoryOfModules().includes("/node_modules/");
}

/** The way to get the first native part. */
function remedy(): string {
  if (!isInstalled()) return `it is made by "npm run build"`;
  if (packaged() === undefined)
    return `it is in the npm package ${platformPackage()}, an optional dependency, which is not installed`;
  return `the npm package ${platformPackage()} is damaged, or this machine has no glibc ${GLIBC} or newer`;
}

/** "" if a bundler has removed it. */
function directoryOfModules(): string {
  return (import.meta as { readonly dirname?: string }).dirname ?? "";
}

/** Checks the platform that the library needs; the program need not check it. @throws HOST_UNABLE */
function checkPlace(): void {
  // The program's engine has no such property, and does not run this check.
  const { platform, arch } = process as unknown as { readonly platform: string; readonly arch: string };
  if (platform !== "linux" || (arch !== "x64" && arch !== "arm64")) {
    throw new RuntimeError("HOST_UNABLE", `runt works on Linux on x86_64 and arm64; this is ${platform} on ${arch}`);
  }
  if (!directoryOfModules().endsWith("/lib/sys")) {
    const text = "runt has been put into a bundle, where its native parts and its threads are not found";
    const remedy = 'esbuild and Bun: --external:@runt-oci/runt; webpack, Rollup and Vite: their option "external"';
    throw new RuntimeError("HOST_UNABLE", `${text}: keep @runt-oci/runt external (${remedy})`);
  }
}

function load(): Native {
  // RUNT_COMPILED is replaced by a literal when the program is built: it knows the addons that are linked in by their names.
  const isCompiled = process.env["RUNT_COMPILED"] === "1";
  if (!isCompiled) checkPlace();
  const path = isCompiled ? "runt.node" : `${nativeDirectory()}/runt.node`;
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError("INTERNAL", `cannot load ${path}: ${why}: ${remedy()}`, { path }, error);
  }
  return module.exports as Native;
}
