// SPDX-License-Identifier: Apache-2.0
/** What the cases of linux.seccomp share: a profile of the size that engines send, and an agent for notifications. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Box } from "./box.ts";
import type { Seccomp } from "./config.ts";
import { helper } from "./helpers.ts";

/** Calls that engines do not give to a container; of `clone` the flags for namespaces are refused. */
const DENIED = [
  "acct",
  "add_key",
  "bpf",
  "clone",
  "clone3",
  "create_module",
  "delete_module",
  "fanotify_init",
  "finit_module",
  "fsconfig",
  "fsmount",
  "fsopen",
  "fspick",
  "get_kernel_syms",
  "get_mempolicy",
  "init_module",
  "io_uring_enter",
  "io_uring_register",
  "io_uring_setup",
  "ioperm",
  "iopl",
  "kcmp",
  "kexec_file_load",
  "kexec_load",
  "keyctl",
  "lookup_dcookie",
  "mbind",
  "mount",
  "mount_setattr",
  "move_mount",
  "move_pages",
  "nfsservctl",
  "open_by_handle_at",
  "open_tree",
  "perf_event_open",
  "personality",
  "pivot_root",
  "process_vm_readv",
  "process_vm_writev",
  "ptrace",
  "query_module",
  "quotactl",
  "quotactl_fd",
  "reboot",
  "request_key",
  "set_mempolicy",
  "setdomainname",
  "sethostname",
  "setns",
  "settimeofday",
  "swapoff",
  "swapon",
  "sysfs",
  "syslog",
  "umount2",
  "unshare",
  "uselib",
  "userfaultfd",
  "ustat",
  "vhangup",
];
const NAMESPACE_FLAGS = 0x7e020000;
const PERSONALITIES = [0, 0x0008, 0x20000, 0x20008, 0xffffffff];
const HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";

/** Why {@link engineProfile} cannot be made here; `false` if it can. */
export const noProfile: string | false = existsSync(HEADER) ? false : `needs ${HEADER}`;

/**
 * A profile as engines send it: some three hundred calls of the C library's headers are allowed, of `clone` and
 * `personality` what does no harm, for three architectures; everything else gets an errno.
 *
 * @param errno default is what the runtime takes by default, EPERM
 */
export function engineProfile(errno?: number): Seccomp {
  const names = [...readFileSync(HEADER, "utf8").matchAll(/^#define __NR_(\w+) /gm)].map(([, name = ""]) => name);
  const allow = { action: "SCMP_ACT_ALLOW" };
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    ...(errno === undefined ? {} : { defaultErrnoRet: errno }),
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [
      { names: names.filter((name) => !DENIED.includes(name)), ...allow },
      ...PERSONALITIES.map((value) => ({ names: ["personality"], ...allow, args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] })),
      { names: ["clone"], ...allow, args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }] },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}

/**
 * Runs an agent while `body` runs: it answers mkdir with ENETDOWN and lets everything else go on.
 *
 * @param body gets the agent's socket, and what reads the lines that the agent wrote of each connection
 * @param delay milliseconds that mkdir waits for its answer
 */
export async function withAgent(box: Box, body: (socket: string, states: () => string[]) => void, delay = 0): Promise<void> {
  const [socket, output] = [box.path("socket"), box.path("states")];
  const words = [socket, output, String(delay)];
  const agent = spawn(helper("helpers/seccomp_agent.c"), words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => agent.once("exit", resolve));
  try {
    await new Promise((resolve, reject) => {
      agent.stdout.once("data", resolve);
      agent.once("exit", reject);
    });
    body(socket, () =>
      existsSync(output)
        ? readFileSync(output, "utf8")
            .split("\n")
            .filter((line) => line !== "")
        : [],
    );
  } finally {
    agent.kill("SIGKILL");
    await ended;
  }
}
