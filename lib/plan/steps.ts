// SPDX-License-Identifier: Apache-2.0
/**
 * The one table of everything that `init` can do. TypeScript infers the step types from it, the encoder
 * walks it, and `native/plan/ops.gen.h` (enum, structs, bounds-checked decoder) is generated from it; a test
 * fails when that header is stale.
 *
 * An operation is one effect that the OCI spec names. The order of fields is the order on the wire; adding
 * an operation means: a row here, `npm run generate`, a function in `native/init/steps/`, and a place in
 * `lib/plan/build.ts`. Numbers of operations are their places in this table.
 */

/** The encoding of a field: every field is padded to 8 bytes. */
export type FieldType = "u32" | "u64" | "i64" | "str" | "strs" | "u32s" | "bytes";

type FieldValue = {
  u32: number;
  u64: bigint;
  i64: bigint;
  str: string;
  strs: readonly string[];
  u32s: readonly number[];
  bytes: Uint8Array;
};

/** "RUNT" read as a little-endian u32. */
export const PLAN_MAGIC = 0x544e5552;
/** Raised whenever this table or the wire format changes; `init` refuses every other. */
export const PLAN_VERSION = 8;

export const OPS = {
  // --- stage 1, only where a namespace is joined or made in two steps -------------------------------
  /**
   * setns(2) to the descriptor in `slot`; `kind` is a CLONE_NEW* flag. After CLONE_NEWUSER the process is 0:0.
   * `attempt` 1: EPERM is no failure, a later step tries again; 2: that step, which does nothing where the first succeeded.
   */
  joinNamespace: { slot: "u32", kind: "u32", path: "str", attempt: "u32" },
  /** unshare(2). */
  unshare: { flags: "u32" },
  /** The container's first process is cloned (CLONE_PARENT and `flags`) and goes on with the next step. */
  fork: { flags: "u32" },

  // --- questions to the runtime ----------------------------------------------------------------------
  /** The runtime writes uid_map, gid_map and setgroups; then the process becomes 0:0 of the namespace. */
  idMaps: {},
  /** The runtime writes timens_offsets. */
  timeOffsets: {},
  /** The runtime makes the cgroups and sends one descriptor a hierarchy; the process joins each. */
  cgroup: {},
  /** The runtime runs the prestart and createRuntime hooks. */
  runtimeHooks: {},

  // --- the root file system --------------------------------------------------------------------------
  /** mount("/", flags): propagation between the new mount namespace and the host. MS_REC is added. */
  parentPropagation: { flags: "u32" },
  /**
   * Every later path is resolved under `path`. `bind` 1: it becomes a mount of its own first, as pivot_root
   * requires; 2: as 1, and it continues to receive mounts that the host makes in it. Without a mount namespace
   * it is 0, so that the host gets no mount of ours, or 3 where it gets those of the container: a mount of its own, with
   * which one recursive umount(8) takes them all away, and nothing else of the host changes.
   */
  rootfs: { path: "str", bind: "u32" },
  /**
   * One entry of `mounts`. `flags` are MountFlag bits. `sb`: MS_* flags of the superblock; `set`, `clear`:
   * MOUNT_ATTR_*; `recSet`, `recClear`: the same for the whole tree; `propagation`: MS_* one after another.
   * `implied`: bits of `clear` that no option names, and that may stay where they are locked. `tree`: init asks the runtime
   * for the source of the entry `tree` - 1 of `mounts`; 0: init opens it.
   */
  mount: {
    target: "str",
    source: "str",
    fstype: "str",
    flags: "u32",
    sb: "u32",
    set: "u32",
    clear: "u32",
    implied: "u32",
    recSet: "u32",
    recClear: "u32",
    propagation: "u32s",
    data: "str",
    tree: "u32",
  },
  /**
   * A symbolic link; an existing one with the same target is left alone. So is any other existing file, unless `exact` is 1:
   * then it is an error.
   */
  symlink: { path: "str", target: "str", exact: "u32" },
  /**
   * A device node (or FIFO). `mode` has the S_IF* type; `bind` 1 binds a node instead: the one that the `node`th deviceNode
   * step has made, else, or where it could not be made, the host's.
   */
  device: {
    path: "str",
    mode: "u32",
    major: "u32",
    minor: "u32",
    uid: "u32",
    gid: "u32",
    bind: "u32",
    node: "u32",
  },
  /** MOUNT_ATTR_* of an existing mount (or of the rootfs, path "/"). `recursive` is 0 or 1. */
  mountAttributes: { path: "str", set: "u32", clear: "u32", recursive: "u32" },
  /**
   * A pty from the container's own devpts: the master goes to the socket in `slot`, the slave is 0, 1, 2. `relayed` 1:
   * a line ends with a line feed alone (no ONLCR), because the terminal that it is carried to adds the return.
   */
  console: { slot: "u32", height: "u32", width: "u32", relayed: "u32" },
  /** `mode`: 0 pivot_root, 1 move the root and chroot (--no-pivot), 2 chroot only (no mount namespace). */
  enterRoot: { mode: "u32" },
  /** `linux.rootfsPropagation` (MS_*), on the root after it was entered. */
  rootPropagation: { flags: "u32" },
  /** Hides a path: /dev/null over a file, an empty read-only tmpfs over a directory. */
  maskPath: { path: "str" },
  /** Makes a path and all below it read-only. */
  readonlyPath: { path: "str" },

  // --- the kernel's settings of this container -----------------------------------------------------
  /** A new session keyring with this name, possessed by the process. */
  sessionKeyring: { name: "str" },
  hostname: { name: "str" },
  domainname: { name: "str" },
  /** `key` in path form ("net/ipv4/ip_forward"), below /proc/sys of a procfs of init's own. */
  sysctl: { key: "str", value: "str" },
  /** Brings `lo` up. */
  loopback: {},

  // --- the process ------------------------------------------------------------------------------------
  oomScoreAdj: { value: "i64" },
  /** `resource` is the kernel's RLIMIT_* number; RLIM_INFINITY is 2^64-1. */
  rlimit: { resource: "u32", soft: "u64", hard: "u64" },
  /**
   * A createContainer or startContainer hook, run by init. The state on its stdin is `stateHead`, the pid in
   * decimal, `stateTail`. `timeoutMs` 0 is none. Its output goes to the descriptor in `slot`. `home` as for `exec`.
   */
  hook: {
    path: "str",
    args: "strs",
    env: "strs",
    timeoutMs: "u32",
    stateHead: "str",
    stateTail: "str",
    slot: "u32",
    home: "u32",
  },
  umask: { mask: "u32" },
  /** Makes `process.cwd` where it is missing, owned by root, before privileges are given up. */
  workingDirectory: { path: "str" },
  noNewPrivileges: {},
  /** Ids, groups and the five capability sets (bit n is capability n); bounding first. */
  credentials: {
    uid: "u32",
    gid: "u32",
    /** If the user namespace denies setgroups(2), the list may hold only the process's own group. */
    groups: "u32s",
    /** 1: leave the groups as they are. */
    keepGroups: "u32",
    bounding: "u64",
    effective: "u64",
    permitted: "u64",
    inheritable: "u64",
    ambient: "u64",
    /** 1: CAP_SYS_ADMIN is kept for a `seccomp` step without no_new_privs, which then leaves these sets. */
    forFilter: "u32",
  },
  /**
   * chdir(2), unless an earlier step of this kind did it, then a check that the directory is below the root.
   * `attempt` 1: before the ids change; being refused (EACCES, EPERM) is no failure.
   */
  changeDirectory: { path: "str", attempt: "u32" },
  /** Finds `args[0]` along `search` (the value of PATH), and that it can be executed. */
  findProgram: { name: "str", search: "str" },

  // --- the end ----------------------------------------------------------------------------------------
  /** The runtime saves the state. */
  ready: {},
  /** Waits until the FIFO in `slot` is opened by `start`, and writes one byte. */
  start: { slot: "u32" },
  /**
   * execve of the program that findProgram found. `preserve`: the number of descriptors from 3 that stay open.
   * `home` 1: HOME is added from the container's /etc/passwd where `env` has none, or an empty one.
   */
  exec: { args: "strs", env: "strs", preserve: "u32", home: "u32" },

  // --- joining a container that is there (exec) -----------------------------------------------------
  /**
   * setns(2) to the namespaces of the process whose pidfd is in `slot`; `kinds` are CLONE_NEW* flags. After
   * CLONE_NEWUSER the process is 0:0. To be followed by `fork`, with which a pid namespace takes effect.
   */
  joinContainer: { slot: "u32", kinds: "u32" },
  /** sched_setaffinity(2); bit n of `mask` is CPU n. `attempt` 1: a refusal is no failure. */
  cpuAffinity: { mask: "bytes", attempt: "u32" },
  /**
   * seccomp(2) with the BPF program `filter`; `flags` are SECCOMP_FILTER_FLAG_*. With NEW_LISTENER init sends the runtime the
   * listener's number, and the runtime takes the listener. `exec` is prepared before, because the filter may not allow that.
   */
  seccomp: { filter: "bytes", flags: "u32" },

  // --- attributes of the process ----------------------------------------------------------------------
  /** AppArmor: the profile that the next execve changes to. */
  apparmorProfile: { profile: "str" },
  /** SELinux: `label` is written to `attribute` of /proc/self/attr ("exec", "keycreate"); "" resets it. */
  selinuxLabel: { attribute: "str", label: "str" },
  /** sched_setattr(2), with the kernel's numbers; times are nanoseconds. */
  scheduler: {
    policy: "u32",
    flags: "u64",
    nice: "i64",
    priority: "u32",
    runtime: "u64",
    deadline: "u64",
    period: "u64",
  },
  /** ioprio_set(2): class and priority in one number. */
  ioPriority: { value: "u32" },
  /** personality(2). */
  personality: { domain: "u32" },
  /** set_mempolicy(2); `mode` with its flags, bit n of `nodes` is node n. */
  memoryPolicy: { mode: "u32", nodes: "bytes" },

  /** The runtime moves the devices of `linux.netDevices` into the container's network namespace. */
  netDevices: {},

  /**
   * The standard streams become the container's: where one is a memory device of the host (/dev/null and its like), the
   * container's own takes its place; a pipe, a socket or a file is given to `uid`, so that it can be opened again by name.
   */
  standardStreams: { uid: "u32" },
  // --- before a user namespace is entered, in which no process may make a node -------------------------
  /** A file system for the nodes of the following deviceNode steps, mounted nowhere; `data` are options of it. */
  deviceNodes: { data: "str" },
  /** The next node. `uid` and `gid` are the host's. Without the privilege nothing is made, which is no failure. */
  deviceNode: { mode: "u32", major: "u32", minor: "u32", uid: "u32", gid: "u32" },

  // --- mounts of a container that is there (see lib/plan/live_mounts.ts) -------------------------------
  /**
   * A mount that is attached nowhere, for the runtime, which gets it as the entry `tree` - 1: a new file system, or with the
   * flag BIND a mount of `source`, for which init asks the runtime first. Fields as those of `mount`.
   */
  detachedMount: { source: "str", fstype: "str", flags: "u32", sb: "u32", set: "u32", data: "str", tree: "u32" },
  /** A mount of the node that the `node`th deviceNode step has made; the runtime gets it as the entry `tree` - 1. */
  detachedNode: { node: "u32", tree: "u32" },
  /** From here on init does not end with the runtime, and detaches the mounts that it has attached if it fails, or has to. */
  liveMounts: {},
  /** The last mount at `path` is one of those: init reports it to the runtime as the entry `index`. MS_* as in `mount`. */
  liveMount: { path: "str", propagation: "u32s", index: "u32" },
  /**
   * Removes a mount that a liveMount step has reported: at `path`, or at its present place. Init reports a mount that is not
   * there any more to the runtime, as the entry `index`.
   */
  unmount: { path: "str", mount: "u64", device: "u64", inode: "u64", filesystem: "u64", index: "u32" },
  /**
   * A device node, or with the type of a regular file an empty one for a node to be mounted on; init reports it to the runtime as
   * the entry `index`. A file that is there already is an error, unless it is that device.
   */
  liveNode: { path: "str", mode: "u32", major: "u32", minor: "u32", uid: "u32", gid: "u32", index: "u32" },
  /** Removes the node or file that a liveNode step has made, if it is still there. */
  removeNode: { path: "str", device: "u64", inode: "u64" },
  /** The runtime notes the changes; then init ends. */
  done: {},
  /**
   * As `seccomp`, with a filter whose listener goes to the runtime as a descriptor. Nobody answers the listener yet, so the filter
   * lets the calls pass that do it: those with `fifth` and `sixth` as their last arguments, which only init knows.
   */
  recordSeccomp: { filter: "bytes", flags: "u32", fifth: "u64", sixth: "u64" },
} as const satisfies Record<string, Record<string, FieldType>>;

