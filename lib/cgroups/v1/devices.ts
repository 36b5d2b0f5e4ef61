// SPDX-License-Identifier: Apache-2.0
/**
 * The devices controller of cgroup v1: from `linux.resources.devices` to the fewest writes of devices.allow
 * and devices.deny. Pure.
 *
 * The kernel keeps a default (allow or deny everything) and exceptions from it, and takes one rule a write.
 * Its treatment of rules that overlap differs silently from applying them in order. So the rules are applied
 * to a model first, and the kernel gets only the difference between its present state and the model.
 */

import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Write } from "../files/write.ts";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";

/** One exception from the default. */
export interface DeviceException {
  readonly type: "b" | "c";
  /** Decimal, or `*`. */
  readonly major: string;
  readonly minor: string;
  /** {@link READ}, {@link WRITE}, {@link MKNOD}; never 0. */
  readonly access: number;
  /** Property that it comes from. */
  readonly pointer: string;
}

/** State of a devices cgroup. `exceptions` has the keys `c 1:3`, in the order in which they were added. */
export interface DeviceFilter {
  defaultAllow: boolean;
  readonly exceptions: Map<string, DeviceException>;
}

export const READ = 1;
export const WRITE = 2;
export const MKNOD = 4;
const ACCESS_TEXT = ["", "r", "w", "rw", "m", "rm", "wm", "rwm"];

const POINTER = "/linux/resources/devices";

/**
 * The rules that runc adds after those of every config: the path in the container (a device of the config with the
 * same path takes its place), type, numbers, access.
 */
export const ALWAYS_ALLOWED: readonly (readonly [string, "b" | "c", string, string, number])[] = [
  ["", "c", "*", "*", MKNOD],
  ["", "b", "*", "*", MKNOD],
  ["/dev/null", "c", "1", "3", READ | WRITE | MKNOD],
  ["/dev/random", "c", "1", "8", READ | WRITE | MKNOD],
  ["/dev/full", "c", "1", "7", READ | WRITE | MKNOD],
  ["/dev/tty", "c", "5", "0", READ | WRITE | MKNOD],
  ["/dev/zero", "c", "1", "5", READ | WRITE | MKNOD],
  ["/dev/urandom", "c", "1", "9", READ | WRITE | MKNOD],
  ["", "c", "136", "*", READ | WRITE | MKNOD],
  ["", "c", "5", "2", READ | WRITE | MKNOD],
  ["", "c", "10", "200", READ | WRITE | MKNOD],
];

/**
 * The filter that a container gets: nothing, then the config's rules in order, then {@link ALWAYS_ALLOWED}.
 *
 * @param devicePaths `path` of each entry of `linux.devices`
 * @throws RuntimeError `CONFIG_INVALID` for a rule without access, `HOST_UNABLE` for one that cgroup v1 cannot
 *   express (an exception from an exception)
 */
export function wantedFilter(rules: readonly LinuxDeviceCgroup[], devicePaths: readonly string[]): DeviceFilter {
  const filter = new IndexedFilter();
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index] as LinuxDeviceCgroup;
    const pointer = `${POINTER}/${index}`;
    if (rule.type === undefined || rule.type === "" || rule.type === "a") {
      // The kernel ignores numbers and access of such a rule: it replaces everything before it.
      filter.replace(rule.allow);
      continue;
    }
    filter.apply(rule.allow, {
      type: rule.type,
      major: numberText(rule.major),
      minor: numberText(rule.minor),
      access: accessBits(rule.access, pointer),
      pointer,
    });
  }
  for (const [path, type, major, minor, access] of ALWAYS_ALLOWED) {
    if (path !== "" && devicePaths.includes(path)) continue;
    filter.apply(true, { type, major, minor, access, pointer: POINTER });
  }
  return filter;
}

/**
 * The filter that devices.list tells of.
 *
 * The file lists the allowed devices. If all are allowed, exceptions that deny are not shown: the caller
 * must not take such a filter for the whole truth.
 */
