// SPDX-License-Identifier: Apache-2.0
/**
 * `linux.seccomp` → the filter that init loads: a BPF program and the flags of seccomp(2).
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#seccomp
 */
import { RuntimeError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../spec/types.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { openCache, readCache, writeCache, type Hash } from "./cache.ts";
import { FLAG_NEW_LISTENER, FLAG_SPEC_ALLOW, FLAG_WAIT_KILLABLE_RECV, FLAGS } from "./constants.ts";
import { seccompAddon, seccompNative } from "./native.ts";
import { compileProfile } from "./compile.ts";

/** Raised with every change of lib/seccomp that changes the program of a profile. */
const COMPILER_VERSION = 1;

/** A compiled profile. */
export interface CompiledFilter {
  /** BPF program, 8 bytes an instruction. */
  readonly filter: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* for seccomp(2). */
  readonly flags: number;
}

/** The options of making a filter. */
export interface FilterOptions {
  /** Directory below which compiled filters are kept. Default: they are not. */
  readonly cacheRoot?: string;
  /** A system call that libseccomp does not know is an error. Default false. */
  readonly failUnknown?: boolean;
}

/**
 * Compiles a profile, or finds it compiled.
 * @returns undefined for a profile that is all empty, which runc takes for none
 * @throws CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE as {@link compileProfile}
 */
export function seccompFilter(seccomp: LinuxSeccomp, log: Log, options: FilterOptions = {}): CompiledFilter | undefined {
  // The schema lets it be absent where there are no rules.
  if ((seccomp.defaultAction as string | undefined) === undefined) return undefined;
  const flags = filterFlags(seccomp);
  log.debug(`seccomp filter flags: ${flags}`);
  return { filter: program(seccomp, log, options), flags };
}

function program(seccomp: LinuxSeccomp, log: Log, options: FilterOptions): Uint8Array {
  const directory = options.cacheRoot === undefined ? undefined : openCache(options.cacheRoot);
  const compile = (): Uint8Array => {
    return compileProfile(seccomp, log, options);
  };
  if (directory === undefined) return compile();
  try {
    const hash: Hash = native.sha256;
    const key = hash(cacheKey(seccomp, options));
    const found = readCache(directory, key, hash);
    if (found !== undefined) {
      log.debug("seccomp: the filter was compiled before");
      return found;
    }
    const made = compile();
    writeCache(directory, key, made, hash);
    return made;
  } finally {
    native.close(directory);
  }
}

/**
 * Everything that shapes the program, as a text without ambiguity: the profile; runt's compiler and libseccomp, which
 * is linked into the addon; the kernel, whose abilities libseccomp asks for.
 */
function cacheKey(seccomp: LinuxSeccomp, { failUnknown = false }: FilterOptions): string {
  const { defaultAction, defaultErrnoRet, architectures = [], syscalls = [] } = seccomp;
  const file = seccompAddon();
  const addon = native.stat(AT_FDCWD, file, true);
  const compiler = typeof addon === "number" ? [] : [addon.dev, addon.ino, addon.size, addon.mtimeMs];
  return JSON.stringify([
    COMPILER_VERSION,
    process.env["RUNT_VERSION"],
    process.env["RUNT_COMMIT"],
    file,
    compiler,
    process.arch,
    native.kernelRelease(),
    failUnknown,
    [defaultAction, defaultErrnoRet, architectures],
    rulesText(syscalls),
  ]);
}

/** The rules unnormalized, which costs least; another order of members, or an unknown member, costs one more entry at worst. */
function rulesText(syscalls: readonly LinuxSyscall[]): string {
  try {
    return JSON.stringify(syscalls);
  } catch {
    // A value beyond 2^53 is a bigint, which JSON has not.
    const text = (_: string, value: unknown): unknown => (typeof value === "bigint" ? [`${value}`] : value);
    return JSON.stringify(syscalls, text);
  }
}

/**
 * The flags of seccomp(2) that a profile asks for, whether or not this kernel has them. TSYNC is dropped, as by runc:
 * init has one thread. Without `flags` it is SPEC_ALLOW: else every container pays for mitigations that it does not
 * need.
 */
export function wantedFlags({ flags, syscalls = [] }: LinuxSeccomp): number {
  let bits = 0;
  if (flags === undefined) bits = FLAG_SPEC_ALLOW;
  else for (const name of flags) bits |= (FLAGS[name] ?? 0) & ~1;
  for (const { action } of syscalls) if (action === "SCMP_ACT_NOTIFY") bits |= FLAG_NEW_LISTENER;
  return bits;
}

/**
 * The flags of seccomp(2) for a profile.
 * @throws CONFIG_INVALID for WAIT_KILLABLE_RECV without a rule that notifies; HOST_UNABLE where the kernel lacks it
 */
export function filterFlags(seccomp: LinuxSeccomp): number {
  const bits = wantedFlags(seccomp);
  if ((bits & FLAG_WAIT_KILLABLE_RECV) === 0) return bits;
  const pointer = "/linux/seccomp/flags";
  const what = "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
  if ((bits & FLAG_NEW_LISTENER) === 0) {
    throw new RuntimeError("CONFIG_INVALID", `${what} needs a rule with SCMP_ACT_NOTIFY`, { pointer });
  }
  if (!seccompNative().hasFlag(FLAG_WAIT_KILLABLE_RECV | FLAG_NEW_LISTENER)) {
    throw new RuntimeError("HOST_UNABLE", `${what} needs Linux 5.19, this is ${native.kernelRelease()}`, { pointer });
  }
  return bits;
}
