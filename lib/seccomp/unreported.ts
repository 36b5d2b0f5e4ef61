// SPDX-License-Identifier: Apache-2.0
/** The system calls that a recording does not see, since no signal may interrupt them. */
import { ACTIONS } from "./constants.ts";
import { interpretBlind } from "./interpret.ts";
import { seccompNative } from "./native.ts";

/**
 * A signal that arrives before a notification is received lets the call fail with EINTR. Programs expect that of calls that block, not of
 * these: a shell whose rt_sigprocmask fails goes on with a wrong mask, and waits for ever; a mutex whose futex fails wakes nobody; an
 * rt_sigreturn must not return at all. They change nothing but the caller itself, or are in every recorded profile anyway (close).
 */
const UNREPORTED = [
  "clock_nanosleep",
  "close",
  "exit",
  "exit_group",
  "futex",
  "getegid",
  "geteuid",
  "getgid",
  "getpid",
  "getppid",
  "gettid",
  "getuid",
  "nanosleep",
  "restart_syscall",
  "rt_sigaction",
  "rt_sigpending",
  "rt_sigprocmask",
  "rt_sigreturn",
  "sched_yield",
  "sigaltstack",
] as const;

/** Calls of one architecture. */
export interface UnreportedCalls {
  /** AUDIT_ARCH_*: the machine's own. */
  readonly architecture: number;
  readonly calls: readonly { readonly name: string; readonly number: number }[];
}

/**
 * The calls that pass unreported, and so have to be in the profile: those that the container's own filter allows whatever their
 * arguments are. It does not follow from the profile's text alone, which libseccomp reads in its own way.
 *
 * @param own the compiled profile; without one everything is allowed
 */
export function unreportedCalls(own: Uint8Array | undefined): UnreportedCalls {
  const native = seccompNative();
  const architecture = native.nativeArchitecture();
  const numbers = native.resolve(UNREPORTED, architecture);
  const calls = UNREPORTED.map((name, index) => ({ name, number: numbers[index] ?? -1 })).filter(({ number }) => {
    if (number < 0) return false;
    return own === undefined || interpretBlind(own, { arch: architecture, nr: number }) === ACTIONS.SCMP_ACT_ALLOW;
  });
  return { architecture, calls };
}
