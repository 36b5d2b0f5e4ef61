// SPDX-License-Identifier: Apache-2.0
/** Names of the capabilities in the order of the kernel's numbers (linux/capability.h), without `CAP_`. */
const NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE " +
  "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT " +
  "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE " +
  "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ " +
  "PERFMON BPF CHECKPOINT_RESTORE";

/** Whether `name` is a capability that some kernel knows. */
export function isCapability(name: string): boolean {
  return name.startsWith("CAP_") && !name.includes(" ") && ` ${NAMES} `.includes(` ${name.slice(4)} `);
}

/** All names with `CAP_` in front; a name's place is its number. */
export function capabilityNames(): string[] {
  return `CAP_${NAMES.replaceAll(" ", " CAP_")}`.split(" ");
}