export type OpName = keyof typeof OPS;

/** The fields of one operation, with TypeScript types. */
export type StepFields<Name extends OpName> = {
  readonly [Field in keyof (typeof OPS)[Name]]: (typeof OPS)[Name][Field] extends FieldType
    ? FieldValue[(typeof OPS)[Name][Field]]
    : never;
};

/** One step of a plan: the operation, its fields, and the JSON Pointer into config.json it comes from. */
export type Step = {
  readonly [Name in OpName]: {
    readonly op: Name;
    /** JSON Pointer into config.json; "" where the step comes from the runtime itself. */
    readonly origin: string;
    readonly fields: StepFields<Name>;
  };
}[OpName];

/** Bits of `mount.flags`. */
export const MountFlag = {
  /** A bind mount of `source` (a path of the runtime's mount namespace). */
  BIND: 1,
  /** With BIND: with everything mounted below the source. */
  RECURSIVE: 2,
  /** Changes an existing mount instead of making one. */
  REMOUNT: 4,
  /** tmpfs: the files that the mount covers are copied into it. */
  COPY_UP: 8,
  /** procfs and sysfs: the target must be a directory, no link on the way (CVE-2019-19921). */
  STRICT_TARGET: 16,
  /** Later steps look for something in this mount: it is held. See `lib/plan/held_mounts.ts`. */
  HOLD: 32,
  /** No later step looks for anything in the mount that this one was put into. */
  RELEASE: 64,
  /** With BIND: a source that is a symbolic link is mounted itself. */
  SRC_NOFOLLOW: 128,
  /** The target has to exist, and is covered itself where it is a symbolic link. */
  DEST_NOFOLLOW: 256,
} as const;

