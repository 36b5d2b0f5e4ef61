// SPDX-License-Identifier: Apache-2.0
/** The program as a shim of containerd: `start`, `delete`, `-v`, `-info`, or the shim itself. */
import { asRuntimeError, RuntimeError } from "../errors.ts";
import { SIGKILL } from "../kernel/numbers.ts";
import { silentLog } from "../log.ts";
import { remove } from "../runtime/operations/delete.ts";
import { features } from "../runtime/operations/features.ts";
import { find, recordOf } from "../runtime/container/store.ts";
import type { ContainerRecord } from "../runtime/record.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { readShimArguments, type ShimArguments } from "./arguments.ts";
import { runDaemon } from "./daemon.ts";
import { timestamp } from "./events.ts";
import { unmountRoot } from "./mounts.ts";
import { keptOptions, markDeleted } from "./options.ts";
import { readAny, writeDeleteResponse, writeRuntimeInfo } from "./proto/messages.gen.ts";
import { readInput, SHIM_NAME, startShim } from "./start.ts";

const STDOUT = 1;
const STDERR = 2;
const RUNTIME = "io.containerd.runt.v2";
const FEATURES = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";

/** Whether the program was called by a name of a shim. */
export function isShim(title: string): boolean {
  return title.slice(title.lastIndexOf("/") + 1).startsWith("containerd-shim-");
}

/** Runs the command, and ends the process unless it is the shim itself. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    const given = readShimArguments(args);
    const isCommand = given.version || given.info || given.action !== "";
    if (!isCommand) return runDaemon(checked(given));
    writeAll(await output(given));
    process.exit(0);
  } catch (error) {
    native.write(STDERR, `${SHIM_NAME}: ${asRuntimeError(error).message}\n`);
    process.exit(1);
  }
}

function checked(given: ShimArguments): ShimArguments {
  if (given.namespace === "") throw new RuntimeError("USAGE", "shim namespace cannot be empty");
  return given;
}

async function output(given: ShimArguments): Promise<string | Uint8Array> {
  if (given.version) return versionText();
  if (given.info) return info();
  checked(given);
  if (given.action === "start") return startShim(given);
  if (given.action === "delete") return deleteContainer(given);
  throw new RuntimeError("USAGE", `unknown command ${given.action}: known are start and delete`);
}

function versionText(): string {
  const version = process.env["RUNT_VERSION"] ?? "unbuilt";
  const commit = process.env["RUNT_COMMIT"] ?? "";
  return `${SHIM_NAME}:\n  Version:  ${version}\n  Revision: ${commit}\n\n`;
}

function info(): Uint8Array {
  const input = readInput();
  return writeRuntimeInfo({
    name: RUNTIME,
    version: { version: process.env["RUNT_VERSION"] ?? "unbuilt", revision: process.env["RUNT_COMMIT"] ?? "" },
    ...(input.length > 0 && { options: readAny(input) }),
    features: { typeUrl: FEATURES, value: new TextEncoder().encode(JSON.stringify(features())) },
  });
}

/** Cleans up after a shim that is gone: the container with its processes and cgroups, and its root file system. */
async function deleteContainer({ id, namespace, bundle }: ShimArguments): Promise<Uint8Array> {
  const path = bundle !== "" ? bundle : siblingBundle(id);
  const { root, systemdCgroup } = keptOptions(path, namespace);
  // Before the look for the container: a shim that makes it at this moment looks for the mark after that.
  markDeleted(path);
  const record = recordIn(root, id);
  // Of another containerd with the same id: the create that this one cleans up after was refused.
  if (record !== undefined && !isSame(record.bundle, path)) return unmounted(path, 0);
  try {
    await remove({ root, log: silentLog, systemdCgroup, rootless: "auto" }, id, { force: true });
  } catch (error) {
    native.write(STDERR, `${SHIM_NAME}: delete ${id}: ${asRuntimeError(error).message}\n`);
  }
  return unmounted(path, record?.init_process_pid ?? 0);
}

function unmounted(bundle: string, pid: number): Uint8Array {
  unmountRoot(`${bundle}/rootfs`);
  return writeDeleteResponse({ pid, exitStatus: 128 + SIGKILL, exitedAt: timestamp(Date.now()) });
}

/** Whether two paths name the same directory; one that is gone is nobody's any more. */
function isSame(recorded: string, bundle: string): boolean {
  if (recorded === bundle) return true;
  const [one, other] = [recorded, bundle].map((path) => native.stat(AT_FDCWD, path, true));
  if (typeof one !== "object" || typeof other !== "object") return typeof one !== "object";
  return one.dev === other.dev && one.ino === other.ino;
}

/** The bundle of a container, from that of another one, which is the working directory. */
function siblingBundle(id: string): string {
  const own = process.cwd();
  return `${own.slice(0, own.lastIndexOf("/"))}/${id}`;
}

function recordIn(root: string, id: string): ContainerRecord | undefined {
  try {
    const entry = find(root, id);
    try {
      return recordOf(entry);
    } finally {
      entry.close();
    }
  } catch {
    return undefined;
  }
}

function writeAll(data: string | Uint8Array): void {
  for (let rest = typeof data === "string" ? new TextEncoder().encode(data) : data; rest.length > 0;) {
    const written = native.write(STDOUT, rest);
    if (written < 0) throw new RuntimeError("SYSCALL", "write standard output");
    rest = rest.subarray(written);
  }
}
