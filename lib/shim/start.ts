// SPDX-License-Identifier: Apache-2.0
/** `start`: finds the shim of a pod, or makes one, and tells containerd its address. */
import { cgroupLayout } from "../cgroups/place/layout.ts";
import { RuntimeError } from "../errors.ts";
import { Errno } from "../kernel/errno.ts";
import { SIGKILL, SOCK_NONBLOCK, SOCK_STREAM } from "../kernel/numbers.ts";
import { AT_FDCWD, check, checkValue, readText, readTextIfExists } from "../sys/files.ts";
import { O_CLOEXEC, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY } from "../sys/files.ts";
import { callersEnvironment } from "../sys/environment.ts";
import { native } from "../sys/native.ts";
import { readProcStat } from "../sys/proc_stat.ts";
import type { ShimArguments } from "./arguments.ts";
import { readOptions } from "./options.ts";
import { type Any, type BootstrapParams, readAny, readBootstrapParams, writeBootstrapResult } from "./proto/messages.gen.ts";

/** The annotations that group containers into one shim: the first of these that config.json has. */
const GROUPS = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"] as const;
const SOCKETS = "/run/containerd/s";
/** Non-blocking: `start` does not wait for a shim that takes no connections. */
const SOCKET_TYPE: number = SOCK_STREAM | SOCK_NONBLOCK;
const INPUT_LIMIT = 10 << 20;
const OOM_SCORE_MAX = 1000;
/** Versions of the task service: the default for a containerd that names none, and the newest. */
const OLD_VERSION = 2;
const VERSION = 3;
/** The highest of containerd's log levels at which debug messages are wanted. */
const DEBUG_LEVEL = -4;

/** The input that containerd has sent on standard input. */
interface Sent {
  readonly params: BootstrapParams | undefined;
  readonly options: Any | undefined;
}

/** All of standard input. @throws SYSCALL, USAGE where it is endless */
export function readInput(): Uint8Array {
  let data = new Uint8Array(4096);
  let size = 0;
  for (;;) {
    const read = check(native.read(0, data.subarray(size)), "read standard input");
    if (read === 0) return data.subarray(0, size);
    size += read;
    if (size > INPUT_LIMIT) throw new RuntimeError("USAGE", `standard input has more than ${INPUT_LIMIT} bytes`);
    if (size < data.length) continue;
    const larger = new Uint8Array(2 * data.length);
    larger.set(data);
    data = larger;
  }
}

/**
 * Tells a message for the start of a shim, which containerd 2.3 and newer send, from the options that older ones send: each can
 * be read as the other, but only the first has the id and the namespace of the arguments.
 */
export function readSent(input: Uint8Array, { id, namespace }: Pick<ShimArguments, "id" | "namespace">): Sent {
  if (input.length === 0) return { params: undefined, options: undefined };
  try {
    const params = readBootstrapParams(input);
    if (params.instanceId === id && params.namespace === namespace) return { params, options: optionsOf(params) };
  } catch {
    // It is the other then.
  }
  return { params: undefined, options: readAny(input) };
}

function optionsOf({ extensions }: BootstrapParams): Any | undefined {
  return extensions.map(({ value }) => value).find((value) => value?.typeUrl.endsWith(".Options") === true);
}

/** Starts a shim, unless there is one already. @returns the output for standard output */
export function startShim(given: ShimArguments): string | Uint8Array {
  const { params, options } = readSent(readInput(), given);
  const { id, namespace } = given;
  const address = params === undefined || params.containerdGrpcAddress === "" ? given.address : params.containerdGrpcAddress;
  const debug = given.debug || (params !== undefined && params.logLevel <= DEBUG_LEVEL);
  const group = groupOf(readText("config.json", 1 << 26)) ?? id;
  const folder = params === undefined || params.socketDir === "" ? SOCKETS : params.socketDir;
  const path = `${folder}/${hex(native.sha256(`${address}/${namespace}/${group}`))}`;
  const url = `unix://${path}`;
  const socket = listen(folder, path);
  if (socket !== undefined) {
    try {
      const pid = startDaemon({ ...given, address, debug, socket: path }, socket, params?.containerdTtrpcAddress ?? "");
      try {
        joinCgroup(readOptions(options).shimCgroup, pid);
        adjustOomScore(pid);
      } catch (error) {
        native.kill(pid, SIGKILL);
        throw error;
      }
    } catch (error) {
      native.unlink(AT_FDCWD, path);
      throw error;
    }
  }
  check(native.writeFile(AT_FDCWD, "address", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600, url), "write address");
  return answer(url, params !== undefined, process.env["MAX_SHIM_VERSION"]);
}

/**
 * The output that containerd reads: a message (2.3 and newer), JSON (1.7 to 2.2), or the address alone (1.6). Pure.
 * @param most the newest version of the task service that containerd understands, if it names one
 */
