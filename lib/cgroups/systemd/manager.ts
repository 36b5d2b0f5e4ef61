// SPDX-License-Identifier: Apache-2.0
/** Talks to systemd, the system's or a user's. Every call blocks, for a limited time. */
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import { exists } from "../../sys/files.ts";
import { systemSockets, userSockets } from "../../dbus/address.ts";
import { Bus, BusError } from "../../dbus/bus.ts";
import type { BusValue, Property } from "../../dbus/values.ts";

const SYSTEMD = "org.freedesktop.systemd1";

const PATH = "/org/freedesktop/systemd1";
const MANAGER = "org.freedesktop.systemd1.Manager";
const PROPERTIES = "org.freedesktop.DBus.Properties";
const UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists";
const NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit";
/** The time that a unit has to start or to stop; milliseconds. */
const JOB_PATIENCE = 30_000;
/** systemd's own socket, for root on a host without a system bus. */
const PRIVATE = "/run/systemd/private";
const JOBS = `type='signal',sender='${SYSTEMD}',path='${PATH}',interface='${MANAGER}',member='JobRemoved'`;

/** A connection to one systemd. */
export class Manager {
  readonly #bus: Bus;
  /** There is a bus between, and systemd has to be named. */
  readonly #isBus: boolean;
  #version: number | undefined;

  private constructor(bus: Bus, isBus: boolean) {
    this.#bus = bus;
    this.#isBus = isBus;
  }

  /**
   * @param user the user's own systemd instead of the system's
   * @throws RuntimeError HOST_UNABLE
   */
  static connect(user: boolean): Manager {
    if (!exists("/run/systemd/system")) {
      const text = "--systemd-cgroup: systemd not running on this host, cannot use systemd cgroups manager";
      throw new RuntimeError("HOST_UNABLE", `${text}: there is no /run/systemd/system; leave the option out for cgroupfs`);
    }
    const { env } = process;
    const variables = {
      DBUS_SESSION_BUS_ADDRESS: env["DBUS_SESSION_BUS_ADDRESS"],
      DBUS_SYSTEM_BUS_ADDRESS: env["DBUS_SYSTEM_BUS_ADDRESS"],
      XDG_RUNTIME_DIR: env["XDG_RUNTIME_DIR"],
    };
    const failed: string[] = [];
    for (const path of user ? userSockets(variables, exists) : [...systemSockets(variables), PRIVATE]) {
      const isBus = path !== PRIVATE;
      try {
        return new Manager(Bus.connect(path, isBus, JOBS), isBus);
      } catch (error) {
        failed.push(asRuntimeError(error).message);
      }
    }
    const whose = user ? "this user's" : "the system's";
    throw new RuntimeError(
      "HOST_UNABLE",
      `--systemd-cgroup: failed to connect to the D-Bus of ${whose} systemd: ${failed.join("; ")}`,
    );
  }

  close(): void {
    this.#bus.close();
  }

  /** Such as 252; 0 if systemd does not say it. @throws RuntimeError CGROUP */
  version(): number {
    this.#version ??= versionOf(this.property("Version"));
    return this.#version;
  }

  /** A property of systemd itself that is a text, such as `ControlGroup`. @throws RuntimeError CGROUP */
  property(name: string): string {
    return this.#call(`get its property ${name}`, PROPERTIES, "Get", "ss", [MANAGER, name]);
  }

  /**
   * Starts a unit that lives no longer than its processes, and waits until it has started. A failed unit of the same name is
   * reset before.
   * @throws RuntimeError CGROUP, TIMEOUT
   */
  start(unit: string, properties: readonly Property[]): void {
    // Without a subscriber systemd sends no signals about its jobs.
    this.#call("subscribe to its signals", MANAGER, "Subscribe", "", []);
    const values = [unit, "replace", variants(properties), []];
    const start = (): string => this.#call(`start the unit ${unit}`, MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", values);
    let job: string;
    try {
      job = start();
    } catch (error) {
      if (!isRefusal(error, UNIT_EXISTS)) throw error;
      this.resetFailed(unit);
      job = start();
    }
    const result = this.#await(job, `start of the unit ${unit}`);
    if (result === "done") return;
    this.resetFailed(unit);
    throw new RuntimeError("CGROUP", `linux.cgroupsPath: error creating systemd unit \`${unit}\`: got \`${result}\``, {
      pointer: "/linux/cgroupsPath",
    });
  }

