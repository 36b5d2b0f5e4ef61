/**
 * The one table of commands and options. The argv reader, the help, the completion and the types of the parsed flags
 * all come from it. Names, aliases and defaults are those of runc, whose callers send them.
 */

/** How the value of an option is read. `integer` takes what Go's ParseInt with base 0 takes. */
export type OptionType = "boolean" | "string" | "integer";

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
    name: "rootless",
    type: "string",
    choices: ["true", "false", "auto"],
    default: "auto",
    help: "ignore cgroup permission errors",
  },
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

const CREATE = [
  BUNDLE,
  {
    name: "console-socket",
    type: "string",
    help: "AF_UNIX socket that gets a descriptor of the console's master end",
  },
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
  {
    name: "preserve-fds",
    type: "integer",
    default: "0",
    help: "pass N more descriptors to the container (stdio + $LISTEN_FDS + N in total)",
  },
] as const satisfies readonly OptionRow[];

const FORMAT_TEXT = {
  name: "format",
  alias: "f",
  type: "string",
  choices: ["text", "json"],
  default: "text",
  help: "format of the output",
} as const satisfies OptionRow;

const ONE_ID = { arguments: "<container-id>", min: 1, max: 1, takesId: true } as const;

/** Every command, in the order of the help. */
export const COMMANDS = {
  check: {
    name: "check",
    summary: "check a bundle, and whether this host can run it",
    arguments: "",
    min: 0,
    max: 0,
    options: [BUNDLE, FORMAT_TEXT],
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
    ],
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
  plan: {
    name: "plan",
    summary: "print the steps that would make a container of a bundle",
    arguments: "",
    min: 0,
    max: 0,
    options: [BUNDLE, FORMAT_TEXT],
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
} as const satisfies Record<string, CommandRow>;

export type CommandName = keyof typeof COMMANDS;

/** The row of a command, or `undefined` where there is no such command. */
export function findCommand(name: string): CommandRow | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined;
}

type Value<Type extends OptionType> = { boolean: boolean; string: string; integer: number }[Type];

type Values<Rows extends readonly OptionRow[]> = {
  readonly [Row in Rows[number] as Row["name"]]?: Value<Row["type"]>;
};

/** The global options that were given, by name. */
export type GlobalFlags = Values<typeof GLOBAL_OPTIONS>;

/** The options of a command that were given, by name; what was not given is absent. */
export type CommandFlags<Name extends CommandName> = Values<(typeof COMMANDS)[Name]["options"]>;