/** Values of the answer to MOUNT_TREE: its descriptor is a detached mount of the source, or the source itself (O_PATH). */
export const MountTree = { DETACHED: 0, SOURCE: 1 } as const;

/**
 * The steps that the kernel refused (EPERM, EACCES) because init's user namespace lacks the privilege: bits of READY's value.
 * The runtime, which may have the privilege, then does these steps to init from outside.
 */
export const Refused = { RLIMITS: 1, SCHEDULER: 2, IO_PRIORITY: 4, OOM_SCORE_ADJ: 8, STREAMS: 16 } as const;

/** Stages of `init`, as they stand in a failure record and in `ps`. */
export const Stage = { JOIN: 1, INIT: 2 } as const;

/** Kinds of messages on the control socket; requests come from init, answers repeat the kind. */
export const Message = {
  /** The container's first process has been cloned; `value` is its pid in the runtime's namespace. */
  INIT_PID: 1,
  ID_MAPS: 2,
  TIME_OFFSETS: 3,
  CGROUP: 4,
  RUNTIME_HOOKS: 5,
  /** Asked with the bits of {@link Refused}. */
  READY: 6,
  /** A failure record; init exits after it. */
  FAILURE: 7,
  /** A listener of seccomp notifications is there; `value` is its descriptor, init's. */
  SECCOMP_LISTENER: 10,
  NET_DEVICES: 11,
  /** The source of the entry `value` of `mounts` is wanted; the answer brings it as {@link MountTree} says, or nothing. */
  MOUNT_TREE: 12,
  /** Init is about to execute the program; an end without it is a death before that. Not answered. */
  EXEC: 9,
  /** The first thing that init waits for: a message with the plan and the slots as descriptors. */
  PLAN: 8,
  /**
   * Before that, for an init that was started early: the container's first process may be cloned. `value` is the
   * CLONE_NEW* that are left for it; a descriptor, if one comes along, the cgroup v2 to be born in.
   */
  BEGIN: 13,
  /** The kernel refused the clone into the cgroup of BEGIN, which the process joins later; `value` is the errno. Not answered. */
  OUTSIDE: 14,
  /** The filter of a container that is to wait for `start` holds. Not answered. */
  FILTERED: 15,
  /** An init that was started for it brings a new user namespace, whose maps the runtime writes. Not answered. */
  USER_NAMESPACE: 16,
  /**
   * The mount of the entry `value`. With a descriptor: it was made. With the numbers of the mount, of device and inode of its
   * root, and of its file system's device (u64 each): it was attached. With neither: it is not there. Not answered.
   */
  MOUNT: 17,
  /** Between the runtime and the keeper, on a socket of their own (see native/init/keeper.h). */
  KEEPER: 19,
  /** All is done; init ends when the answer comes. */
  DONE: 18,
  /**
   * The listener of a process whose system calls are recorded, as a descriptor. Not answered. On the socket of the recorder (see
   * native/init/recorder.h) the same: a listener, or without one the order to finish.
   */
  RECORD: 20,
} as const;

