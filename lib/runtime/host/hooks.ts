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
 * @param annotations of config.json, which may name files for what hooks print
 * @throws HOOK_FAILED at the first that fails, with what it printed
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
  const stdout = openFile(HOOKS_STDOUT, annotations);
  const stderr = openFile(HOOKS_STDERR, annotations);
  const output = new HookOutput();
  // A memfd instead of a pipe: a hook that never reads its stdin cannot stop or kill the runtime.
  const input = openInput(state);
  const facts = { pointer: `/hooks/${kind}/${index}`, path: hook.path };
  const fail = (reason: string): RuntimeError => {
    const text = `error running ${kind} hook #${index}: ${hook.path}: ${reason}`;
    return new RuntimeError("HOOK_FAILED", `${text}${outputText(output.text())}`, facts);
  };
  try {
    const spawned = native.spawn({
      program: hook.path,
      args: hook.args !== undefined && hook.args.length > 0 ? hook.args : [hook.path],
      // Hooks look for programs by PATH, and runc and crun let them.
      env: hook.env ?? callersEnvironment(),
      fds: [input, stdout ?? output.end, stderr ?? output.end],
      cwd,
      // A runtime that is killed leaves nothing behind. What a hook itself starts is not meant by this.
      dieWithParent: true,
    });
    if (typeof spawned === "number") throw fail(`execve: ${errnoText(-spawned)}`);
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
    if (!ready) throw fail(`hook ran past specified timeout of ${hook.timeout}s`);
    if (exited === null || typeof exited === "number") throw fail("it was lost");
    if (exited.signaled) throw fail(`signal: ${signalText(exited.status)}`);
    if (exited.status !== 0) throw fail(`exit status ${exited.status}`);
  } finally {
    native.close(input);
    output.close();
    if (stdout !== undefined) native.close(stdout);
    if (stderr !== undefined) native.close(stderr);
  }
}

/** The file of an annotation, open for appending. @throws SYSCALL */
function openFile(name: string, annotations: Annotations | undefined): number | undefined {
  const path = annotations?.[name] ?? "";
  if (path === "") return undefined;
  const fd = native.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o700);
  return check(fd, `annotations["${name}"]: open ${path}`, { pointer: `/annotations/${name}`, path });
}

function openInput(text: string): number {
  const memfd = check(native.sealedMemfd("runt:state", new TextEncoder().encode(text)), "memfd_create");
  // A new open file starts at offset 0, wherever writing left the other.
  const fd = native.open(AT_FDCWD, `/proc/self/fd/${memfd}`, O_RDONLY | O_CLOEXEC, 0);
  native.close(memfd);
  return check(fd, "open the hook's input");
}
