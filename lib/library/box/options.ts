// SPDX-License-Identifier: Apache-2.0
/** The options of a container without a bundle. */
import type { Hooks, LinuxResources, LinuxSeccomp, Mount, POSIXRlimit } from "../../spec/types.ts";
import type { Rootfs } from "../image/rootfs.ts";
import type { Size } from "./size.ts";

/** The limits of a container. A resource that is not named is not limited, but for `tmp`. */
export interface Limits {
  /** Memory of all processes and of the container's writable layer. */
  readonly memory?: Size;
  /** Memory and swap together. Default: as `memory`, so that there is no swap. */
  readonly memoryAndSwap?: Size;
  /** Processors: 0.5 is half of one. */
  readonly cpus?: number;
  /** Processes and threads. */
  readonly pids?: number;
  /** Open files of each process. Default 1024. */
  readonly files?: number;
  /** Size of /tmp. Default 64 MiB. */
  readonly tmp?: Size;
  /** Anything else of `linux.resources`. */
  readonly resources?: LinuxResources;
}

/** A directory or a file of the host in the container. */
export interface BindMount {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly destination: string;
  /** Default true. */
  readonly readonly?: boolean;
}

/** Users as `1000`, `"1000:1000"`, `"nobody"`, or by all their ids. */
export type User =
  | number
  | string
  | { readonly uid: number; readonly gid: number; readonly additionalGids?: readonly number[]; readonly umask?: number };

/** Variables; one that is `undefined` is left out. */
export type Environment = Readonly<Record<string, string | undefined>> | readonly string[];

/** A writable layer of the container's own over a root that all share. */
export interface Overlay {
  /** Most that it can hold; it is memory, and goes with the container. Default 256 MiB. */
  readonly size?: Size;
  /** An absolute path: the layer lies in that directory, in `upper`, and stays when the container has gone. */
  readonly directory?: string;
}

/** The options of a container without a bundle. The defaults are safe. */
export interface BoxOptions {
  /** Absolute or relative path of a directory with a root file system, or the result of {@link Rootfs.fromImage}. */
  readonly rootfs: string | Rootfs;
  /** The program and its arguments. Default: those of the image. */
  readonly args?: readonly string[];
  /** Added to `PATH` and to the image's environment. */
  readonly env?: Environment;
  /** Absolute path in the container. Default: that of the image, else `/`. */
  readonly cwd?: string;
  /** Default: that of the image, else root, which has no capabilities. */
  readonly user?: User;
  readonly limits?: Limits;
  /** Mounts beside the usual ones: directories of the host, or anything of config.json. */
  readonly mounts?: readonly (BindMount | Mount)[];
  /** `none`: a loopback device alone; `host`: the network of the host, with all that listens there. Default `none`. */
  readonly network?: "none" | "host";
  /** Nothing but /tmp, /dev and mounts can be written to. Default true without an overlay, false with one. */
  readonly readonly?: boolean;
  /** Default true for a {@link Rootfs}, false for a directory. */
  readonly overlay?: boolean | Overlay;
  /** Default: the id, up to 64 characters. */
  readonly hostname?: string;
  /** `default`: {@link defaultSeccomp}; `unconfined`: none; or a profile. Default `default`. */
  readonly seccomp?: "default" | "unconfined" | LinuxSeccomp;
  /** Names such as `CAP_NET_BIND_SERVICE`. Default: none. */
  readonly capabilities?: readonly string[];
  /** Default true. */
  readonly noNewPrivileges?: boolean;
  readonly rlimits?: readonly POSIXRlimit[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly hooks?: Hooks;
}