export function parseDevicesList(text: string): DeviceFilter {
  const filter: DeviceFilter = { defaultAllow: false, exceptions: new Map() };
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [type, numbers, access] = line.split(" ");
    const [major, minor] = (numbers ?? "").split(":");
    if (type === "a") {
      filter.defaultAllow = true;
      filter.exceptions.clear();
    } else if ((type === "b" || type === "c") && major !== undefined && minor !== undefined) {
      addException(filter, { type, major, minor, access: accessBits(access, POINTER), pointer: POINTER });
    } else {
      throw new RuntimeError("CGROUP", `devices.list: a line of an unknown form: ${JSON.stringify(line)}`);
    }
  }
  return filter;
}

/**
 * The writes for the difference of two filters with one default, whatever else is in force: in a filter that allows by default
 * the kernel does not tell its exceptions.
 */
export function filterChanges(before: DeviceFilter, after: DeviceFilter): Write[] {
  const writes: Write[] = [];
  for (const [key, exception] of before.exceptions) {
    const gone = exception.access & ~(after.exceptions.get(key)?.access ?? 0);
    if (gone !== 0) writes.push(deviceWrite(before.defaultAllow, `${key} ${ACCESS_TEXT[gone]}`, exception.pointer));
  }
  for (const [key, exception] of after.exceptions) {
    const added = exception.access & ~(before.exceptions.get(key)?.access ?? 0);
    if (added !== 0) writes.push(deviceWrite(!after.defaultAllow, `${key} ${ACCESS_TEXT[added]}`, exception.pointer));
  }
  return writes;
}

/** The writes that turn one filter into another; none where they are the same and that is certain. */
export function deviceWrites(current: DeviceFilter, target: DeviceFilter): Write[] {
  const writes: Write[] = [];
  const isStart = current.defaultAllow || current.defaultAllow !== target.defaultAllow;
  const old = isStart ? new Map<string, DeviceException>() : current.exceptions;
  if (isStart) writes.push(deviceWrite(target.defaultAllow, "a", POINTER));
  for (const [key, exception] of old) {
    const dropped = exception.access & ~(target.exceptions.get(key)?.access ?? 0);
    if (dropped === 0) continue;
    writes.push(deviceWrite(target.defaultAllow, `${key} ${ACCESS_TEXT[dropped]}`, exception.pointer));
  }
  for (const [key, exception] of target.exceptions) {
    const gained = exception.access & ~(old.get(key)?.access ?? 0);
    if (gained === 0) continue;
    writes.push(deviceWrite(!target.defaultAllow, `${key} ${ACCESS_TEXT[gained]}`, exception.pointer));
  }
  return writes;
}

/** devices.list as it must read once the filter is in force. */
export function devicesList(filter: DeviceFilter): string {
  if (filter.defaultAllow) return "a *:* rwm\n";
  let text = "";
  for (const [key, exception] of filter.exceptions) {
    text += `${key} ${ACCESS_TEXT[exception.access]}\n`;
  }
  return text;
}

/** Whether two filters allow the same, as far as devices.list can tell. */
export function sameFilter(one: DeviceFilter, other: DeviceFilter): boolean {
  if (one.defaultAllow !== other.defaultAllow) return false;
  if (one.defaultAllow) return true;
  if (one.exceptions.size !== other.exceptions.size) return false;
  for (const [key, exception] of one.exceptions) {
    if (other.exceptions.get(key)?.access !== exception.access) return false;
  }
  return true;
}

function deviceWrite(allow: boolean, value: string, pointer: string): Write {
  return { controller: "devices", file: allow ? "devices.allow" : "devices.deny", value, pointer };
}

/** A filter while rules are applied to it. It finds the exceptions that a rule covers without a look at every one. */
class IndexedFilter implements DeviceFilter {
  defaultAllow = false;
  readonly exceptions = new Map<string, DeviceException>();
  /** Keys of the exceptions by type and major number, and by type and minor number. */
  readonly #byMajor = new Map<string, Set<string>>();
  readonly #byMinor = new Map<string, Set<string>>();

