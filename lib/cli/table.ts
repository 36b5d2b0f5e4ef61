/**
 * The one table of commands and options. The argv reader, the help, the completion and the types of the parsed flags
 * all come from it. Names, aliases and defaults are those of runc, whose callers send them.
 */

/**
 * How the value of an option is read. `integer` takes what Go's ParseInt with base 0 takes. The plurals collect the values
 * of an option that may be given several times; a comma does not separate, as with runc 1.5.
 */
export type OptionType = "boolean" | "string" | "integer" | "strings" | "integers";

/** One option. */
export interface OptionRow {
  /** Long name, without dashes. */
  readonly name: string;
  /** One letter. */
  readonly alias?: string;
  readonly type: OptionType;
  /** Shown in the help only; the command applies it. */
  readonly default?: string;
  /** The only values that make sense; shown in the help and offered by the completion. */
  readonly choices?: readonly string[];
  readonly help: string;
  /** Accepted, but not in the help. */
  readonly hidden?: boolean;
}

/** One command. */
export interface CommandRow {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The positional arguments as the usage line shows them. */
  readonly arguments: string;
  readonly options: readonly OptionRow[];
  /** Fewest and most positional arguments. */
  readonly min: number;
  readonly max: number;
  /** After so many positional arguments nothing is read as an option any more. Default: never. */
  readonly stopAfter?: number;
  /** The positional arguments begin with a container id. */
  readonly takesId?: boolean;
  /** An error's message begins with `runt NAME failed: `. */
  readonly prefixed?: boolean;
  /** What an error's message begins with, where that is another text, and the exit status. Default: nothing, and 1. */
  readonly failure?: { readonly prefix: string; readonly status: number };
}

/** Options that may stand before the command, and among its own (runc's flags are inherited by commands). */
export const GLOBAL_OPTIONS = [
  { name: "debug", type: "boolean", help: "enable debug logging" },
  { name: "log", type: "string", help: "append the log to a file (default is stderr)" },
  {
    name: "log-format",
    type: "string",
    choices: ["text", "json"],
    default: "text",
    help: "format of the log",
  },
  {
    name: "root",
    type: "string",
    default: "/run/runt",
    help: "directory that holds the state of containers; should be on a tmpfs",
  },
  {
    name: "systemd-cgroup",
    type: "boolean",
    help: 'cgroups through systemd; cgroupsPath then has the form "slice:prefix:name"',
  },
  {
    name: "cgroup-manager",
    type: "string",
    choices: ["cgroupfs", "systemd", "disabled"],
    default: "cgroupfs",
    help: "what makes cgroups; disabled: the container stays in the runtime's, without limits",
  },
  {
    name: "rootless",
    type: "string",
    choices: ["true", "false", "auto"],
    default: "auto",
    help: "ignore cgroup permission errors",
  },
  { name: "trace", type: "string", help: "write a timeline of the command to a file, for \"trace\" or a browser" },
  // Old versions of containerd's go-runc send it.
  { name: "criu", type: "string", hidden: true, help: "ignored" },
] as const satisfies readonly OptionRow[];

/** `--help` belongs to the program and to each command; it is not inherited. */
export const HELP_OPTION = {
  name: "help",
  alias: "h",
  type: "boolean",
  help: "show help",
} as const satisfies OptionRow;

/** `--version` belongs to the program alone. */
export const VERSION_OPTION = {
  name: "version",
  alias: "v",
  type: "boolean",
  help: "print the version",
} as const satisfies OptionRow;

const BUNDLE = {
  name: "bundle",
  alias: "b",
  type: "string",
  help: "the bundle, which holds config.json; defaults to the current directory",
} as const satisfies OptionRow;

const CONFIG = {
  name: "config",
  type: "string",
  help: "file to read in the place of the bundle's config.json",
} as const satisfies OptionRow;

const CONSOLE_SOCKET = {
  name: "console-socket",
  type: "string",
  help: "AF_UNIX socket that gets a descriptor of the console's master end",
} as const satisfies OptionRow;

const PRESERVE_FDS = {
  name: "preserve-fds",
  type: "integer",
  default: "0",
  help: "pass N more descriptors to the container (stdio + $LISTEN_FDS + N in total)",
} as const satisfies OptionRow;

