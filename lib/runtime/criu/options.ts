// SPDX-License-Identifier: Apache-2.0
/** The common part of `checkpoint` and `restore`: their options, and the fields of a request that come from them. */
import { CRIU_CONFIG } from "../../spec/annotations.ts";
import type { Config } from "../../spec/types.ts";
import { Errno } from "../../kernel/errno.ts";
import type { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, check, exists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { programName } from "../../sys/program_name.ts";
import { CRIU_CGROUP_MODES, type CriuFields } from "./messages.ts";
import type { RuntimeContext } from "../options.ts";
import { mayLackCgroups } from "../host/rootless.ts";

/** Options of both; the flags of the same names. Paths are absolute. */
export interface CriuOptions {
  readonly id: string;
  /** Directory with CRIU's images. */
  readonly imagePath: string;
  /** Directory of CRIU's log and of its temporary files. Default: the images' one. */
  readonly workPath?: string;
  /** Path of CRIU's program. Default: the first one in PATH. */
  readonly criuPath?: string;
  readonly tcpEstablished?: boolean;
  readonly extUnixSk?: boolean;
  readonly shellJob?: boolean;
  readonly lazyPages?: boolean;
  readonly fileLocks?: boolean;
  readonly autoDedup?: boolean;
  /** Default: CRIU's own. */
  readonly manageCgroupsMode?: keyof typeof CRIU_CGROUP_MODES;
  /** Namespaces that come back without their properties: `network` is the only one, and always among them. */
  readonly emptyNs?: readonly "network"[];
}

/** Network devices are not the runtime's: CRIU makes an empty namespace, and hooks fill it. */
const EMPTY_NAMESPACES = 0x40000000;
/** Files with CRIU's settings for containers: runt's, or runc's where runt's is missing. */
const CONFIG_FILES = ["/etc/criu/runt.conf", "/etc/criu/runc.conf"];
/** CRIU logs up to debugging messages, because only the log explains a failure. */
const LOG_LEVEL = 4;

/** Opened directories, and the path of the log. */
export interface CriuDirectories {
  readonly images: number;
  readonly work: number | undefined;
  readonly log: string;
}

/**
 * Opens the directories, and makes the work directory.
 * @param descriptors owns them
 * @param make the image directory is made where it is missing
 * @throws SYSCALL
 */
export function openDirectories(options: CriuOptions, make: boolean, logFile: string, descriptors: Descriptors): CriuDirectories {
  if (make) makeDirectories(options.imagePath);
  const images = openDirectory("--image-path", options.imagePath, descriptors);
  const { workPath } = options;
  if (workPath === undefined) return { images, work: undefined, log: `${options.imagePath}/${logFile}` };
  makeDirectories(workPath);
  return { images, work: openDirectory("--work-path", workPath, descriptors), log: `${workPath}/${logFile}` };
}

function openDirectory(flag: string, path: string, descriptors: Descriptors): number {
  const fd = native.open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  return descriptors.own(check(fd, `${flag}: open ${path}`, { path }));
}

function makeDirectories(path: string): void {
  for (let end = path.indexOf("/", 1); ; end = path.indexOf("/", end + 1)) {
    const part = end < 0 ? path : path.slice(0, end);
    const made = native.mkdir(AT_FDCWD, part, 0o700);
    if (made !== -Errno.EEXIST) check(made, `mkdir ${part}`, { path: part });
    if (end < 0) return;
  }
}

/** The fields that a dump and a restore have in common. */
export function commonFields(options: CriuOptions, config: Config, directories: CriuDirectories): CriuFields {
  // CRIU opens the directories through the /proc of its caller: the numbers are this process's, and no descriptor is passed.
  return {
    images_dir_fd: directories.images,
    work_dir_fd: directories.work,
    log_level: LOG_LEVEL,
    log_file: directories.log.slice(directories.log.lastIndexOf("/") + 1),
    manage_cgroups: true,
    manage_cgroups_mode: CRIU_CGROUP_MODES[options.manageCgroupsMode ?? "default"],
    notify_scripts: true,
    shell_job: options.shellJob ?? false,
    ext_unix_sk: options.extUnixSk ?? false,
    tcp_established: options.tcpEstablished ?? false,
    file_locks: options.fileLocks ?? false,
    empty_ns: EMPTY_NAMESPACES,
    orphan_pts_master: true,
    auto_dedup: options.autoDedup ?? false,
    lazy_pages: options.lazyPages ?? false,
    config_file: configFile(config),
  };
}

/** The file of CRIU's settings for this container; they take precedence over the options. */
function configFile(config: Config): string | undefined {
  const named = config.annotations?.[CRIU_CONFIG];
  if (named !== undefined) return named === "" ? undefined : named;
  return CONFIG_FILES.find((path) => exists(path));
}

/** Warns as runc does. */
export function warnIfRootless(context: RuntimeContext): void {
  if (mayLackCgroups(context)) context.log.warn(`${programName()} checkpoint is untested with rootless containers`);
}
