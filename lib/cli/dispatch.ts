/** From parsed options to the typed options of a command. */

import type { CommandResult } from "../commands/result.ts";
import { RuntimeError } from "../errors.ts";
import type { CreateOptions, RuntimeContext } from "../runtime/options.ts";
import type { Invocation } from "./argv.ts";
import { STDOUT, write } from "./output.ts";
import { absolutePath, currentDirectory } from "./paths.ts";
import type { Root } from "./root.ts";
import * as containers from "./container_commands.ts";
import type { CommandFlags, CommandName } from "./table.ts";

/** What a command's row of {@link RUN} is called with. */
interface Call<Name extends CommandName> {
  readonly flags: CommandFlags<Name>;
  /** First positional argument; not empty where the table says `takesId`. */
  readonly id: string;
  readonly positionals: readonly string[];
  readonly context: RuntimeContext;
  readonly root: Root;
}

type Runner<Name extends CommandName> = (call: Call<Name>) => Promise<CommandResult>;

const RUN: { readonly [Name in CommandName]: Runner<Name> } = {
  async check({ flags, context }) {
    const { check } = await import("./bundle_commands.ts");
    const report = check({ ...bundleOptions(flags, currentDirectory()), format: textOrJson(flags.format), context });
    return { output: report.text, exitCode: report.exitCode };
  },

  async completion({ positionals }) {
    const { completion } = await import("./completion_command.ts");
    return completion(positionals);
  },

  async checkpoint({ flags, id, context }) {
    const { checkpoint, checkpointOptions } = await import("./criu_commands.ts");
    return checkpoint(context, checkpointOptions(id, flags, currentDirectory()));
  },

  async create({ flags, id, context }) {
    const { create } = await import("./bundle_commands.ts");
    return create(context, createOptions(id, flags, currentDirectory()));
  },

  async delete({ flags, id, context }) {
    const options = { force: flags.force ?? false };
    if (flags.regex !== true) return containers.remove(context, id, options);
    const { removeMatching } = await import("../commands/matching.ts");
    return removeMatching(context, id, options);
  },

  async events({ flags, id, context }) {
    const { events, parseDuration } = await import("./bundle_commands.ts");
    return events(context, id, {
      stats: flags.stats ?? false,
      interval: parseDuration(flags.interval ?? "5s", "interval"),
      print: (text) => write(STDOUT, text) === 0,
    });
  },

  async exec({ flags, id, positionals, context }) {
    const { exec, execOptions } = await import("./bundle_commands.ts");
    return exec(context, execOptions(id, positionals, flags, currentDirectory()));
  },

  async features() {
    const { features } = await import("./bundle_commands.ts");
    return features();
  },

  async kill({ flags, id, positionals, context }) {
    // An empty signal is the default too, as in runc.
    const options = { signal: positionals[1] || "SIGTERM", all: flags.all ?? false };
    if (flags.regex !== true) return containers.kill(context, id, options);
    const { killMatching } = await import("../commands/matching.ts");
    return killMatching(context, id, options);
  },

  async list({ flags, context, root }) {
    const { list } = await import("./bundle_commands.ts");
    return list(context, {
      format: flags.format ?? "table",
      quiet: flags.quiet ?? false,
      rootMustExist: root.from === "option",
    });
  },

  async pause({ id, context }) {
    const { pause } = await import("./bundle_commands.ts");
    return pause(context, id);
  },

  async plan({ flags, context }) {
    const { plan } = await import("./bundle_commands.ts");
    return plan(context, {
      ...bundleOptions(flags, currentDirectory()),
      format: textOrJson(flags.format),
    });
  },

  async ps({ flags, id, positionals, context }) {
    const { ps } = await import("./bundle_commands.ts");
    return ps(context, id, { format: flags.format ?? "table", args: positionals.slice(1) });
  },

  async restore({ flags, id, context }) {
    const { restore, restoreOptions } = await import("./criu_commands.ts");
    return restore(context, restoreOptions(id, flags, currentDirectory()));
  },

  async resume({ id, context }) {
    const { resume } = await import("./bundle_commands.ts");
    return resume(context, id);
  },

  async run({ flags, id, context }) {
    const { run } = await import("./bundle_commands.ts");
    return run(context, {
      ...createOptions(id, flags, currentDirectory()),
      detach: flags.detach ?? false,
      keep: flags.keep ?? false,
      noSubreaper: flags["no-subreaper"] ?? false,
    });
  },

  async spec({ flags }) {
    const { spec } = await import("./bundle_commands.ts");
    return spec({ bundle: bundleOf(flags.bundle), rootless: flags.rootless ?? false });
  },

  async start({ id, context }) {
    return containers.start(context, id);
  },

  async state({ id, context }) {
    return containers.state(context, id);
  },

  async trace({ positionals }) {
    const { trace } = await import("../commands/trace.ts");
    return trace(positionals[0] ?? "");
  },

  async update({ flags, id, context }) {
    const { update, updateLimits } = await import("./bundle_commands.ts");
    return update(context, id, updateLimits(flags));
  },

  async wait({ flags, id, context }) {
    const { wait } = await import("./bundle_commands.ts");
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
  const run = RUN[command.name as CommandName] as (call: object) => Promise<CommandResult>;
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