/**
 * The names of a failure record's `call`, which is an index into this list. A name is that of a system call, or of a check
 * that is not a call (`lookup`, `verify`, `hook`, `answer`). Append only at the end.
 */
export const CALLS = [
  "none",
  "decode",
  "answer",
  "verify",
  "lookup",
  "hook",
  "setns",
  "unshare",
  "clone",
  "openat2",
  "open",
  "openat",
  "open_tree",
  "move_mount",
  "fsopen",
  "fsconfig",
  "fsmount",
  "mount_setattr",
  "mount",
  "umount2",
  "pivot_root",
  "chroot",
  "chdir",
  "fchdir",
  "mkdirat",
  "mknodat",
  "symlinkat",
  "fchmod",
  "fchown",
  "fstat",
  "readlinkat",
  "write",
  "read",
  "sendmsg",
  "recvmsg",
  "sethostname",
  "setdomainname",
  "keyctl",
  "prctl",
  "prlimit",
  "setgroups",
  "setresgid",
  "setresuid",
  "capset",
  "setsid",
  "ioctl",
  "dup3",
  "close_range",
  "execve",
  "socket",
  "getcwd",
  "mmap",
  "waitid",
  "poll",
  "fspick",
  "fstatfs",
  "getdents64",
  "memfd_create",
  "pipe2",
  "seccomp",
  "sched_setaffinity",
  "interpreter",
  "loader",
  "sched_setattr",
  "ioprio_set",
  "personality",
  "set_mempolicy",
  "faccessat",
  "unlinkat",
] as const;

