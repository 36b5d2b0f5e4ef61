/** `restore`: a container from the images of a checkpoint, by CRIU. */
import { openCgroup } from "../../cgroups/open.ts";
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { cgroupLayout } from "../../cgroups/place/layout.ts";
import { RuntimeError } from "../../errors.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { readNamespaces } from "../../plan/namespaces.ts";
import type { Config } from "../../spec/types.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, check, readText } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import type { Signals } from "../../sys/signals.ts";
import type { Bundle } from "../bundle.ts";
import { DESCRIPTORS } from "./checkpoint.ts";
import { connectConsole } from "../launch/console_socket.ts";
import { Criu, explained } from "./criu.ts";
import { CriuType, type CriuFields } from "./messages.ts";
import { externalMounts, NULL_MOUNT } from "./mounts.ts";
import { commonFields, openDirectories, warnIfRootless, type CriuOptions } from "./options.ts";
import { destroy } from "../container/destroy.ts";
import { hookState, runHooks } from "../host/hooks.ts";
import { closeTerminal, openTerminal, type HostTerminal } from "../host/host_terminal.ts";
import { firstRecord, openBundle } from "../launch/launch.ts";
import { makeMountPoints } from "./mount_points.ts";
import type { RuntimeContext } from "../options.ts";
import { processStartTime } from "../container/status.ts";
import { reserve, writePidFile, type Entry } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";
import { catchSignals, ConsoleRelay, supervise } from "../launch/supervise.ts";

/** Options of `restore`. */
export interface RestoreOptions extends CriuOptions {
  /** Absolute path of the bundle. */
  readonly bundle: string;
  readonly detach?: boolean;
  /** File that gets the pid of the container's first process: written aside and renamed, no newline. */
  readonly pidFile?: string;
  /** AF_UNIX socket that gets the master of the console. */
  readonly consoleSocket?: string;
  /** Do not become the reaper of orphaned descendants. Default false. */
  readonly noSubreaper?: boolean;
  /** `TYPE:NAME` of a profile of a security module, instead of the saved one. */
  readonly lsmProfile?: string;
  /** SELinux context for mounts, instead of the saved one. */
  readonly lsmMountContext?: string;
}

const PR_SET_CHILD_SUBREAPER = 36;
/** Where the descriptors begin that CRIU gets from us: 0, 1, 2 and its socket come before. */
const FIRST_FD = 4;
/** CRIU's names of the namespaces that it joins by a path. */
const JOINED: Readonly<Record<string, string>> = { mount: "mnt", ipc: "ipc", uts: "uts", user: "user", time: "time" };

/** A container that CRIU has brought back. */
interface Restored {
  readonly entry: Entry;
  readonly record: ContainerRecord;
  readonly pidfd: number;
  /** Master of its console, where nobody else has been given it. */
  readonly master: number | undefined;
}

/** What `create` does and CRIU does not, and nobody would miss until it is too late. @throws NOT_SUPPORTED */
function refuseUnrestored({ linux }: Config, { systemdCgroup, withoutCgroups }: RuntimeContext): void {
  if (withoutCgroups === true) {
    throw new RuntimeError("NOT_SUPPORTED", "--cgroup-manager disabled: restore cannot do this: CRIU puts processes into a cgroup");
  }
  if (systemdCgroup) {
    throw new RuntimeError("NOT_SUPPORTED", "--systemd-cgroup: restore cannot do this yet; leave the option out for cgroupfs");
  }
  // A network namespace that is there without the container has kept them.
  const keptDevices = (linux?.namespaces ?? []).some(({ type, path }) => type === "network" && path !== undefined && path !== "");
  const asked: readonly (readonly [string, boolean])[] = [
    ["netDevices", !keptDevices && Object.keys(linux?.netDevices ?? {}).length > 0],
    ["intelRdt", linux?.intelRdt !== undefined],
  ];
  for (const [name, isAsked] of asked) {
    if (!isAsked) continue;
    const text = `linux.${name}: restore cannot do this yet; take it out of config.json to restore without`;
    throw new RuntimeError("NOT_SUPPORTED", text, { pointer: `/linux/${name}` });
  }
}

/**
 * Brings a container back; unless detached, waits for its end and deletes it.
 * @returns the exit status of its process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws CONTAINER_EXISTS, CONFIG_INVALID, USAGE, HOST_UNABLE with CRIU's reason, HOOK_FAILED, CGROUP; nothing is left behind
 */
