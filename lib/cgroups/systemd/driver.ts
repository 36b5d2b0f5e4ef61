// SPDX-License-Identifier: Apache-2.0
/**
 * The systemd driver: systemd makes the cgroup of a scope, or a slice, and knows the limits; a driver for the host's cgroup
 * version does all the rest in it.
 */
import { RuntimeError } from "../../errors.ts";
import { readTextIfExists } from "../../sys/files.ts";
import { cgroupAt } from "../open.ts";
import { killsAbove, moreKillsAbove, type KillsAbove } from "../v2/oom_kills.ts";
import type { Cgroup, FreezerState, LimitOptions, SystemdUnit } from "../cgroup.ts";
import { isUnified } from "../place/path.ts";
import { resourceWrites } from "../v1/resources.ts";
import { unifiedWrites } from "../v2/resources.ts";
import { annotatedProperties } from "./annotations.ts";
import { deviceProperties } from "./devices.ts";
import { Manager } from "./manager.ts";
import { unitNames, unitPaths, type UnitNames } from "./names.ts";
import { enterSubgroup, subgroupOf, withSubgroup } from "./subgroup.ts";
import { limitProperties, oomPolicy, unitProperties } from "./properties.ts";
import type { Property } from "../../dbus/values.ts";
import type { CgroupLayout } from "../place/layout.ts";
import type { Write } from "../files/write.ts";
import type { Log } from "../../log.ts";
import type { Config, LinuxResources } from "../../spec/types.ts";

/**
 * The cgroup of a new container, as a unit of systemd. Nothing is made yet.
 *
 * @param user the user's own systemd instead of the system's
 * @throws RuntimeError `CONFIG_INVALID`, `HOST_UNABLE`
 */
export function openUnit(layout: CgroupLayout, config: Config, id: string, log: Log, user: boolean): Cgroup {
  refuseUserOnV1(layout, user);
  const names = unitNames(config.linux?.cgroupsPath, id, user);
  const annotated = annotatedProperties(config.annotations);
  // The system's own is at the root of every hierarchy.
  const managerCgroup = user ? withManager(true, (manager) => manager.property("ControlGroup")) : "";
  const paths = unitPaths(layout, names, managerCgroup);
  return new UnitCgroup({ layout, config, names, annotated, user, log }, paths, withSubgroup(paths, subgroupOf(config)));
}

function refuseUserOnV1(layout: CgroupLayout, user: boolean): void {
  if (!user || layout.kind === "v2") return;
  throw new RuntimeError("HOST_UNABLE", "--systemd-cgroup: cannot use rootless systemd cgroups manager on cgroup v1");
}

/** A unit as {@link openUnit} would start it. */
export interface PlannedUnit {
  readonly names: UnitNames;
  readonly paths: Readonly<Record<string, string>>;
  /** Each with the JSON Pointer of the property that asks for it. */
  readonly properties: readonly (Property & { readonly origin: string })[];
}

/**
 * The unit of a new container, without asking systemd anything: properties are those that a current systemd knows, and a
 * user's own is taken to be where logind puts it.
 *
 * @param uid of the user whose own systemd it would be; `undefined`: the system's
 * @throws RuntimeError `CONFIG_INVALID`, `HOST_UNABLE`
 */
export function planUnit(layout: CgroupLayout, config: Config, id: string, uid: number | undefined): PlannedUnit {
  refuseUserOnV1(layout, uid !== undefined);
  const names = unitNames(config.linux?.cgroupsPath, id, uid !== undefined);
  const annotated = annotatedProperties(config.annotations);
  const paths = unitPaths(layout, names, uid === undefined ? "" : `/user.slice/user-${uid}.slice/user@${uid}.service`);
  const resources = config.linux?.resources ?? {};
  const groups = startProperties({
    config,
    names,
    annotated,
    paths,
    resources,
    pid: 0,
    version: Infinity,
    note: () => undefined,
  });
  // The container's first process is not there yet.
  return { names, paths: withSubgroup(paths, subgroupOf(config)), properties: groups.filter(({ name }) => name !== "PIDs") };
}

interface StartFacts {
  readonly config: Config;
  readonly names: UnitNames;
  readonly annotated: readonly Property[];
  readonly paths: Readonly<Record<string, string>>;
  readonly resources: LinuxResources;
  readonly pid: number;
  /** The version of systemd. */
  readonly version: number;
  readonly note: (text: string) => void;
}

