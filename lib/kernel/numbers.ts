/** Numbers of the kernel's interface that several modules need, under the kernel's names (x86_64 and aarch64). */

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGILL = 4;
export const SIGKILL = 9;
export const SIGTERM = 15;
export const SIGSTOP = 19;
export const SIGSYS = 31;

/** Events of poll(2). */
export const POLLIN = 1;
/** An exceptional condition: a file of cgroup v2 has changed. */
export const POLLPRI = 2;
export const POLLOUT = 4;

/** Commands of fcntl(2). */
export const F_GETFD = 1;
export const F_GETFL = 3;
export const F_SETFL = 4;