  /** A rule for every device, which takes the place of all before it. */
  replace(allow: boolean): void {
    this.defaultAllow = allow;
    for (const map of [this.exceptions, this.#byMajor, this.#byMinor]) map.clear();
  }

  apply(allow: boolean, rule: DeviceException): void {
    if (allow === this.defaultAllow) return this.#remove(rule);
    const key = addException(this, rule);
    addKey(this.#byMajor, `${rule.type} ${rule.major}`, key);
    addKey(this.#byMinor, `${rule.type} ${rule.minor}`, key);
  }

  /** Takes the accesses of `rule` out of every exception that it covers. */
  #remove(rule: DeviceException): void {
    for (const key of this.#candidates(rule)) {
      const exception = this.exceptions.get(key);
      if (exception === undefined || exception.type !== rule.type || (exception.access & rule.access) === 0) continue;
      if (!overlaps(exception.major, rule.major) || !overlaps(exception.minor, rule.minor)) continue;
      if (!covers(rule.major, exception.major) || !covers(rule.minor, exception.minor)) {
        throw new RuntimeError(
          "HOST_UNABLE",
          `${propertyName(rule.pointer)}: the rule for ${rule.type} ${rule.major}:${rule.minor} is an exception from ` +
            `an earlier one for ${key}, which cgroup v1 cannot express`,
          { pointer: rule.pointer },
        );
      }
      const left = exception.access & ~rule.access;
      if (left === 0) this.#delete(key, exception);
      else this.exceptions.set(key, { ...exception, access: left });
    }
  }

  #delete(key: string, { type, major, minor }: DeviceException): void {
    this.exceptions.delete(key);
    this.#byMajor.get(`${type} ${major}`)?.delete(key);
    this.#byMinor.get(`${type} ${minor}`)?.delete(key);
  }

  /** Keys of exceptions that may have a device in common with `rule`; not all of them need exist. */
  #candidates({ type, major, minor }: DeviceException): readonly string[] {
    if (major !== "*" && minor !== "*") {
      return [`${type} ${major}:${minor}`, `${type} ${major}:*`, `${type} *:${minor}`, `${type} *:*`];
    }
    if (major === "*" && minor === "*") return [...this.exceptions.keys()];
    const [index, number] = minor === "*" ? [this.#byMajor, major] : [this.#byMinor, minor];
    return [...(index.get(`${type} ${number}`) ?? []), ...(index.get(`${type} *`) ?? [])];
  }
}

function addKey(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys === undefined) index.set(name, new Set([key]));
  else keys.add(key);
}

/** @returns the key */
function addException(filter: DeviceFilter, rule: DeviceException): string {
  const key = `${rule.type} ${rule.major}:${rule.minor}`;
  const present = filter.exceptions.get(key);
  filter.exceptions.set(key, present === undefined ? rule : { ...present, access: present.access | rule.access });
  return key;
}

function overlaps(one: string, other: string): boolean {
  return one === "*" || other === "*" || one === other;
}

function covers(wide: string, narrow: string): boolean {
  return wide === "*" || wide === narrow;
}

function numberText(value: number | bigint | undefined): string {
  return value === undefined || value < 0 ? "*" : String(value);
}

/** Letters of a rule as bits; others are ignored, as runc does, after a warning. @throws RuntimeError `CONFIG_INVALID` if none is left */
export function accessBits(text: string | undefined, pointer: string): number {
  let bits = 0;
  for (const letter of text ?? "") {
    if (letter === "r") bits |= READ;
    else if (letter === "w") bits |= WRITE;
    else if (letter === "m") bits |= MKNOD;
  }
  if (bits > 0) return bits;
  throw new RuntimeError(
    "CONFIG_INVALID",
    `${propertyName(pointer)}.access: ${JSON.stringify(text ?? "")} must be one or more of the letters r, w and m`,
    { pointer: `${pointer}/access` },
  );
}