  /**
   * Stops a unit and forgets that it has failed; one that is gone is no error.
   * @returns the result, if it is not that it has stopped
   * @throws RuntimeError CGROUP, TIMEOUT
   */
  stop(unit: string): string | undefined {
    this.#call("subscribe to its signals", MANAGER, "Subscribe", "", []);
    try {
      const job = this.#call(`stop the unit ${unit}`, MANAGER, "StopUnit", "ss", [unit, "replace"]);
      const result = this.#await(job, `end of the unit ${unit}`);
      return result === "done" ? undefined : result;
    } catch (error) {
      if (isRefusal(error, NO_SUCH_UNIT)) return undefined;
      throw error;
    } finally {
      this.resetFailed(unit);
    }
  }

  /** Resets the failed state of a unit, so that systemd removes it; an error of systemd is ignored. */
  resetFailed(unit: string): void {
    try {
      this.#call(`reset the unit ${unit}`, MANAGER, "ResetFailedUnit", "s", [unit]);
    } catch (error) {
      if (!(error instanceof RuntimeError) || !(error.cause instanceof BusError)) throw error;
    }
  }

  /** Changes properties of a unit until it ends. @throws RuntimeError CGROUP */
  set(unit: string, properties: readonly Property[]): void {
    this.#call(`set properties of the unit ${unit}`, MANAGER, "SetUnitProperties", "sba(sv)", [unit, true, variants(properties)]);
  }

  /**
   * Moves a process into a unit's cgroup.
   * @param below path of a cgroup below that; "" for itself
   * @throws RuntimeError CGROUP
   */
  attach(unit: string, below: string, pid: number): void {
    const values = [unit, `/${below}`, [pid]];
    this.#call(`attach the process ${pid} to the unit ${unit}`, MANAGER, "AttachProcessesToUnit", "ssau", values);
  }

  /** @returns the text that the answer begins with, "" if it is none */
  #call(what: string, interfaceName: string, member: string, signature: string, values: readonly BusValue[]): string {
    const destination = this.#isBus ? { destination: SYSTEMD } : {};
    try {
      const [first] = this.#bus.call({ ...destination, path: PATH, interfaceName, member, signature, values });
      const value = Array.isArray(first) ? (first as readonly BusValue[])[1] : first;
      return typeof value === "string" ? value : "";
    } catch (error) {
      const { code, message, facts } = asRuntimeError(error);
      throw new RuntimeError(code, `unable to ${what}: systemd: ${message}`, facts, error);
    }
  }

  #await(job: string, what: string): string {
    const isEnd = ({ member, values }: { readonly member: string; readonly values: readonly BusValue[] }): boolean =>
      member === "JobRemoved" && values[1] === job;
    try {
      return String(this.#bus.signal(isEnd, JOB_PATIENCE).values[3]);
    } catch (error) {
      const { code, message, facts } = asRuntimeError(error);
      const text = code === "TIMEOUT" ? `it has taken more than ${JOB_PATIENCE / 1000} s` : message;
      throw new RuntimeError(code, `waiting for the ${what}: ${text}`, facts, error);
    }
  }
}

/** The number in a version such as `252.39-1~deb12u1`; 0 if there is none. */
export function versionOf(version: string): number {
  return Number(/^v?([0-9]+)/.exec(version)?.[1] ?? 0);
}

function variants(properties: readonly Property[]): BusValue {
  return properties.map(({ name, signature, value }) => [name, [signature, value]]);
}

function isRefusal(error: unknown, name: string): boolean {
  return error instanceof RuntimeError && error.cause instanceof BusError && error.cause.errorName === name;
}
