import { RuntimeError } from "../../errors.ts";
import { checkValue } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import type { Signals } from "../../sys/signals.ts";
import { connectConsole } from "../launch/console_socket.ts";
import { destroy } from "../container/destroy.ts";
import { closeTerminal, openTerminal, type HostTerminal } from "../host/host_terminal.ts";
import { launch, openBundle, type Launched } from "../launch/launch.ts";
import type { CreateOptions, RunOptions, RuntimeContext } from "../options.ts";
import { untilExecuted } from "../launch/answer_init.ts";
import { afterStart } from "./start.ts";
import { startError } from "../launch/start_error.ts";
import { isAlive } from "../container/status.ts";
import { catchSignals, ConsoleRelay, receiveMaster, supervise } from "../launch/supervise.ts";

const SOCK_STREAM = 1;
const PR_SET_CHILD_SUBREAPER = 36;

/**
 * Creates and starts a container; unless detached, waits for its end and deletes it.
 *
 * @returns the exit status of its process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws as `create` and `start`
 */
export async function run(context: RuntimeContext, options: RunOptions): Promise<number> {
  return (await bringUp(context, options)).status;
}

/**
 * Creates and starts a container, and returns once its program runs.
 * @returns pid of its first process
 * @throws as `create` and `start`
 */
export async function runDetached(context: RuntimeContext, options: CreateOptions): Promise<number> {
  return (await bringUp(context, { ...options, detach: true })).pid;
}

/** What has become of a container's first process: `status` is 0 where it was not waited for. */
interface Outcome {
  readonly pid: number;
  readonly status: number;
}

async function bringUp(context: RuntimeContext, options: RunOptions): Promise<Outcome> {
  const detach = options.detach === true;
  const bundle = openBundle(context, options);
  if (bundle.config.process === undefined) {
    const text = "cannot start a container without process in its config.json";
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/process" });
  }
  const terminal = bundle.config.process.terminal === true;
  const given = await connectConsole(terminal, detach, options);
  const host = terminal && !detach ? openTerminal() : undefined;
  const pair = terminal && !detach ? checkValue(native.socketpair(SOCK_STREAM), "socketpair") : undefined;
  const consoleSocket = given ?? pair?.[1];
  if (!detach && options.noSubreaper !== true) native.prctl(PR_SET_CHILD_SUBREAPER, 1);
  // From here on a signal must not end us: until the program runs it ends the waits, after that it is for the container.
  const signals = detach ? undefined : catchSignals();
  try {
    const mode = { waitForStart: false, ...(consoleSocket === undefined ? {} : { consoleSocket }) };
    const launched = await launch(context, options, bundle, mode);
    try {
      const status = await follow(context, launched, signals, options, pair?.[0], host);
      return { pid: launched.init.pid, status };
    } finally {
      launched.init.close();
      launched.entry.close();
    }
  } finally {
    for (const fd of [consoleSocket, pair?.[0]]) {
      if (fd !== undefined && fd >= 0) native.close(fd);
    }
    closeTerminal(host);
  }
}

async function follow(
  context: RuntimeContext,
  launched: Launched,
  signals: Signals | undefined,
  options: RunOptions,
  console: number | undefined,
  terminal: HostTerminal | undefined,
): Promise<number> {
  const { init, entry, record } = launched;
  try {
    await untilExecuted(init, launched.cgroup);
  } catch (error) {
    await launched.undo();
    throw startError(error);
  }
  // The container is everybody's now: `delete --force` must not have to wait for its end.
  entry.unlock();
  await afterStart(context, entry, record);
  const { notify } = launched;
  if (signals === undefined) {
    await notify?.wait(init.pid, () => isAlive(record.init_process_pid, record.init_process_start));
    notify?.close();
    return 0;
  }
  // This process stays: it is the one to watch for the service manager, which started it.
  notify?.follow(process.pid);
  const relay = console === undefined || terminal === undefined ? undefined : new ConsoleRelay(receiveMaster(console), terminal);
  let status: number;
  try {
    status = supervise(init.pid, init.pidfd, signals, relay, notify);
  } finally {
    notify?.close();
    relay?.close();
  }
  if (status === 128 + SIGKILL) warnOfOom(context, launched);
  if (options.keep !== true) await destroy(context, entry, record);
  return status;
}

/** Nobody else tells the user why the program has vanished. */
function warnOfOom(context: RuntimeContext, { cgroup, record }: Launched): void {
  const own = cgroup.oomKills();
  const kills = own > 0 ? own : (cgroup.oomKillsAround?.() ?? 0);
  if (kills === 0) return;
  const which = own > 0 ? `${kills} of its processes` : `${kills} processes in its cgroup, which is gone, or beside it`;
  context.log.warn(
    `container ${record.id} was ended by SIGKILL, and the OOM killer has killed ${which} (linux.resources.memory.limit)`,
  );
}
