import { RuntimeError } from "../../errors.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { processes } from "../../runtime/operations/processes.ts";
import { findProgram, runProgram, searchPath } from "../../sys/find_program.ts";
import { type CommandResult, printed } from "../result.ts";

/** Options of {@link ps}. */
export interface PsOptions {
  /** `table` (what ps(1) prints, of the container's processes only) or `json` (a list of pids). */
  readonly format: string;
  /** Arguments for ps(1); none means `-ef`. */
  readonly args: readonly string[];
}

/**
 * `runt ps`: the processes of a container.
 *
 * @throws RuntimeError `USAGE` for an unknown format, or arguments with which ps(1) prints no pids; `SYSCALL` where
 *   ps(1) cannot be run
 */
export async function ps(context: RuntimeContext, id: string, options: PsOptions): Promise<CommandResult> {
  const pids = processes(context, id);
  if (options.format === "json") return printed(`${JSON.stringify(pids)}\n`);
  if (options.format !== "table") throw new RuntimeError("USAGE", "invalid format option");
  return printed(ofContainer(await listing(options.args.length === 0 ? ["-ef"] : options.args), pids));
}

async function listing(args: readonly string[]): Promise<string> {
  const program = findProgram("ps");
  if (program === undefined) {
    throw new RuntimeError("SYSCALL", 'exec: "ps": executable file not found in $PATH', { path: "ps" });
  }
  const { good, how, output } = await runProgram(program, args, [`PATH=${searchPath()}`]);
  if (!good) throw new RuntimeError("USAGE", `ps ${args.join(" ")}: ${how}: ${output.trim()}`);
  return output;
}

/** The head line of ps(1)'s output and the lines of `pids`. Pure. @throws RuntimeError `USAGE` */
export function ofContainer(text: string, pids: readonly number[]): string {
  const [head = "", ...lines] = text.split("\n");
  const column = words(head).indexOf("PID");
  if (column < 0) throw new RuntimeError("USAGE", "couldn't find PID field in ps output");
  const wanted = new Set(pids.map(String));
  const chosen = lines.filter((line) => wanted.has(words(line)[column] ?? ""));
  return `${[head, ...chosen].join("\n")}\n`;
}

function words(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}
