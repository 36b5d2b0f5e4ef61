// SPDX-License-Identifier: Apache-2.0
/**
 * Hooks that run in the runtime's namespaces: prestart, createRuntime, poststart, poststop.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#posix-platform-hooks
 */
import { RuntimeError } from "../../errors.ts";
import { signalText } from "../../init/failure.ts";
import { outputText } from "../../init/hook_output.ts";
import { type Annotations, HOOKS_STDERR, HOOKS_STDOUT } from "../../spec/annotations.ts";
import type { Hook, Hooks } from "../../spec/types.ts";
import { errnoText } from "../../kernel/errno.ts";
import { Descriptors, withDescriptor } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_APPEND, O_CLOEXEC, O_CREAT, O_RDONLY, O_WRONLY, check } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { callersEnvironment } from "../../sys/environment.ts";
import { HookOutput } from "./hook_output.ts";
import type { ContainerRecord } from "../record.ts";

/** Kinds that the runtime runs itself. */
export type RuntimeHookKind = Exclude<keyof Hooks, "createContainer" | "startContainer">;

/** JSON of the state, as hooks get it. */
export function hookState(record: ContainerRecord, status: string, pid: number): string {
  const { oci_version: ociVersion, id, bundle, annotations } = record;
  return JSON.stringify({ ociVersion, id, status, pid, bundle, ...(annotations === undefined ? {} : { annotations }) });
}

/**
 * Runs `hooks` one after another.
 * @param state JSON of the container's state, given on stdin
 * @param cwd working directory: the bundle
 * @param annotations of config.json, which may name files for the output of hooks
 * @throws HOOK_FAILED at the first hook that fails, with its output
 */
export async function runHooks(
  kind: RuntimeHookKind,
  hooks: readonly Hook[] | undefined,
  state: string,
  cwd: string,
  annotations?: Annotations,
): Promise<void> {
  const list = hooks ?? [];
  for (let index = 0; index < list.length; index++) {
    const hook = list[index];
    if (hook !== undefined) await runHook(kind, index, hook, state, cwd, annotations);
  }
}

/** Runs one hook. @throws HOOK_FAILED */
export async function runHook(
  kind: RuntimeHookKind,
  index: number,
  hook: Hook,
  state: string,
  cwd: string,
  annotations?: Annotations,
): Promise<void> {
  const facts = { pointer: `/hooks/${kind}/${index}`, path: hook.path };
  const open = new Descriptors();
  try {
    const stdout = openFile(HOOKS_STDOUT, annotations, open);
    const stderr = openFile(HOOKS_STDERR, annotations, open);
    const output = open.attach(new HookOutput());
    // A memfd instead of a pipe: a hook that never reads its stdin cannot block or kill the runtime.
    const fds = [open.own(openInput(state)), stdout ?? output.end, stderr ?? output.end];
    const problem = await problemOf(hook, fds, cwd, output);
    if (problem === undefined) return;
    const text = `error running ${kind} hook #${index}: ${hook.path}: ${problem}`;
    throw new RuntimeError("HOOK_FAILED", `${text}${outputText(output.text())}`, facts);
  } finally {
    open.close();
  }
}

/** Runs a hook with standard streams until its end. @returns the reason of its failure; `undefined` if it succeeded */
async function problemOf(hook: Hook, fds: readonly number[], cwd: string, output: HookOutput): Promise<string | undefined> {
  const spawned = native.spawn({
    program: hook.path,
    args: hook.args !== undefined && hook.args.length > 0 ? hook.args : [hook.path],
    // Hooks look up programs by PATH, and runc and crun let them.
    env: hook.env ?? callersEnvironment(),
    fds,
    cwd,
    // A runtime that is killed leaves no hook behind. This does not apply to processes that the hook itself starts.
    dieWithParent: true,
  });
  if (typeof spawned === "number") return `execve: ${errnoText(-spawned)}`;
  const limit = hook.timeout === undefined ? -1 : hook.timeout * 1000;
  let ready = false;
  let exited: ReturnType<typeof native.waitpid> = null;
  try {
    ready = await output.follow(spawned.pidfd, limit);
  } finally {
    if (!ready) native.pidfdKill(spawned.pidfd, SIGKILL);
    exited = native.waitpid(spawned.pid, false);
    native.close(spawned.pidfd);
  }
  if (!ready) return `hook ran past specified timeout of ${hook.timeout}s`;
  if (exited === null || typeof exited === "number") return "it was lost";
  if (exited.signaled) return `signal: ${signalText(exited.status)}`;
  return exited.status === 0 ? undefined : `exit status ${exited.status}`;
}

/** The file of an annotation, open for appending. @param open owns it @throws SYSCALL */
function openFile(name: string, annotations: Annotations | undefined, open: Descriptors): number | undefined {
  const path = annotations?.[name] ?? "";
  if (path === "") return undefined;
  const fd = native.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o700);
  return open.own(check(fd, `annotations["${name}"]: open ${path}`, { pointer: `/annotations/${name}`, path }));
}

function openInput(text: string): number {
  const memfd = check(native.sealedMemfd("runt:state", new TextEncoder().encode(text)), "memfd_create");
  // A new open file starts at offset 0; the offset of the written one is at its end.
  const fd = withDescriptor(memfd, () => native.open(AT_FDCWD, `/proc/self/fd/${memfd}`, O_RDONLY | O_CLOEXEC, 0));
  return check(fd, "open the hook's input");
}