export async function restore(context: RuntimeContext, options: RestoreOptions): Promise<number> {
  warnIfRootless(context);
  const detach = options.detach === true;
  const bundle = openBundle(context, options);
  refuseUnrestored(bundle.config, context);
  const terminal = bundle.config.process?.terminal === true;
  const console = await connectConsole(terminal, detach, options);
  const host = terminal && !detach ? openTerminal() : undefined;
  if (!detach && options.noSubreaper !== true) native.prctl(PR_SET_CHILD_SUBREAPER, 1);
  const signals = detach ? undefined : catchSignals();
  try {
    const restored = await bringBack(context, options, bundle, console);
    try {
      return signals === undefined ? 0 : await follow(context, restored, signals, host);
    } finally {
      native.close(restored.pidfd);
      restored.entry.close();
    }
  } finally {
    if (console !== undefined) native.close(console);
    closeTerminal(host);
  }
}

async function follow(
  context: RuntimeContext,
  restored: Restored,
  signals: Signals,
  terminal: HostTerminal | undefined,
): Promise<number> {
  const { entry, record, pidfd, master } = restored;
  entry.unlock();
  const relay = master === undefined || terminal === undefined ? undefined : new ConsoleRelay(master, terminal);
  let status: number;
  try {
    status = supervise(record.init_process_pid, pidfd, signals, relay);
  } finally {
    relay?.close();
  }
  await destroy(context, entry, record);
  return status;
}

async function bringBack(
  context: RuntimeContext,
  options: RestoreOptions,
  bundle: Bundle,
  console: number | undefined,
): Promise<Restored> {
  const { config } = bundle;
  const { log } = context;
  const fds: number[] = [];
  const undo: (() => void)[] = [];
  let entry: Entry | undefined;
  try {
    const directories = openDirectories(options, false, "restore.log", fds);
    const common = commonFields(options, config, directories);
    const childFds: number[] = [];
    const namespaces = namespaceFields(config, childFds, fds);
    const inherited = [...namespaces.inherit_fd, ...inheritedPipes(options.imagePath)];

    const reserved = await reserve(context.root, options.id);
    entry = reserved;
    undo.push(() => reserved.remove());
    const cgroup = openCgroup(cgroupLayout(), config, options.id, log);
    let record = firstRecord(bundle, options, readNamespaces(config), cgroup);
    reserved.prepare(record);
    reserved.publish();
    reserved.writeFile("config.json", bundle.text);
    undo.push(() => cgroup.undo());
    cgroup.create();
    cgroup.limit(config.linux?.resources);
    const root = mountRoot(reserved, bundle.rootfs);
    undo.push(() => reserved.removeRestoreRoot());

    const criu = Criu.start(childFds);
    undo.push(() => cgroup.killAll(SIGKILL), () => criu.close());
    await makeMountPoints(bundle);
    joinCgroups(cgroup, criu.pid);
    const mounts: CriuFields[] = [];
    for (const { key, source } of externalMounts(config, bundle.path, bundle.rootfs, cgroup.paths)) {
      mounts.push({ key, val: source });
    }
    if ((config.linux?.maskedPaths ?? []).length > 0) mounts.push({ key: NULL_MOUNT.key, val: NULL_MOUNT.source });
    const opts: CriuFields = {
      ...common,
      root,
      evasive_devices: true,
      rst_sibling: true,
      ext_mnt: mounts,
      cg_root: cgroupRoots(criu.pid),
      inherit_fd: inherited,
      join_ns: namespaces.join_ns,
      lsm_profile: options.lsmProfile,
      lsm_mount_context: options.lsmMountContext,
    };
    let master: number | undefined;
    const notified = async (script: string, pid: number, received: readonly number[]): Promise<void> => {
      log.debug(`criu: ${script}`);
      const [fd] = received;
      if (script === "orphan-pts-master" && fd !== undefined) {
        if (console === undefined) {
          master = fd;
          fds.push(fd);
          return;
        }
        check(native.sendMessage(console, "orphan-pts-master", [fd]), "send the console to --console-socket");
      }
      for (const other of received) native.close(other);
      if (script === "setup-namespaces") await runtimeHooks(bundle, record, pid);
      if (script !== "post-restore") return;
      record = withProcess(record, pid);
      reserved.prepare(record);
      if (options.pidFile !== undefined) {
        const { pidFile } = options;
        writePidFile(pidFile, pid);
        undo.push(() => void native.unlink(AT_FDCWD, pidFile));
      }
      reserved.publish();
    };
    const what = `restore of ${options.id}`;
    try {
      await criu.request({ type: CriuType.RESTORE, opts }, what, notified);
    } catch (error) {
      throw explained(error, what, directories.log);
    }
    criu.close();
    reserved.removeRestoreRoot();
    const pidfd = check(native.pidfdOpen(record.init_process_pid), "pidfd_open of the restored process");
    // Only a descriptor that is not handed on is closed below.
    if (master !== undefined) fds.splice(fds.indexOf(master), 1);
    return { entry: reserved, record, pidfd, master };
  } catch (error) {
    for (let action = undo.pop(); action !== undefined; action = undo.pop()) {
      try {
        action();
      } catch (failed) {
        log.warn(`clean-up: ${failed instanceof Error ? failed.message : String(failed)}`);
      }
    }
    entry?.close();
    throw error;
  } finally {
    for (const fd of fds) native.close(fd);
  }
}

