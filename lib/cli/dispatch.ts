/** From parsed options to the typed options of a command. */

import type { CommandResult } from "./result.ts";
import { RuntimeError } from "../errors.ts";
import type { CreateOptions, RuntimeContext } from "../runtime/options.ts";
import type { Invocation } from "./argv.ts";
import { STDOUT, write } from "./output/write.ts";
import { absolutePath, currentDirectory } from "./paths.ts";
import type { Root } from "./root.ts";
import { remove } from "./commands/delete.ts";
import { kill } from "./commands/kill.ts";
import { start } from "./commands/start.ts";
import { state } from "./commands/state.ts";
import type { CommandFlags, CommandName } from "./table.ts";
import { check } from "./commands/check.ts";
import { completion } from "./commands/completion.ts";
import { checkpoint, restore } from "./commands/checkpoint.ts";
import { checkpointOptions, restoreOptions } from "./criu_options.ts";
import { create } from "./commands/create.ts";
import { removeMatching, killMatching } from "./matching.ts";
import { events } from "./commands/events.ts";
import { parseDuration } from "./duration.ts";
import { exec } from "./commands/exec.ts";
import { execOptions } from "./exec_options.ts";
import { features } from "./commands/features.ts";
import { list } from "./commands/list.ts";
import { pause, resume } from "./commands/pause.ts";
import { plan } from "./commands/plan.ts";
import { ps } from "./commands/ps.ts";
import { run } from "./commands/run.ts";
import { spec } from "./commands/spec.ts";
import { trace } from "./commands/trace.ts";
import { update } from "./commands/update.ts";
import { updateLimits } from "./update_options.ts";
import { wait } from "./commands/wait.ts";

/** What a command's row of {@link RUN} is called with. */
interface Call<Name extends CommandName> {
  readonly flags: CommandFlags<Name>;
  /** First positional argument; not empty where the table says `takesId`. */
  readonly id: string;
  readonly positionals: readonly string[];
  readonly context: RuntimeContext;
  readonly root: Root;
}

type Runner<Name extends CommandName> = (call: Call<Name>) => CommandResult | Promise<CommandResult>;

const RUN: { readonly [Name in CommandName]: Runner<Name> } = {
  check({ flags, context }) {
    const report = check({ ...bundleOptions(flags, currentDirectory()), format: textOrJson(flags.format), context });
    return { output: report.text, exitCode: report.exitCode };
  },

  completion({ positionals }) {
    return completion(positionals);
  },

  async checkpoint({ flags, id, context }) {
    return checkpoint(context, checkpointOptions(id, flags, currentDirectory()));
  },

  async create({ flags, id, context }) {
    return create(context, createOptions(id, flags, currentDirectory()));
  },

  async delete({ flags, id, context }) {
    const options = { force: flags.force ?? false };
    if (flags.regex !== true) return remove(context, id, options);
    return removeMatching(context, id, options);
  },

  async events({ flags, id, context }) {
    return events(context, id, {
      stats: flags.stats ?? false,
      interval: parseDuration(flags.interval ?? "5s", "interval"),
      print: (text) => write(STDOUT, text) === 0,
    });
  },

  async exec({ flags, id, positionals, context }) {
    return exec(context, execOptions(id, positionals, flags, currentDirectory()));
  },

  features() {
    return features();
  },

  async kill({ flags, id, positionals, context }) {
    // An empty signal is the default too, as in runc.
    const options = { signal: positionals[1] || "SIGTERM", all: flags.all ?? false };
    if (flags.regex !== true) return kill(context, id, options);
    return killMatching(context, id, options);
  },

  list({ flags, context, root }) {
    return list(context, {
      format: flags.format ?? "table",
      quiet: flags.quiet ?? false,
      rootMustExist: root.from === "option",
    });
  },

  pause({ id, context }) {
    return pause(context, id);
  },

  async plan({ flags, context }) {
    return plan(context, {
      ...bundleOptions(flags, currentDirectory()),
      format: textOrJson(flags.format),
    });
  },

  async ps({ flags, id, positionals, context }) {
    return ps(context, id, { format: flags.format ?? "table", args: positionals.slice(1) });
  },

  async restore({ flags, id, context }) {
    return restore(context, restoreOptions(id, flags, currentDirectory()));
  },

  resume({ id, context }) {
    return resume(context, id);
  },

  async run({ flags, id, context }) {
    return run(context, {
      ...createOptions(id, flags, currentDirectory()),
      detach: flags.detach ?? false,
      keep: flags.keep ?? false,
      noSubreaper: flags["no-subreaper"] ?? false,
    });
  },

  spec({ flags }) {
    return spec({ bundle: bundleOf(flags.bundle), rootless: flags.rootless ?? false });
  },

  async start({ id, context }) {
    return start(context, id);
  },

  state({ id, context }) {
    return state(context, id);
  },

  trace({ positionals }) {
    return trace(positionals[0] ?? "");
  },

  update({ flags, id, context }) {
    return update(context, id, updateLimits(flags));
  },

  async wait({ flags, id, context }) {
    return wait(context, id, flags.format ?? "text");
  },
};