/** All properties with which a unit starts, each with its JSON Pointer. */
function startProperties(facts: StartFacts): (Property & { readonly origin: string })[] {
  const { config, names, annotated, paths, resources, pid, version, note } = facts;
  const devicePaths = (config.linux?.devices ?? []).map(({ path }) => path);
  const from = (origin: string, properties: readonly Property[]) => properties.map((property) => ({ ...property, origin }));
  return [
    ...from("/linux/cgroupsPath", unitProperties({ ...names, pid, isUnified: isUnified(paths) })),
    ...from("/linux/resources/devices", deviceProperties(resources.devices ?? [], devicePaths, version, note)),
    ...from("/linux/resources", limitProperties(limitWrites(paths, resources, false), version)),
    ...from("/linux/resources/unified", oomPolicy(resources.unified, version)),
    ...from("/annotations", annotated),
  ];
}

/**
 * Stops the unit of a container that has ended, or has to; systemd removes its cgroup then.
 * @throws RuntimeError `HOST_UNABLE`, `CGROUP`, `TIMEOUT`
 */
export function stopUnit(unit: SystemdUnit, log: Log): void {
  const result = withManager(unit.user, (manager) => manager.stop(unit.name));
  if (result !== undefined) log.warn(`error removing unit \`${unit.name}\`: got \`${result}\`. Continuing...`);
}

/**
 * Moves a process into the unit's cgroup, where the kernel does not let the runtime do that itself: from another session
 * of the user.
 * @param below path of a cgroup below the unit's; "" for itself
 * @throws RuntimeError `HOST_UNABLE`, `CGROUP`
 */
export function attachToUnit(unit: SystemdUnit, below: string, pid: number): void {
  withManager(unit.user, (manager) => manager.attach(unit.name, below, pid));
}

/**
 * Changes limits of a running container.
 * @param cgroup the container's
 * @param resources all its limits, those too that stay
 * @throws RuntimeError `HOST_UNABLE`, `CGROUP`, `CONFIG_INVALID`
 */
export function updateUnit(unit: SystemdUnit, cgroup: Cgroup, resources: LinuxResources): void {
  const writes = limitWrites(cgroup.paths, resources, true);
  // The kernel first: it takes all or nothing, and says why.
  cgroup.limit(resources, { update: true });
  withManager(unit.user, (manager) => {
    const properties = limitProperties(writes, manager.version());
    if (properties.length > 0) withoutRunning(cgroup, () => manager.set(unit.name, properties));
  });
  // systemd has no period without a quota, and writes the kernel's default over it.
  cgroup.limit(resources, { update: true });
}

/**
 * Sets a running unit's device rules.
 * @param afterwards runs while nothing of the container does, on cgroup v1
 * @throws RuntimeError `HOST_UNABLE`, `CGROUP`
 */
export function setUnitDevices(
  unit: SystemdUnit,
  cgroup: Cgroup,
  rules: NonNullable<LinuxResources["devices"]>,
  devicePaths: readonly string[],
  log: Log,
  afterwards: () => void,
): void {
  withManager(unit.user, (manager) => {
    const properties = deviceProperties(rules, devicePaths, manager.version(), (text) => log.debug(text));
    withoutRunning(cgroup, () => {
      manager.set(unit.name, properties);
      afterwards();
    });
  });
}

/** On cgroup v1 systemd denies all devices for a moment while it sets properties: nothing of the container sees it. */
function withoutRunning(cgroup: Cgroup, action: () => void): void {
  if (isUnified(cgroup.paths) || cgroup.paths["freezer"] === undefined || cgroup.freezerState() === "frozen") {
    action();
    return;
  }
  cgroup.freeze();
  try {
    action();
  } finally {
    cgroup.thaw();
  }
}

function withManager<Result>(user: boolean, action: (manager: Manager) => Result): Result {
  const manager = Manager.connect(user);
  try {
    return action(manager);
  } finally {
    manager.close();
  }
}

function limitWrites(paths: Readonly<Record<string, string>>, resources: LinuxResources, update: boolean): Write[] {
  const read = (directory: string | undefined, file: string): string | undefined =>
    directory === undefined || !update ? undefined : readTextIfExists(`${directory}/${file}`);
  if (isUnified(paths)) {
    return unifiedWrites(resources, { read: (file) => read(paths[""], file), update, ignored: () => undefined });
  }
  return resourceWrites(resources, { read: (controller, file) => read(paths[controller], file) }, update);
}

