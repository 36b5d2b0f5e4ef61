// SPDX-License-Identifier: Apache-2.0
/** The result of a command that did not fail. */
export interface CommandResult {
  /** For stdout, as it is. */
  readonly output: string;
  /** Exit status: 0, except the process's for `run`, and 1 for `check` if there are problems. */
  readonly exitCode: number;
}

/** The result of a command that prints nothing. */
export const SILENT: CommandResult = { output: "", exitCode: 0 };

/** The result of a command that prints something. */
export function printed(output: string): CommandResult {
  return { output, exitCode: 0 };
}
