/**
 * Linux capabilities: names to numbers, sets to bit masks.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#linux-process
 */
import type { LinuxCapabilities } from "../spec/types.ts";

/** Names in the order of the kernel's numbers (linux/capability.h). */
const NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE " +
  "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT " +
  "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE " +
  "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ " +
  "PERFMON BPF CHECKPOINT_RESTORE";

/** All names with `CAP_` in front, in the order of their numbers. */
export function capabilityNames(): string[] {
  return NAMES.split(" ").map((name) => `CAP_${name}`);
}

/** The five sets as bit masks. */
export interface CapabilityMasks {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
}

/**
 * The sets of `process.capabilities` as masks. Names that no kernel knows are left out: the spec wants a
 * warning for them, which validation gives. Without `capabilities` every set is empty, as with runc.
 */
export function capabilityMasks(sets: LinuxCapabilities | undefined): CapabilityMasks {
  const names = NAMES.split(" ");
  const mask = (list: readonly string[] | undefined): bigint => {
    // Two halves of 32 bits: arithmetic on bigints costs much more than on numbers.
    let low = 0;
    let high = 0;
    for (const name of list ?? []) {
      const bit = name.startsWith("CAP_") ? names.indexOf(name.slice(4)) : -1;
      if (bit >= 32) high |= 1 << (bit - 32);
      else if (bit >= 0) low |= 1 << bit;
    }
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  };
  return {
    bounding: mask(sets?.bounding),
    effective: mask(sets?.effective),
    permitted: mask(sets?.permitted),
    inheritable: mask(sets?.inheritable),
    ambient: mask(sets?.ambient),
  };
}
