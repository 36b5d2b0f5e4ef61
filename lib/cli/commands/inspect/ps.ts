// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { processes } from "../../../runtime/operations/processes.ts";
import { findProgram, runProgram, searchPath } from "../../../sys/find_program.ts";
import { defineCommand } from "../../command.ts";
import { printed } from "../../result.ts";
import { FORMAT_TABLE } from "../../shared_options.ts";

export const PS = defineCommand({
  name: "ps",
  summary: "list the processes of the container",
  arguments: "<container-id> [ps options]",
  min: 1,
  max: Infinity,
  takesId: true,
  // The words behind the id are for ps(1), such as -aux.
  stopAfter: 1,
  options: [FORMAT_TABLE],
  description: `Lists the processes of the container: the lines of ps(1) about them, or with --format json their
pids. The words behind the id are options of ps(1); the default is -ef.`,
  examples: ["# runt ps web -o pid,stat,args -e"],
  seeAlso: ["ps(1)"],
  async run(context, { format }, [id, ...args]) {
    const pids = processes(context, id);
    if (format === "json") return printed(`${JSON.stringify(pids)}\n`);
    return printed(ofContainer(await listing(args.length === 0 ? ["-ef"] : args), pids));
  },
});

/** The output of ps(1). @throws RuntimeError `SYSCALL` if it cannot be run, `USAGE` if it fails */
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