/**
 * Runs the command of an invocation.
 *
 * @throws RuntimeError `USAGE`, `INVALID_ID`, and whatever the command throws
 */
export async function dispatch(
  invocation: Invocation,
  context: RuntimeContext,
  root: Root,
): Promise<CommandResult> {
  const { command, flags, positionals } = invocation;
  if (command === undefined) throw new RuntimeError("INTERNAL", "no command to run");
  const id = positionals[0] ?? "";
  if (command.takesId === true && id === "") {
    throw new RuntimeError("INVALID_ID", "container id cannot be empty");
  }
  // The table typed both the reader's result and the row, which the compiler cannot see through a name.
  const run = RUN[command.name as CommandName] as (call: object) => CommandResult | Promise<CommandResult>;
  return run({ flags, id, positionals, context, root });
}

/** The bundle, and the file in the place of its config.json. */
function bundleOptions(
  flags: { readonly bundle?: string; readonly config?: string },
  directory: string,
): { readonly bundle: string; readonly configFile?: string } {
  const { config = "" } = flags;
  const bundle = absolutePath(flags.bundle ?? "", directory);
  return { bundle, ...(config === "" ? {} : { configFile: absolutePath(config, directory) }) };
}

function bundleOf(flag: string | undefined): string {
  return absolutePath(flag ?? "", currentDirectory());
}

/**
 * The options of `create`, and those of `run` that are the same. Pure.
 *
 * @param directory what relative paths start from
 * @throws RuntimeError `USAGE`
 */
export function createOptions(
  id: string,
  flags: CommandFlags<"create">,
  directory: string,
): CreateOptions {
  const { bundle, configFile } = bundleOptions(flags, directory);
  const preserveFds = flags["preserve-fds"] ?? 0;
  if (preserveFds < 0) {
    throw new RuntimeError("USAGE", `--preserve-fds ${preserveFds}: it is a number from 0 up`);
  }
  // runc changes to the bundle before it opens the sockets, but not before it takes the pid file's path.
  const consoleSocket = socketPath(flags["console-socket"], bundle);
  const pidfdSocket = socketPath(flags["pidfd-socket"], bundle);
  const pidFile = flags["pid-file"] ?? "";
  return {
    id,
    bundle,
    ...(configFile === undefined ? {} : { configFile }),
    ...(pidFile === "" ? {} : { pidFile: absolutePath(pidFile, directory) }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    noPivot: flags["no-pivot"] ?? false,
    noNewKeyring: flags["no-new-keyring"] ?? false,
    preserveFds,
  };
}

function socketPath(flag: string | undefined, bundle: string): string | undefined {
  return flag === undefined || flag === "" ? undefined : absolutePath(flag, bundle);
}

function textOrJson(format = "text"): "text" | "json" {
  if (format === "text" || format === "json") return format;
  throw new RuntimeError("USAGE", `invalid format option: ${format}: it is text or json`);
}
