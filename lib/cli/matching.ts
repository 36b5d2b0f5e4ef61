// SPDX-License-Identifier: Apache-2.0
/** crun's `--regex`: one command for every container whose id fits a regular expression. */
import { RuntimeError } from "../errors.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { ids } from "../runtime/container/store.ts";

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

/**
 * Does `action` for every container of the root directory whose id matches. A failure of `action` is a warning, as with crun.
 *
 * @throws RuntimeError `USAGE` for a pattern that is not a regular expression
 */
export async function forEachMatching(
  context: RuntimeContext,
  pattern: string,
  action: (id: string) => Promise<unknown>,
): Promise<void> {
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
}

/** POSIX's extended regular expressions, as far as they differ from JavaScript's: the names of classes. */
function expressionOf(pattern: string): RegExp {
  const known = pattern.replace(/\[:(\w+):\]/g, (whole, name: string) => CLASSES[name] ?? whole);
  try {
    return new RegExp(known);
  } catch {
    throw new RuntimeError("USAGE", `--regex: ${JSON.stringify(pattern)} is not a regular expression`);
  }
}