export function answer(address: string, isMessage: boolean, most: string | undefined): string | Uint8Array {
  if (isMessage) return writeBootstrapResult({ version: VERSION, address, protocol: "ttrpc" });
  const version = Math.min(Number(most ?? "0"), VERSION);
  return version >= OLD_VERSION ? JSON.stringify({ version, address, protocol: "ttrpc" }) : address;
}

/** The pod that config.json names, for the group of the shim. Pure. @throws CONFIG_INVALID */
export function groupOf(config: string): string | undefined {
  if (!GROUPS.some((name) => config.includes(name))) return undefined;
  let annotations: Readonly<Record<string, unknown>> | undefined;
  try {
    ({ annotations } = JSON.parse(config) as { annotations?: Readonly<Record<string, unknown>> });
  } catch (error) {
    throw new RuntimeError("CONFIG_INVALID", `config.json: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const name of GROUPS) {
    const value = annotations?.[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** A socket that listens; `undefined` where a shim listens there already. @throws SYSCALL */
function listen(folder: string, path: string): number | undefined {
  let socket = native.bindUnix(path, SOCKET_TYPE);
  if (socket === -Errno.ENOENT) {
    makeFolder(folder);
    socket = native.bindUnix(path, SOCKET_TYPE);
  }
  if (socket === -Errno.EADDRINUSE) {
    const connected = native.connectUnix(path, SOCKET_TYPE);
    if (connected >= 0 || connected === -Errno.EAGAIN) {
      if (connected >= 0) native.close(connected);
      return undefined;
    }
    // Its shim was killed.
    native.unlink(AT_FDCWD, path);
    socket = native.bindUnix(path, SOCKET_TYPE);
  }
  check(socket, `bind ${path}`, { path });
  check(native.chmod(AT_FDCWD, path, 0o600), `chmod ${path}`, { path });
  return socket;
}

function makeFolder(path: string): void {
  for (let end = path.indexOf("/", 1); ; end = path.indexOf("/", end + 1)) {
    const part = end < 0 ? path : path.slice(0, end);
    const made = native.mkdir(AT_FDCWD, part, end < 0 ? 0o700 : 0o711);
    if (made !== -Errno.EEXIST) check(made, `mkdir ${part}`, { path: part });
    if (end < 0) return;
  }
}

/** Starts the shim itself, which outlives this process. @returns its pid */
function startDaemon(given: ShimArguments, socket: number, ttrpcAddress: string): number {
  const { namespace, id, address, debug, socket: path } = given;
  const none = check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null");
  const words = ["-namespace", namespace, "-id", id, "-address", address, "-socket", path, ...(debug ? ["-debug"] : [])];
  const args = [SHIM_NAME, ...words];
  let env = callersEnvironment();
  if (ttrpcAddress !== "") env = [...env.filter((each) => !each.startsWith("TTRPC_ADDRESS=")), `TTRPC_ADDRESS=${ttrpcAddress}`];
  if ((process.env["SCHED_CORE"] ?? "") !== "") check(native.schedCore(0, true), "SCHED_CORE: prctl(PR_SCHED_CORE)");
  const fds = [none, none, none, socket];
  const spawned = native.spawn({ program: process.execPath, args, env, fds, setsid: true });
  const { pid, pidfd } = checkValue(spawned, "start the shim");
  native.close(pidfd);
  return pid;
}

/** The name of a shim, also in `ps`. */
export const SHIM_NAME = "containerd-shim-runt-v2";

/** Moves the shim into the cgroup of the option ShimCgroup. @throws SYSCALL */
function joinCgroup(path: string, pid: number): void {
  if (path === "") return;
  const { kind, hierarchies, unified } = cgroupLayout();
  for (const { mountpoint } of kind === "v2" && unified !== undefined ? [unified] : hierarchies) {
    const file = `${mountpoint}/${path.replace(/^\/+/, "")}/cgroup.procs`;
    const written = native.writeFile(AT_FDCWD, file, O_WRONLY | O_CLOEXEC, 0, String(pid));
    // On v1 the cgroup need not be in each hierarchy.
    if (written !== -Errno.ENOENT || kind === "v2") check(written, `ShimCgroup: write ${file}`, { path: file });
  }
}

/** The shim is ended for want of memory before containerd is. */
function adjustOomScore(pid: number): void {
  const parent = readProcStat(process.pid)?.parent ?? 0;
  const score = Number(readTextIfExists(`/proc/${parent}/oom_score_adj`) ?? "NaN");
  if (Number.isNaN(score)) return;
  native.writeFile(AT_FDCWD, `/proc/${pid}/oom_score_adj`, O_WRONLY | O_CLOEXEC, 0, String(Math.min(score + 1, OOM_SCORE_MAX)));
}