interface UnitOptions {
  readonly layout: CgroupLayout;
  readonly config: Config;
  readonly names: UnitNames;
  readonly annotated: readonly Property[];
  readonly user: boolean;
  readonly log: Log;
}

/** See {@link Cgroup}. The unit starts when the container's first process asks for its cgroup. */
class UnitCgroup implements Cgroup {
  readonly unit: SystemdUnit;
  readonly paths: Readonly<Record<string, string>>;
  readonly #options: UnitOptions;
  /** The cgroups of the unit: those of the container, or, with an annotation, those above them. */
  readonly #unitPaths: Readonly<Record<string, string>>;
  /** Makes the directories: as before any other driver, they must not be in use. systemd takes them over. */
  readonly #made: Cgroup;
  /** The directories as systemd has left them. */
  readonly #standing: Cgroup;
  #resources: LinuxResources | undefined;
  #isStarted = false;
  /** With a memory limit: the number of earlier OOM kills in and below each cgroup above. */
  #killsAbove: KillsAbove | undefined;

  constructor(options: UnitOptions, unitPaths: Readonly<Record<string, string>>, paths: Readonly<Record<string, string>>) {
    const { layout, config, log, user } = options;
    this.#options = options;
    this.#unitPaths = unitPaths;
    this.paths = paths;
    this.unit = { name: options.names.unit, user };
    const at = (where: Readonly<Record<string, string>>, isNew: boolean): Cgroup =>
      cgroupAt(layout, where, config, log, { isNew, rootless: user, mayLackRights: false });
    // On v2 the scope's directory can have no process while one below it has controllers, so that one is made later.
    this.#made = at(layout.kind === "v2" ? unitPaths : paths, true);
    this.#standing = at(paths, false);
  }

  /** systemd has to be given a process that is there. */
  cloneIntoFd(): undefined {
    return undefined;
  }

  cloneIntoRefused(): boolean {
    return false;
  }

  create(): void {
    this.#made.create();
  }

  limit(resources: LinuxResources | undefined, options: LimitOptions = {}): void {
    if (this.#isStarted) this.#standing.limit(resources, options);
    else this.#resources = resources;
  }

  register(pid: number): void {
    const { layout, config, names, annotated, user, log } = this.#options;
    const resources = this.#resources ?? {};
    withManager(user, (manager) => {
      const version = manager.version();
      const note = (text: string): void => log.debug(text);
      const properties = startProperties({ config, names, annotated, paths: this.#unitPaths, resources, pid, version, note });
      this.#isStarted = true;
      if (resources.memory?.limit !== undefined) this.#killsAbove = killsAbove(this.paths);
      manager.start(names.unit, properties);
      log.debug(`systemd ${version}: unit ${names.unit} started with ${properties.length} properties`);
    });
    const directory = this.paths[""];
    if (layout.kind === "v2" && directory !== undefined && directory !== this.#unitPaths[""]) {
      enterSubgroup(layout.unified?.mountpoint ?? "", directory, pid, config);
    }
    // systemd has written the limits that it manages; this writes all limits, also those that systemd does not know.
    this.#standing.limit(resources);
  }

  joinFds(below?: Readonly<Record<string, string>>): number[] {
    return this.#standing.joinFds(below);
  }

  processes(): number[] {
    return this.#standing.processes();
  }

  freezerState(): FreezerState {
    return this.#standing.freezerState();
  }

  freeze(): void {
    this.#standing.freeze();
  }

  thaw(): void {
    this.#standing.thaw();
  }

  thawKilled(): void {
    this.#standing.thawKilled();
  }

  oomKills(): number {
    return this.#standing.oomKills();
  }

  oomKillsAround(): number {
    return this.#killsAbove === undefined ? 0 : moreKillsAbove(this.#killsAbove, this.paths);
  }

  killAll(signal: number): void {
    if (this.#isStarted) this.#standing.killAll(signal);
    else this.#made.killAll(signal);
  }

  remove(): void {
    this.#stop();
    if (this.#isStarted) this.#standing.remove();
    else this.#made.remove();
  }

  undo(): void {
    this.#stop();
    this.#made.undo();
  }

  #stop(): void {
    if (!this.#isStarted) return;
    try {
      stopUnit(this.unit, this.#options.log);
    } catch (error) {
      this.#options.log.warn(error instanceof Error ? error.message : String(error));
    }
  }
}
