/** crun's `--regex`: one command for every container whose id fits a regular expression. */
import { RuntimeError } from "../errors.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { ids } from "../runtime/container/store.ts";
import { remove, type DeleteOptions } from "./commands/delete.ts";
import { kill, type KillOptions } from "./commands/kill.ts";
import { type CommandResult, SILENT } from "./result.ts";
import { parseSignal } from "../kernel/signals.ts";

/** The classes of POSIX, as far as an id can have their characters. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "A-Za-z0-9",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  xdigit: "A-Fa-f0-9",
  punct: "_+.\\-",
};

/** `runt delete --regex`: what cannot be deleted is a warning, as with crun. */
export async function removeMatching(context: RuntimeContext, pattern: string, options: DeleteOptions): Promise<CommandResult> {
  return forEachMatching(context, pattern, (id) => remove(context, id, options));
}

/** `runt kill --regex`: what cannot be signalled is a warning, as with crun. @throws USAGE where there is no such signal */
export async function killMatching(context: RuntimeContext, pattern: string, options: KillOptions): Promise<CommandResult> {
  parseSignal(options.signal);
  return forEachMatching(context, pattern, (id) => kill(context, id, options));
}

async function forEachMatching(
  context: RuntimeContext,
  pattern: string,
  action: (id: string) => Promise<unknown>,
): Promise<CommandResult> {
  const expression = expressionOf(pattern);
  for (const id of ids(context.root)) {
    if (!expression.test(id)) continue;
    try {
      await action(id);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      context.log.warn(`${id}: ${error.message}`);
    }
  }
  return SILENT;
}

/** POSIX's extended regular expressions, as far as they differ from JavaScript's: the names of classes. */
function expressionOf(pattern: string): RegExp {
  const known = pattern.replace(/\[:(\w+):\]/g, (whole, name: string) => CLASSES[name] ?? whole);
  try {
    return new RegExp(known);
  } catch {
    throw new RuntimeError("USAGE", `--regex: ${JSON.stringify(pattern)} is no regular expression`);
  }
}
