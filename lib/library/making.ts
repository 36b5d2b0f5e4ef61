// SPDX-License-Identifier: Apache-2.0
/** Turns the options of a container into the runtime's input. */
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { RuntimeError } from "../errors.ts";
import { silentLog } from "../log.ts";
import type { BundlePaths } from "../runtime/operations/plan_bundle.ts";
import { isUnifiedAlone } from "../cgroups/place/layout.ts";
import type { CreateOptions, RecordingOptions, RuntimeContext } from "../runtime/options.ts";
import { boxConfig } from "./box/config.ts";
import type { BoxOptions } from "./box/options.ts";
import { expect, type Kind, show } from "./options/kinds.ts";
import { resourcesOf } from "./options/resources.ts";
import { ANY_OPTIONS, MAKE } from "./options/shapes.ts";
import type {
  BufferedOptions,
  BundleOptions,
  CommonOptions,
  ConfigOptions,
  ContainerOptions,
  RuntimeOptions,
} from "./options/types.ts";
import type { StdioOptions, TerminalChoice } from "./stdio.ts";
import type { GivenConfig } from "./work/launching.ts";

/** Everything that a container is made of. */
export interface Making {
  readonly context: RuntimeContext;
  readonly id: string;
  readonly stdio: StdioOptions;
  readonly signal: AbortSignal | undefined;
  readonly timeout: number | undefined;
  readonly bundle: BundlePaths & { readonly given?: GivenConfig };
  readonly create: Omit<CreateOptions, "id"> & { readonly given?: GivenConfig };
}

type Source = "bundle" | "config" | "rootfs";

/** `options`, once they are known to be some. @throws USAGE */
export function judged<Options>(where: string, options: Options, kind: Kind): Options {
  expect(where, options, kind);
  return options;
}

/** @throws USAGE */
export function makingOf(where: string, options: ContainerOptions | BufferedOptions): Making {
  expect(where, options, ANY_OPTIONS);
  const source = sourceOf(where, options);
  expect(where, options, MAKE[source]);
  if (where === "run") refuseUnbuffered(options);
  else if (isBuffered(options)) throw new RuntimeError("USAGE", `${where}: buffer: run() alone waits for the outputs`);
  const context = contextOf(options);
  const id = options.id ?? `runt-${randomUUID()}`;
  const {
    stdio,
    terminal = false,
    signal,
    timeout,
    pidFile,
    pidfdSocket,
    noPivot,
    noNewKeyring,
    recordSeccomp,
  } = options as CommonOptions;
  // The result of a buffered call is for this program alone.
  const { keepExit = !isBuffered(options) } = options as CommonOptions;
  const input = (options as BufferedOptions).input;
  const usual = isBuffered(options) && input === undefined && terminal === false ? (["ignore", "pipe", "pipe"] as const) : "pipe";
  if (isBuffered(options) && stdio !== undefined)
    throw new RuntimeError("USAGE", `${where}: stdio: "buffer: true" reads the outputs; input goes into "input"`);
  const bundle = bundleOf(where, source, options, context.root, id, terminal);
  return {
    context,
    id,
    stdio: { stdio: stdio ?? usual, terminal },
    signal,
    timeout,
    bundle,
    create: {
      ...bundle,
      keepExit,
      ...(pidFile === undefined ? {} : { pidFile: resolve(pidFile) }),
      ...(pidfdSocket === undefined ? {} : { pidfdSocket: resolve(pidfdSocket) }),
      ...(noPivot === undefined ? {} : { noPivot }),
      ...(noNewKeyring === undefined ? {} : { noNewKeyring }),
      ...(recordSeccomp === undefined ? {} : { recordSeccomp: recordingOf(recordSeccomp) }),
    },
  };
}

/** @throws USAGE for an option that nothing would look at */
function refuseUnbuffered(options: ContainerOptions | BufferedOptions): void {
  if (isBuffered(options)) return;
  for (const [name, instead] of [
    ["input", "stdin"],
    ["maxBuffer", "stdout and stderr"],
    ["reject", "wait()"],
  ] as const) {
    if ((options as Partial<BufferedOptions>)[name] === undefined) continue;
    throw new RuntimeError("USAGE", `run: ${name}: it goes with "buffer: true"; without that there is ${instead}`);
  }
}

function recordingOf(wanted: string | RecordingOptions): RecordingOptions {
  const options = typeof wanted === "string" ? { file: wanted } : wanted;
  return { ...options, file: resolve(options.file) };
}

export function isBuffered(options: ContainerOptions | BufferedOptions): options is BufferedOptions {
  return (options as BufferedOptions).buffer === true;
}

/** The source of a container: one of three. @throws USAGE */
function sourceOf(where: string, options: ContainerOptions): Source {
  if (options.rootfs !== undefined) {
    for (const other of ["bundle", "config"] as const) {
      if (options[other] !== undefined)
        throw new RuntimeError(
          "USAGE",
          `${where}: "rootfs" and ${show(other)} do not go together: a bundle, or a config, has its own root`,
        );
    }
    return "rootfs";
  }
  if (options.config !== undefined) return "config";
  if (options.bundle !== undefined) return "bundle";
  const text =
    "it is not said what the container is made of: { rootfs, args } for a directory or an image, " +
    "{ bundle } for a directory with config.json, or { config }";
  throw new RuntimeError("USAGE", `${where}: ${text}`);
}

function bundleOf(
  where: string,
  source: Source,
  options: ContainerOptions,
  root: string,
  id: string,
  terminal: TerminalChoice,
): BundlePaths & { readonly given?: GivenConfig } {
  if (source === "rootfs") {
    const { limits, ...rest } = options as BoxOptions;
    const resources =
      limits?.resources === undefined ? {} : { resources: resourcesOf(`${where}: limits.resources`, limits.resources) };
    const all = limits === undefined ? rest : { ...rest, limits: { ...limits, ...resources } };
    const { bundle, ...given } = inPlace(where, () =>
      boxConfig(all, { id, root, cgroup2: isUnifiedAlone(), rootless: unprivileged(), terminal }),
    );
    return { bundle, given };
  }
  if (source === "bundle") {
    const { bundle, configFile } = options as BundleOptions;
    return { bundle: resolve(bundle), ...(configFile === undefined ? {} : { configFile: resolve(configFile) }) };
  }
  const { config, bundle } = options as ConfigOptions;
  const path = config.root?.path;
  if (bundle === undefined && (typeof path !== "string" || !path.startsWith("/"))) {
    throw new RuntimeError("USAGE", `${where}: config: root.path ${show(path)}: without "bundle" it must be an absolute path`);
  }
  return { bundle: resolve(bundle ?? path ?? "/"), given: { config } };
}

/** The ids of a user without privileges: his containers have a user namespace. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  const uid = process.geteuid?.() ?? 0;
  return uid === 0 ? undefined : { uid, gid: process.getegid?.() ?? 0 };
}

/** Puts `where` in front of errors that are found while a config is made, too. */
function inPlace<Result>(where: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    throw error instanceof RuntimeError ? error.prefixed(`${where}: `) : error;
  }
}

export function contextOf(options: RuntimeOptions): RuntimeContext {
  const { root = "/run/runt", log = silentLog, systemdCgroup = false, rootless = "auto" } = options;
  return { root: resolve(root), log, systemdCgroup, rootless };
}
