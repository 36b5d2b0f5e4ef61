// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { errnoName } from "../../../kernel/errno.ts";
import { seccompDiff, type SeccompDiff, type SeccompDifference } from "../../../seccomp/diff.ts";
import { decided } from "../../../seccomp/docker.ts";
import { type RuleReport, seccompExplain, type SeccompExplanation } from "../../../seccomp/explain.ts";
import { parseSeccomp } from "../../../spec/documents/seccomp_file.ts";
import type { LinuxSeccomp } from "../../../spec/types.ts";
import { AT_FDCWD, syscallError } from "../../../sys/files.ts";
import { native } from "../../../sys/native.ts";
import { defineCommand, type Flags, type OptionRow } from "../../command.ts";
import { readInput } from "../../read_input.ts";
import { jsonText } from "../../output/json_text.ts";
import type { CommandResult } from "../../result.ts";
import { FORMAT_TEXT } from "../../shared_options.ts";

const LIMIT = 16 << 20;
const MOST_ARGUMENTS = 6;
/** As diff(1). */
const DIFFERENT = 1;

const OPTIONS = [
  FORMAT_TEXT,
  {
    name: "arch",
    type: "string",
    value: "SCMP_ARCH",
    help: "explain: the architecture of the call; that of this machine if not given",
  },
  {
    name: "cap",
    alias: "c",
    type: "strings",
    value: "CAP_NAME",
    help: "for a profile of docker's: a capability that the container has besides the default ones",
  },
] as const satisfies readonly OptionRow[];

export const SECCOMP = defineCommand({
  name: "seccomp",
  summary: "compare seccomp profiles, and explain what one decides",
  arguments: "diff <file> <file>  |  explain <file> <call> [argument...]",
  min: 3,
  max: 3 + MOST_ARGUMENTS,
  argumentHint: { words: ["diff", "explain"] },
  options: OPTIONS,
  description: `A file is a linux.seccomp object, a config.json that has one, or a profile for docker; "-" is stdin.
Profiles are compiled as for a container, and the filters decide.

"diff" lists the system calls that one profile allows and the other does not, with the arguments
that make the difference. "explain" says what happens to a call, and which rule decides; arguments
are numbers (10, -1, 0x7e020000), and those that are missing are 0. Without any, and with rules that
look at them, it lists these rules.

Profiles of system calls that a container has made are recorded by "runt run --record-seccomp".`,
  examples: [
    "$ runt seccomp diff default.json recorded.json",
    "$ runt seccomp explain recorded.json socket 16",
    "$ runt seccomp explain --format json config.json clone3",
  ],
  exitStatus: `Of "diff" 0 if both allow the same, 1 if not, 2 for an error. Of "explain" 0, or 2 for an error.`,
  seeAlso: ["runt-run(8)", "seccomp(2)"],
  failure: { prefix: "", status: 2 },
  run(_, flags, [action, file = "", second = "", ...args]) {
    switch (action) {
      case "diff":
        if (args.length > 0) throw new RuntimeError("USAGE", "seccomp diff takes two files");
        return diff(seccompDiff(profileOf(file, flags), profileOf(second, flags)), file, second, flags.format ?? "text");
      case "explain": {
        const values = args.length === 0 ? undefined : args.map(argument);
        const explained = seccompExplain(profileOf(file, flags), second, values, flags.arch);
        const output = flags.format === "json" ? `${jsonText(explained)}\n` : explanationText(explained);
        return { output, exitCode: 0 };
      }
      default:
        throw new RuntimeError("USAGE", `unknown action ${JSON.stringify(action)}: it is diff or explain`);
    }
  },
});

/** @throws CONFIG_INVALID, SYSCALL */
function profileOf(file: string, { cap = [] }: Flags<typeof OPTIONS>): LinuxSeccomp {
  const text = file === "-" ? readInput(LIMIT) : native.readUtf8File(AT_FDCWD, file, LIMIT);
  if (typeof text === "number") throw syscallError(-text, `read ${file}`, { path: file });
  const parsed = parseSeccomp(text, file);
  return parsed.format === "docker" ? decided(parsed, cap) : parsed.profile;
}

/** Pure. @throws RuntimeError `USAGE` */
export function argument(text: string): bigint {
  if (!/^(-?\d+|0[xX][0-9a-fA-F]+|0[oO]?[0-7]+)$/.test(text)) {
    throw new RuntimeError("USAGE", `${JSON.stringify(text)}: an argument is a number, such as 10, -1 or 0x7e020000`);
  }
  const isOctal = /^0[0-7]+$/.test(text);
  const value = BigInt(isOctal ? `0o${text.slice(1)}` : text);
  if (value < -(1n << 63n) || value >= 1n << 64n) throw new RuntimeError("USAGE", `${text}: an argument has 64 bits`);
  return BigInt.asUintN(64, value);
}

function diff(found: SeccompDiff, first: string, second: string, format: "text" | "json"): CommandResult {
  const { architectures } = found;
  const lists = [found.first, found.second, architectures.first, architectures.second];
  const exitCode = lists.every(({ length }) => length === 0) ? 0 : DIFFERENT;
  if (format === "json") return { output: `${jsonText(found)}\n`, exitCode };
  const output = side(first, found.first, architectures.first) + side(second, found.second, architectures.second);
  return { output, exitCode };
}

function side(file: string, calls: readonly SeccompDifference[], architectures: readonly string[]): string {
  if (calls.length + architectures.length === 0) return "";
  const lines = calls.map(({ call, conditions }) => (conditions === "" ? `  ${call}` : `  ${call}: ${conditions}`));
  return [`only ${file} allows`, ...lines, ...architectures.map((name) => `  calls of ${name}`), ""].join("\n");
}

/** Pure. */
export function explanationText({ call, action, errno, allowed, decidedBy, rule, rules }: SeccompExplanation): string {
  if (action === undefined)
    return [`${call}: its arguments decide`, ...rules.map((each) => `  ${ruleLine(each)}`), ""].join("\n");
  const error = errno === undefined ? "" : ` with ${errnoName(errno)}`;
  const head = `${call}: ${allowed === true ? "allowed" : "not allowed"} (${action}${error})`;
  const why = {
    rule: rule === undefined ? "" : `decided by ${ruleLine(rule)}`,
    default: "decided by defaultAction: no rule fits",
    newer: "it is newer than every call that the profile names",
    architecture: "the profile does not list its architecture",
  }[decidedBy ?? "default"];
  return `${head}\n${why}\n`;
}

function ruleLine({ index, action, errnoRet, conditions }: RuleReport): string {
  const error = errnoRet === undefined ? "" : ` ${errnoName(errnoRet)}`;
  return `syscalls[${index}]: ${action}${error}${conditions === "" ? "" : `, where ${conditions}`}`;
}
