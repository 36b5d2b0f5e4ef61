// SPDX-License-Identifier: Apache-2.0
/** `linux.seccomp` → BPF, by libseccomp. */
import { RuntimeError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { LinuxSeccomp } from "../spec/types.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import { actionValue } from "./constants.ts";
import { encodeInstructions, enosysPrologue, type Newest } from "./enosys.ts";
import { seccompNative, type SeccompNative } from "./native.ts";
import { encodeRules, profileRules, type Rule } from "./rules.ts";

/** Above it the filter is a binary tree; runc's number. */
const LINEAR_RULES = 32;
/** Instructions that the kernel takes (BPF_MAXINSNS). */
const MAX_INSTRUCTIONS = 4096;
/** libseccomp's number for a name that it does not know. */
const UNKNOWN = -1;

/** The options of compiling a profile. */
export interface CompileOptions {
  /** A system call that libseccomp does not know is an error, instead of ignored with a debug line. Default false. */
  readonly failUnknown?: boolean;
}

/**
 * Compiles a profile.
 * @throws CONFIG_INVALID for rules that contradict each other; NOT_SUPPORTED, HOST_UNABLE for a feature that libseccomp or
 *   the kernel lacks
 */
export function compileProfile(seccomp: LinuxSeccomp, log: Log, options: CompileOptions = {}): Uint8Array {
  const native = seccompNative();
  const architectures = tokens(native, seccomp.architectures ?? []);
  const all = profileRules(seccomp);
  const names = [...new Set(all.map(({ name }) => name))];
  const numbers = native.resolve(names, 0);
  const numberOf = new Map(names.map((name, index) => [name, numbers[index] ?? UNKNOWN]));
  const rules = all.filter(({ name, entry }) => {
    if (numberOf.get(name) !== UNKNOWN) return true;
    if (options.failUnknown === true) {
      const pointer = `/linux/seccomp/syscalls/${entry}/names`;
      const text = `linux.seccomp.syscalls[${entry}].names: unknown system call ${name} (libseccomp ${native.version()})`;
      throw new RuntimeError("CONFIG_INVALID", text, { pointer });
    }
    log.debug(`unknown seccomp syscall "${name}" ignored`);
    return false;
  });
  // libseccomp up to 2.5.4 makes a wrong tree of no rules.
  const tree = rules.length > LINEAR_RULES;
  const encoded = encodeRules(
    rules,
    rules.map(({ name }) => numberOf.get(name) ?? UNKNOWN),
  );
  const { defaultAction, defaultErrnoRet } = seccomp;
  const made = native.compile(actionValue(defaultAction, defaultErrnoRet), architectures, encoded, tree);
  if (!(made instanceof Uint8Array)) throw refused(native, made, rules);
  const before = encodeInstructions(prologue(native, seccomp, architectures));
  const program = new Uint8Array(before.length + made.length);
  program.set(before);
  program.set(made, before.length);
  if (program.length > MAX_INSTRUCTIONS * 8) {
    const text = `linux.seccomp.syscalls: the filter has ${program.length / 8} instructions, must have at most ${MAX_INSTRUCTIONS}`;
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/linux/seccomp/syscalls" });
  }
  log.debug(`seccomp: ${rules.length} rules compiled to ${program.length / 8} instructions`);
  return program;
}

/** libseccomp's tokens of architectures. @throws NOT_SUPPORTED */
function tokens(native: SeccompNative, names: readonly string[]): readonly number[] {
  return names.map((name, index) => {
    const token = native.architecture(name.slice("SCMP_ARCH_".length).toLowerCase());
    if (token !== 0) return token;
    const text = `linux.seccomp.architectures[${index}]: libseccomp ${native.version()} does not know ${name}`;
    throw new RuntimeError("NOT_SUPPORTED", text, { pointer: `/linux/seccomp/architectures/${index}` });
  });
}

/**
 * The answer to newer system calls. Not where the default lets them through, or hands them to a tracer that can answer
 * itself.
 */
function prologue(
  native: SeccompNative,
  seccomp: LinuxSeccomp,
  architectures: readonly number[],
): ReturnType<typeof enosysPrologue> {
  const { defaultAction, syscalls = [] } = seccomp;
  if (defaultAction === "SCMP_ACT_ALLOW" || defaultAction === "SCMP_ACT_LOG" || defaultAction === "SCMP_ACT_TRACE") {
    return [];
  }
  const names = syscalls.flatMap((block) => block.names);
  const newest: Newest[] = [];
  for (const architecture of new Set([native.nativeArchitecture(), ...architectures])) {
    let syscall = 0;
    for (const number of native.resolve(names, architecture)) if (number > syscall) syscall = number;
    if (syscall > 0) newest.push({ architecture, syscall });
  }
  return enosysPrologue(newest);
}

function refused(native: SeccompNative, [step, errno]: readonly [number, number], rules: readonly Rule[]): RuntimeError {
  const why = errnoText(errno);
  const rule = rules[step];
  if (rule !== undefined) {
    const pointer = `/linux/seccomp/syscalls/${rule.entry}`;
    const reason = errno === Errno.EEXIST ? "it contradicts an earlier rule" : why;
    const text = `linux.seccomp.syscalls[${rule.entry}]: error adding seccomp rule for syscall ${rule.name}: ${reason}`;
    return new RuntimeError(errno === Errno.EOPNOTSUPP ? "HOST_UNABLE" : "CONFIG_INVALID", text, { pointer, errno });
  }
  const pointer = "/linux/seccomp/architectures";
  if (errno === Errno.EDOM) {
    const text = "linux.seccomp.architectures: one of them has another byte order than this machine";
    return new RuntimeError("HOST_UNABLE", text, { pointer, errno });
  }
  const text = `linux.seccomp: libseccomp ${native.version()} cannot make the filter: ${why}`;
  return new RuntimeError("HOST_UNABLE", text, { pointer: "/linux/seccomp", errno });
}
