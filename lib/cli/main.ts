// SPDX-License-Identifier: Apache-2.0
/** The program: argv to a command, its result or error to output, log and exit status. */

import { forEngines } from "../runtime/launch/engine_words.ts";
import { asRuntimeError, RuntimeError } from "../errors.ts";
import { Errno } from "../kernel/errno.ts";
import { syscallError } from "../sys/files.ts";
import { type Invocation, readArguments } from "./argv.ts";
import { makeContext, rootOf } from "./context.ts";
import { type CommandContext, runCommand } from "./command.ts";
import { COMMANDS } from "./commands/registry.ts";
import { type CommandLog, openLog } from "./log.ts";
import { programName } from "../sys/program_name.ts";
import { STDERR, STDOUT, write } from "./output/write.ts";
import { versionText } from "./version.ts";
import { helpText, unknownTopic, unknownOption, usageText } from "./help/help.ts";
import { startTrace } from "./tracer.ts";

const FAILURE = 1;
/** A shell adds this to the number of a signal. */
const SIGNALLED = 128;
/** The exit status of urfave/cli, and so of runc, for an unknown command. */
const UNKNOWN_COMMAND = 3;

/**
 * Runs a command line and ends the process.
 *
 * @param args the arguments after the program's name
 */
export async function main(args: readonly string[]): Promise<never> {
  process.exit(await invoke(args));
}

/** Runs a command line; the exit status. */
async function invoke(args: readonly string[]): Promise<number> {
  const invocation = readArguments(args, COMMANDS);
  switch (invocation.action) {
    case "run":
    case "choice":
      return execute(invocation);
    case "version": {
      write(STDOUT, versionText());
      return 0;
    }
    case "help": {
      write(STDOUT, helpText(COMMANDS, invocation.command));
      return 0;
    }
    case "unknown": {
      return refuse(invocation, unknownTopic(COMMANDS, invocation.topic), UNKNOWN_COMMAND);
    }
    case "usage": {
      const { command, topic } = invocation;
      const problem = topic === "" ? invocation.problem : unknownOption(topic, command, invocation.problem);
      write(STDERR, usageText(command));
      return refuse(invocation, problem, FAILURE);
    }
    case "arguments": {
      write(STDERR, usageText(invocation.command));
      return refuse(invocation, invocation.problem, FAILURE);
    }
  }
}

async function execute(invocation: Invocation): Promise<number> {
  const { action, command, globals, topic } = invocation;
  let log: CommandLog | undefined;
  // Before that, runc has not named the command yet either.
  const failure = command?.failure ?? { prefix: "", status: FAILURE };
  let { prefix } = failure;
  let finishTrace: (() => void) | undefined;
  try {
    const root = rootOf(globals);
    // An error about its format goes to stderr alone, as with runc.
    if (topic !== "log-format") log = logOf(invocation);
    if (log === undefined || action === "choice") throw new RuntimeError("USAGE", invocation.problem);
    const { trace: traceFile } = globals;
    if (traceFile !== undefined) {
      finishTrace = startTrace(traceFile, command?.name ?? "", log);
    }
    if (command === undefined) throw new RuntimeError("INTERNAL", "no command to run");
    const context: CommandContext = { ...makeContext(globals, root, log), rootFrom: root.from, commands: COMMANDS };
    if (command.prefixed === true) prefix = `${programName()} ${command.name} failed: `;
    const result = await runCommand(command, context, invocation.flags, invocation.positionals);
    const failed = write(STDOUT, result.output);
    // A reader that has read enough is no failure; lost output is.
    if (failed !== 0 && failed !== Errno.EPIPE) throw syscallError(failed, "write standard output");
    return result.exitCode;
  } catch (error) {
    const told: RuntimeError = understood(command?.name ?? "", asRuntimeError(error)).prefixed(prefix);
    (log ?? openLog({})).error(told);
    // The exit status that a shell gives for a process that the signal has ended.
    return told.code === "INTERRUPTED" ? SIGNALLED + (told.facts.signal ?? 0) : failure.status;
  } finally {
    finishTrace?.();
  }
}

/** Commands whose errors engines read. */
const READ_BY_ENGINES: readonly string[] = ["create", "run", "start", "exec", "restore"];

function understood(command: string, error: RuntimeError): RuntimeError {
  return READ_BY_ENGINES.includes(command) ? forEngines(error) : error;
}

/** Reports the problem of the command line: to the log if it can be opened, else to stderr. */
function refuse(invocation: Invocation, problem: string, status: number): number {
  let log: CommandLog;
  try {
    log = logOf(invocation);
  } catch {
    log = openLog({});
  }
  log.error(new RuntimeError("USAGE", problem));
  return status;
}

function logOf({ globals }: Invocation): CommandLog {
  return openLog({ file: globals.log, format: globals["log-format"], debug: globals.debug });
}