const CREATE = [
  BUNDLE,
  { ...CONFIG, alias: "f" },
  CONSOLE_SOCKET,
  {
    name: "pidfd-socket",
    type: "string",
    help: "AF_UNIX socket that gets a pidfd of the container's first process",
  },
  {
    name: "pid-file",
    type: "string",
    help: "file to write the pid of the container's first process to",
  },
  {
    name: "no-pivot",
    type: "boolean",
    help: "move the root instead of pivot_root, for a rootfs on a ramdisk",
  },
  {
    name: "no-new-keyring",
    type: "boolean",
    help: "keep the caller's session keyring instead of making one for the container",
  },
  PRESERVE_FDS,
] as const satisfies readonly OptionRow[];

const IMAGE_PATH = { name: "image-path", type: "string", default: "checkpoint" } as const;

/** What `checkpoint` and `restore` share. */
const CRIU = [
  { name: "work-path", type: "string", help: "directory for criu's log and work files; defaults to the image directory" },
  { name: "tcp-established", type: "boolean", help: "allow open TCP connections" },
  { name: "ext-unix-sk", type: "boolean", help: "allow unix sockets whose other end is outside of the container" },
  { name: "shell-job", type: "boolean", help: "allow the session and the terminal of a shell outside" },
  { name: "file-locks", type: "boolean", help: "allow file locks" },
  { name: "lazy-pages", type: "boolean", help: "bring memory back when it is used (userfaultfd)" },
  { name: "auto-dedup", type: "boolean", help: "keep one copy only of a page that several images hold" },
  {
    name: "manage-cgroups-mode",
    type: "string",
    choices: ["soft", "full", "strict", "ignore"],
    default: "soft",
    help: "how criu treats cgroups and their settings",
  },
  { name: "empty-ns", type: "strings", choices: ["network"], help: "make the namespace, but leave it empty" },
] as const satisfies readonly OptionRow[];

const FORMAT_TEXT = {
  name: "format",
  alias: "f",
  type: "string",
  choices: ["text", "json"],
  default: "text",
  help: "format of the output",
} as const satisfies OptionRow;

/** crun's. */
const REGEX = {
  name: "regex",
  alias: "r",
  type: "boolean",
  help: "the id is a regular expression, for all containers that it fits",
} as const satisfies OptionRow;

/** Limits of `update`. Numbers travel as text, because they may need all of 64 bits. */
const UPDATE = [
  {
    name: "resources",
    alias: "r",
    type: "string",
    help: "file with a linux.resources object, or - for stdin; then all other options are ignored",
  },
  { name: "blkio-weight", type: "integer", help: "weight of block I/O, 10 to 1000" },
  { name: "cpu-period", type: "string", help: "period of the CPU limit in microseconds; 0: the system's" },
  { name: "cpu-quota", type: "string", help: "CPU time allowed in a period, in microseconds; -1: no limit" },
  { name: "cpu-burst", type: "string", help: "CPU time that may be saved up for a burst, in microseconds" },
  { name: "cpu-share", type: "string", help: "CPU shares, relative to other containers" },
  { name: "cpu-rt-period", type: "string", help: "period of the real-time limit in microseconds" },
  { name: "cpu-rt-runtime", type: "string", help: "real-time CPU time allowed in a period, in microseconds" },
  { name: "cpu-idle", type: "string", help: "1: SCHED_IDLE for the whole container; 0: not" },
  { name: "cpuset-cpus", type: "string", help: "CPUs to use" },
  { name: "cpuset-mems", type: "string", help: "memory nodes to use" },
  { name: "kernel-memory", type: "string", hidden: true, help: "obsolete, ignored" },
  { name: "kernel-memory-tcp", type: "string", hidden: true, help: "obsolete, ignored" },
  { name: "memory", type: "string", help: "memory limit in bytes, or with a unit (64M); -1: no limit" },
  { name: "memory-reservation", type: "string", help: "soft limit of memory" },
  { name: "memory-swap", type: "string", help: "limit of memory and swap together; -1: no limit" },
  { name: "pids-limit", type: "integer", help: "most processes; -1: no limit" },
  { name: "l3-cache-schema", type: "string", help: "Intel RDT/CAT schema of the L3 cache" },
  { name: "mem-bw-schema", type: "string", help: "Intel RDT/MBA schema of memory bandwidth" },
] as const satisfies readonly OptionRow[];

const ONE_ID = { arguments: "<container-id>", min: 1, max: 1, takesId: true } as const;