/** CRIU wants a root that is a mount point, and whose parent nothing covers. */
function mountRoot(entry: Entry, rootfs: string): string {
  const path = entry.makeRestoreRoot();
  const tree = native.openTree(rootfs, true, true);
  try {
    check(tree, `root.path: open_tree ${rootfs}`, { pointer: "/root/path", path: rootfs });
    check(native.mountSetattr(tree, true, 0, 0, K.MS_PRIVATE, -1), "root.path: mount_setattr", { path: rootfs });
    check(native.moveMount(tree, path), `root.path: move_mount ${path}`, { path });
    return path;
  } catch (error) {
    entry.removeRestoreRoot();
    throw error;
  } finally {
    if (tree >= 0) native.close(tree);
  }
}

/** CRIU is one thread now, so its one task is all of it; what it restores is born where it is. */
function joinCgroups(cgroup: Cgroup, pid: number): void {
  const fds = cgroup.joinFds();
  try {
    for (const fd of fds) check(native.write(fd, String(pid)), "linux.cgroupsPath: move criu into the cgroup");
  } finally {
    for (const fd of fds) native.close(fd);
  }
}

/** Where each controller's cgroup of the saved processes is now. */
function cgroupRoots(pid: number): CriuFields[] {
  const roots: CriuFields[] = [];
  for (const line of readText(`/proc/${pid}/cgroup`).split("\n")) {
    const [, controllers, ...rest] = line.split(":");
    if (controllers === undefined) continue;
    for (const ctrl of controllers.split(",")) roots.push({ ctrl, path: rest.join(":") });
  }
  return roots;
}

/** Namespaces that config.json gives paths of. */
function namespaceFields(config: Config, childFds: number[], fds: number[]) {
  const inherit: CriuFields[] = [];
  const join: CriuFields[] = [];
  for (const [index, { type, path }] of (config.linux?.namespaces ?? []).entries()) {
    if (path === undefined || path === "") continue;
    const pointer = `/linux/namespaces/${index}/path`;
    if (type === "network" || type === "pid") {
      const fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
      fds.push(check(fd, `linux.namespaces[${index}].path: open ${path}`, { pointer, path }));
      inherit.push({ key: type === "network" ? "extRootNetNS" : "extRootPidNS", fd: FIRST_FD + childFds.length });
      childFds.push(fd);
      continue;
    }
    const ns = JOINED[type];
    if (ns === undefined) {
      const text = `linux.namespaces[${index}]: CRIU cannot restore a container into a ${type} namespace that is there`;
      throw new RuntimeError("NOT_SUPPORTED", text, { pointer });
    }
    join.push({ ns, ns_file: path });
  }
  return { inherit_fd: inherit, join_ns: join };
}

/** What was a pipe of the caller of `create` becomes our own standard stream. */
function inheritedPipes(images: string): CriuFields[] {
  const path = `${images}/${DESCRIPTORS}`;
  let names: unknown;
  try {
    names = JSON.parse(readText(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError("STATE_DAMAGED", `--image-path: ${path}: ${why}`, { path }, error);
  }
  const pipes: CriuFields[] = [];
  for (const [fd, key] of (Array.isArray(names) ? names : []).entries()) {
    if (fd < 3 && typeof key === "string" && key.startsWith("pipe:")) pipes.push({ key, fd });
  }
  return pipes;
}

async function runtimeHooks({ config, path }: Bundle, record: ContainerRecord, pid: number): Promise<void> {
  const state = hookState(record, "creating", pid);
  await runHooks("prestart", config.hooks?.prestart, state, path, config.annotations);
  await runHooks("createRuntime", config.hooks?.createRuntime, state, path, config.annotations);
}

function withProcess(record: ContainerRecord, pid: number): ContainerRecord {
  const own = native.readlink(AT_FDCWD, `/proc/${pid}/ns/time`);
  return {
    ...record,
    created: new Date().toISOString(),
    init_process_pid: pid,
    init_process_start: processStartTime(pid),
    restored: { time_namespace: own !== native.readlink(AT_FDCWD, "/proc/self/ns/time") },
  };
}
