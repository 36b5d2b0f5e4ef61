/** What the library does in its threads: the runtime's own functions, which the command line calls as well. */
import { create } from "../runtime/operations/create.ts";
import { remove } from "../runtime/operations/delete.ts";
import { events, type ContainerEvent } from "../runtime/operations/events.ts";
import { execDetached } from "../runtime/operations/exec.ts";
import { kill } from "../runtime/operations/kill.ts";
import { list } from "../runtime/operations/list.ts";
import type { CreateOptions, ExecOptions, RuntimeContext } from "../runtime/options.ts";
import { pause, resume } from "../runtime/operations/pause.ts";
import { processes } from "../runtime/operations/processes.ts";
import { runDetached } from "../runtime/operations/run.ts";
import { start } from "../runtime/operations/start.ts";
import { state } from "../runtime/operations/state.ts";
import { stats } from "../runtime/operations/stats.ts";
import { update } from "../runtime/operations/update.ts";
import { wait } from "../runtime/operations/wait.ts";
import type { LinuxResources } from "../spec/types.ts";

/** Hands on what happens while an operation works. */
export type Emit = (event: ContainerEvent) => void;

/** By name; the arguments and results cross between threads as copies. */
export const OPERATIONS = {
  create: (context: RuntimeContext, _: Emit, options: CreateOptions) => create(context, options),
  run: (context: RuntimeContext, _: Emit, options: CreateOptions) => runDetached(context, options),
  start: (context: RuntimeContext, _: Emit, id: string) => start(context, id),
  exec: (context: RuntimeContext, _: Emit, options: ExecOptions) => execDetached(context, options),
  kill: (context: RuntimeContext, _: Emit, id: string, signal: number, all: boolean) => kill(context, id, signal, { all }),
  wait: (context: RuntimeContext, _: Emit, id: string) => wait(context, id),
  pause: (context: RuntimeContext, _: Emit, id: string) => pause(context, id),
  resume: (context: RuntimeContext, _: Emit, id: string) => resume(context, id),
  update: (context: RuntimeContext, _: Emit, id: string, resources: LinuxResources) => update(context, id, resources),
  stats: (context: RuntimeContext, _: Emit, id: string) => stats(context, id),
  state: (context: RuntimeContext, _: Emit, id: string) => state(context, id),
  list: (context: RuntimeContext, _: Emit) => list(context),
  processes: (context: RuntimeContext, _: Emit, id: string) => processes(context, id),
  remove: (context: RuntimeContext, _: Emit, id: string, force: boolean) => remove(context, id, { force }),
  events: (context: RuntimeContext, emit: Emit, id: string, interval: number) =>
    events(context, id, interval, (event) => {
      emit(event);
      return true;
    }),
} as const;

export type OperationName = keyof typeof OPERATIONS;

type Tail<Values extends readonly unknown[]> = Values extends readonly [unknown, unknown, ...infer Rest] ? Rest : never;

/** What an operation takes behind the context. */
export type Arguments<Name extends OperationName> = Tail<Parameters<(typeof OPERATIONS)[Name]>>;

/** What it gives. */
export type Result<Name extends OperationName> = Awaited<ReturnType<(typeof OPERATIONS)[Name]>>;