/** Every command, in the order of the help. */
export const COMMANDS = {
  checkpoint: {
    name: "checkpoint",
    summary: "save a running container to files, by criu",
    ...ONE_ID,
    options: [
      { ...IMAGE_PATH, help: "directory for criu's images" },
      ...CRIU,
      { name: "parent-path", type: "string", help: "images of an earlier --pre-dump, relative to --image-path" },
      { name: "leave-running", type: "boolean", help: "let the container go on instead of deleting it" },
      { name: "tcp-skip-in-flight", type: "boolean", help: "leave out TCP connections that are being made" },
      { name: "link-remap", type: "boolean", help: "link deleted files that are open back into their directory" },
      { name: "status-fd", type: "integer", help: "descriptor that gets a zero byte when lazy pages can be fetched" },
      { name: "page-server", type: "string", help: "ADDRESS:PORT of the page server that gets the memory" },
      { name: "pre-dump", type: "boolean", help: "save memory only, and let the container go on" },
    ],
  },
  check: {
    name: "check",
    summary: "check a bundle, and whether this host can run it",
    arguments: "",
    min: 0,
    max: 0,
    options: [BUNDLE, CONFIG, FORMAT_TEXT],
  },
  completion: {
    name: "completion",
    summary: "print a script that lets a shell complete the command line",
    arguments: "<bash|zsh|fish>",
    min: 1,
    max: Infinity,
    // What follows are the words that the script asks about.
    stopAfter: 1,
    options: [],
  },
  create: {
    name: "create",
    summary: "create a container",
    ...ONE_ID,
    prefixed: true,
    options: CREATE,
  },
  delete: {
    name: "delete",
    summary: "delete any resources held by the container",
    ...ONE_ID,
    options: [
      {
        name: "force",
        alias: "f",
        type: "boolean",
        help: "kill the container first if it still runs (SIGKILL)",
      },
      REGEX,
    ],
  },
  events: {
    name: "events",
    summary: "display container events such as OOM, and statistics of CPU, memory and I/O",
    ...ONE_ID,
    options: [
      {
        name: "interval",
        type: "string",
        default: "5s",
        help: "time between two statistics",
      },
      { name: "stats", type: "boolean", help: "display the statistics once, and exit" },
    ],
  },
  exec: {
    name: "exec",
    summary: "run one more process inside the container",
    arguments: "<container-id> <command> [arguments...]  |  --process FILE <container-id>",
    min: 1,
    max: Infinity,
    takesId: true,
    // What follows the id is the command's, options too.
    stopAfter: 1,
    failure: { prefix: "exec failed: ", status: 255 },
    options: [
      CONSOLE_SOCKET,
      {
        name: "pidfd-socket",
        type: "string",
        help: "AF_UNIX socket that gets a pidfd of the process",
      },
      { name: "cwd", type: "string", help: "working directory in the container" },
      {
        name: "env",
        alias: "e",
        type: "strings",
        help: "add NAME=value to the environment; may be given several times",
      },
      { name: "tty", alias: "t", type: "boolean", help: "allocate a pseudo terminal" },
      { name: "user", alias: "u", type: "string", help: "user and group: UID[:GID]" },
      {
        name: "additional-gids",
        alias: "g",
        type: "integers",
        help: "add a group; may be given several times",
      },
      {
        name: "process",
        alias: "p",
        type: "string",
        help: "file with the whole process as config.json has it; then there is no command",
      },
      {
        name: "detach",
        alias: "d",
        type: "boolean",
        help: "return as soon as the process runs",
      },
      { name: "pid-file", type: "string", help: "file to write the pid of the process to" },
      { name: "process-label", type: "string", help: "SELinux label of the process" },
      { name: "apparmor", type: "string", help: "AppArmor profile of the process" },
      {
        name: "no-new-privs",
        type: "boolean",
        help: "the process and its children cannot gain privileges by what they execute",
      },
      {
        name: "cap",
        alias: "c",
        type: "strings",
        help: "add a capability (CAP_*); may be given several times",
      },
      PRESERVE_FDS,
      {
        name: "cgroup",
        type: "strings",
        help: "run in an existing cgroup below the container's: [controller[,controller]:]path",
      },
      { name: "ignore-paused", type: "boolean", help: "allow exec in a paused container" },
    ],
  },
  features: {
    name: "features",
    summary: "show what the runtime can do, as JSON",
    arguments: "",
    min: 0,
    max: 0,
    options: [],
  },
  kill: {
    name: "kill",
    summary: "send a signal (default: SIGTERM) to the container's first process",
    arguments: "<container-id> [signal]",
    min: 1,
    max: 2,
    takesId: true,
    // A signal may look like an option.
    stopAfter: 1,
    options: [
      {
        name: "all",
        alias: "a",
        type: "boolean",
        hidden: true,
        help: "a container that does not run is not an error",
      },
      REGEX,
    ],
  },
  list: {
    name: "list",
    summary: "list the containers of the root directory",
    arguments: "",
    min: 0,
    max: 0,
    options: [
      {
        name: "format",
        alias: "f",
        type: "string",
        choices: ["table", "json"],
        default: "table",
        help: "format of the output",
      },
      { name: "quiet", alias: "q", type: "boolean", help: "print container ids only" },
    ],
  },
  pause: {
    name: "pause",
    summary: "suspend all processes of the container",
    ...ONE_ID,
    options: [],
  },
  plan: {
    name: "plan",
    summary: "print the steps that would make a container of a bundle",
    arguments: "",
    min: 0,
    max: 0,
    options: [BUNDLE, CONFIG, FORMAT_TEXT],
  },
  ps: {
    name: "ps",
    summary: "list the processes of the container",
    arguments: "<container-id> [ps options]",
    min: 1,
    max: Infinity,
    takesId: true,
    // What follows is for ps(1), such as -aux.
    stopAfter: 1,
    options: [
      {
        name: "format",
        alias: "f",
        type: "string",
        choices: ["table", "json"],
        default: "table",
        help: "format of the output",
      },
    ],
  },
  restore: {
    name: "restore",
    summary: "bring a container back from a checkpoint, by criu",
    ...ONE_ID,
    options: [
      BUNDLE,
      CONSOLE_SOCKET,
      { ...IMAGE_PATH, help: "directory with criu's images" },
      ...CRIU,
      { name: "detach", alias: "d", type: "boolean", help: "return as soon as the container runs again" },
      { name: "pid-file", type: "string", help: "file to write the pid of the container's first process to" },
      { name: "no-subreaper", type: "boolean", help: "do not become the reaper of orphaned descendants" },
      { name: "no-pivot", type: "boolean", help: "has no effect: the root is criu's affair" },
      { name: "lsm-profile", type: "string", help: "TYPE:NAME of a security profile instead of the saved one" },
      { name: "lsm-mount-context", type: "string", help: "SELinux context of mounts instead of the saved one" },
    ],
  },
  resume: {
    name: "resume",
    summary: "let the processes of a paused container go on",
    ...ONE_ID,
    options: [],
  },
  run: {
    name: "run",
    summary: "create and run a container",
    ...ONE_ID,
    prefixed: true,
    options: [
      ...CREATE,
      {
        name: "detach",
        alias: "d",
        type: "boolean",
        help: "return as soon as the container's process runs",
      },
      { name: "keep", type: "boolean", help: "do not delete the container after it exits" },
      {
        name: "no-subreaper",
        type: "boolean",
        help: "do not become the reaper of orphaned descendants",
      },
    ],
  },
  spec: {
    name: "spec",
    summary: "write a new config.json to start from",
    arguments: "",
    min: 0,
    max: 0,
    options: [
      BUNDLE,
      { name: "rootless", type: "boolean", help: "for a container of an unprivileged user" },
    ],
  },
  start: {
    name: "start",
    summary: "run the process of a created container",
    ...ONE_ID,
    options: [],
  },
  state: {
    name: "state",
    summary: "print the state of a container",
    ...ONE_ID,
    options: [],
  },
  trace: {
    name: "trace",
    summary: "draw a timeline that --trace has written",
    arguments: "<file>",
    min: 1,
    max: 1,
    options: [],
  },
  update: {
    name: "update",
    summary: "change the limits of a container",
    ...ONE_ID,
    options: UPDATE,
  },
  wait: {
    name: "wait",
    summary: "wait until a container has ended, and print how",
    ...ONE_ID,
    options: [FORMAT_TEXT],
  },
} as const satisfies Record<string, CommandRow>;

export type CommandName = keyof typeof COMMANDS;

/** The row of a command, or `undefined` where there is no such command. */
export function findCommand(name: string): CommandRow | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined;
}

type Value<Type extends OptionType> = {
  boolean: boolean;
  string: string;
  integer: number;
  strings: readonly string[];
  integers: readonly number[];
}[Type];

type Values<Rows extends readonly OptionRow[]> = {
  readonly [Row in Rows[number] as Row["name"]]?: Value<Row["type"]>;
};

/** The global options that were given, by name. */
export type GlobalFlags = Values<typeof GLOBAL_OPTIONS>;

/** The options of a command that were given, by name; what was not given is absent. */
export type CommandFlags<Name extends CommandName> = Values<(typeof COMMANDS)[Name]["options"]>;
