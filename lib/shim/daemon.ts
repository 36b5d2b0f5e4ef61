// SPDX-License-Identifier: Apache-2.0
/** The shim itself: a process that serves the tasks of a pod until the last one is deleted. */
import { EPOLLIN, F_GETFD, F_SETFD, FD_CLOEXEC, PR_SET_CHILD_SUBREAPER, SIGCHLD, SIGINT, SIGTERM } from "../kernel/numbers.ts";
import type { Log } from "../log.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { ShimArguments } from "./arguments.ts";
import { Publisher } from "./events.ts";
import { engine, Loop } from "./loop.ts";
import { TaskService } from "./service.ts";
import { serve } from "./ttrpc.ts";

/** The socket that `start` hands over. */
const SOCKET = 3;
/** Bytes that may be garbage before it is collected: that touches the whole heap, which all shims share until then. */
const GARBAGE = 2 << 20;
/** The time that the shim has to answer the request to end; milliseconds. */
const ANSWER = 10;
/** The time that containerd has to take the last events; milliseconds. */
const PATIENCE = 5000;

/** Serves until it is told to shut down, or by SIGTERM. @throws SYSCALL */
export function runDaemon({ namespace, debug, socket: path }: ShimArguments): void {
  check(native.fcntl(SOCKET, F_GETFD, 0), "the shim is started by containerd, with a socket as descriptor 3");
  native.fcntl(SOCKET, F_SETFD, FD_CLOEXEC);
  const log = openShimLog(debug);
  native.prctl(PR_SET_CHILD_SUBREAPER, 1);
  engine().collectAfter(GARBAGE);
  const loop = new Loop(log);
  const publisher = new Publisher(loop, process.env["TTRPC_ADDRESS"] ?? "", namespace, log);
  let ends = false;
  const shutdown = (): void => {
    if (ends) return;
    ends = true;
    // Before the answer: the same container may be started again right afterwards, and must not find this shim. As long as the
    // name is there no other shim has taken it.
    if (path !== "") native.unlink(AT_FDCWD, path);
    loop.unwatch(SOCKET);
    native.close(SOCKET);
    loop.after(ANSWER, () => void publisher.drain(PATIENCE).then(() => process.exit(0)));
  };
  const service = new TaskService({ loop, log, namespace, publisher, shutdown });
  const signals = check(native.signalfd([SIGCHLD, SIGTERM, SIGINT]), "signalfd");
  loop.watch(signals, EPOLLIN, () => {
    let stops = false;
    for (let signal = native.signalfdRead(signals); signal > 0; signal = native.signalfdRead(signals)) {
      stops ||= signal !== SIGCHLD;
    }
    service.reap();
    if (stops) shutdown();
  });
  serve(loop, SOCKET, (request) => service.handle(request));
  loop.run();
  log.debug(`the shim serves ${path}, pid ${process.pid}`);
}

/** The FIFO `log` of the bundle, which containerd copies into its own log. Lines that it does not take are lost. */
function openShimLog(debug: boolean): Log {
  const fd = native.open(AT_FDCWD, "log", O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  const write = (level: string, message: string): void => {
    if (fd < 0) return;
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    native.write(fd, `time="${time}" level=${level} msg=${JSON.stringify(message)} runtime=io.containerd.runt.v2\n`);
  };
  return {
    debug: (message) => {
      if (debug) write("debug", message);
    },
    warn: (message) => write("warning", message),
  };
}