/** Bytes of a failure record: kind, stage, step, errno, call, value (u32 each), then the subject. */
export const FAILURE_SIZE = 24 + 256;

/** Most descriptors that a message to init brings besides the plan: its slots. */
export const MAX_SLOTS = 127;

/** Names of the stages in `ps`. */
export const StageName = { JOIN: "runt:[1:JOIN]", INIT: "runt:[2:INIT]" } as const;

/**
 * The second argument of init, which says how the container's first process is made. Anything else is the CLONE_NEW* flags, in
 * decimal, with which it is cloned at once.
 */
export const Beginning = {
  /** The plan's `fork` step makes it. */
  BY_PLAN: "join",
  /** There is none: init makes a user namespace and nothing else, which the runtime gets. */
  USERS: "users",
  /** Before the flags: init makes these namespaces for itself at once, and clones the process at {@link Message.BEGIN}. */
  WHEN_TOLD: "+",
} as const;

/** The bytes that init writes to the FIFO of `start`, one after another; a failure record begins with another byte. */
export const StartByte = {
  /** It goes on. */
  GOES_ON: "0",
  /** execve comes next. */
  EXECUTES: "1",
} as const;

/** `value` of a failed hook that ran longer than its timeout; else it is the wait status. */
export const HOOK_TIMED_OUT = 0x10000;

/** The most of a hook's output that is kept; bytes. */
export const HOOK_OUTPUT_LIMIT = 64 << 10;

/** `value` of an execve that failed with ENOEXEC: the kind of the file; 0 where none of these explains it. */
export const MissingKind = {
  EMPTY: 1,
  NEITHER_ELF_NOR_SCRIPT: 2,
  /** Or'ed to the e_machine of an ELF program for another machine. */
  FOREIGN: 0x10000,
} as const;
