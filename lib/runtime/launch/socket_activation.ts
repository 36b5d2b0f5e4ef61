// SPDX-License-Identifier: Apache-2.0
/**
 * Sockets from systemd: descriptors from 3 upwards that the service manager opened for this process are
 * passed to the container, as runc does.
 */

/** The descriptors that the container inherits. */
export interface Activation {
  readonly count: number;
  /** Additions to the environment of the process. */
  readonly env: readonly string[];
}

const none: Activation = { count: 0, env: [] };

/**
 * Reads LISTEN_FDS and its like of this process's environment (sd_listen_fds(3)).
 * @param pid pid of this process: the variables count only if they name it
 */
export function socketActivation(environment: Readonly<Record<string, string | undefined>>, pid: number): Activation {
  const count = Number(environment["LISTEN_FDS"] ?? 0);
  if (environment["LISTEN_PID"] !== String(pid) || !Number.isInteger(count) || count <= 0) return none;
  const names = environment["LISTEN_FDNAMES"];
  // LISTEN_PID is 1, because sd_listen_fds() compares it with the pid, and the program is pid 1 of its container.
  const env = [`LISTEN_FDS=${count}`, "LISTEN_PID=1"];
  if (names !== undefined) env.push(`LISTEN_FDNAMES=${names}`);
  return { count, env };
}
