// SPDX-License-Identifier: Apache-2.0
/**
 * `linux.netDevices`: devices of the host that are moved into the container's network namespace.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#network-devices
 */
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import { pointerStep } from "../../spec/json/pointer.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { LinuxNetDevice } from "../../spec/types.ts";
import { Errno } from "../../kernel/errno.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_RDONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import {
  addAddress,
  addRoute,
  linkAddresses,
  linkRoutes,
  links,
  moveLink,
  openNetlink,
  setLinkUp,
  type Link,
  type LinkAddress,
  type LinkRoute,
} from "../../sys/netlink.ts";

/** Devices that are in a container. */
export interface MovedDevices {
  /** Moves them back, for a container that cannot be made after all; does nothing after {@link MovedDevices.close}. */
  back(): void;
  /** Forgets them, and closes the container's namespace. */
  close(): void;
}

/** One device, and all data that is needed to move it back. */
interface Moved {
  readonly link: Link;
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly LinkRoute[];
  /** Its index in the container; `undefined` while it is on the host. */
  inside: number | undefined;
}

/**
 * Moves devices into the network namespace of a process, gives them back their permanent addresses of global scope, and
 * sets them up. If one cannot be moved, all are moved back to the host.
 *
 * @param pid a process of the container
 * @throws HOST_UNABLE, SYSCALL with the property of the device
 */
export function moveNetDevices(devices: Readonly<Record<string, LinuxNetDevice>>, pid: number): MovedDevices {
  if (process.geteuid?.() !== 0) {
    const text = "linux.netDevices: network devices are not supported for rootless containers";
    throw new RuntimeError("HOST_UNABLE", text, { pointer: "/linux/netDevices" });
  }
  const open = new Descriptors();
  const moved: Moved[] = [];
  const close = (): void => {
    moved.length = 0;
    open.close();
  };
  try {
    const ours = open.own(openNamespace("self"));
    const theirs = open.own(openNamespace(String(pid)));
    const outside = open.own(openNetlink());
    const inside = open.own(openNetlink(theirs));
    const back = (): void => {
      for (const device of moved.splice(0).reverse()) moveBack(device, outside, inside, ours);
      close();
    };
    try {
      moveAll(devices, { outside, inside, namespace: theirs }, moved);
    } catch (error) {
      back();
      throw error;
    }
    return { back, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openNamespace(pid: string): number {
  const path = `/proc/${pid}/ns/net`;
  return check(native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), `linux.netDevices: open ${path}`, { path });
}

interface Sockets {
  readonly outside: number;
  readonly inside: number;
  /** The container's network namespace. */
  readonly namespace: number;
}

function moveAll(devices: Readonly<Record<string, LinuxNetDevice>>, sockets: Sockets, moved: Moved[]): void {
  const there = links(sockets.outside);
  const taken = links(sockets.inside);
  const plan: [string, string, Moved][] = [];
  // All devices are checked first, so that none is taken down for a configuration that cannot work.
  for (const name of Object.keys(devices)) {
    const wanted = targetName(name, devices[name]);
    const link = there.find((each) => each.name === name);
    if (link === undefined) throw failure(name, `there is no network device ${name} on the host`, Errno.ENODEV);
    if (taken.some((each) => each.name === wanted)) {
      throw failure(name, `the container has a network device ${wanted} already`, Errno.EEXIST);
    }
    const addresses = linkAddresses(sockets.outside, link.index);
    const routes = linkRoutes(sockets.outside, link.index);
    plan.push([name, wanted, { link, addresses, routes, inside: undefined }]);
  }
  for (const [name, wanted, device] of plan) {
    moved.push(device);
    try {
      moveIn(device, wanted, sockets);
    } catch (error) {
      const { facts, message } = asRuntimeError(error);
      throw failure(name, message, facts.errno);
    }
  }
}

/** The name in the container. */
function targetName(name: string, device: LinuxNetDevice | undefined): string {
  const { name: wanted = "" } = device ?? {};
  return wanted === "" ? name : wanted;
}

function moveIn(device: Moved, wanted: string, { outside, inside, namespace }: Sockets): void {
  const { link } = device;
  const before = new Set(links(inside).map(({ index }) => index));
  const arrival = (isIt: (name: string) => boolean): Link | undefined =>
    links(inside).find(({ index, name }) => !before.has(index) && isIt(name));
  try {
    // The kernel takes the device down itself, once it is sure that it can move it: a device that stays keeps its routes.
    moveLink(outside, link.index, wanted, namespace);
  } catch (error) {
    // The kernel renames a device after it has moved it, so a name that it refuses leaves the device in the container.
    device.inside = arrival((name) => name === link.name)?.index;
    throw error;
  }
  // The device may have got another index there, and with %d the kernel has chosen its name.
  const arrived = arrival((name) => matches(name, wanted));
  if (arrived === undefined) {
    throw new RuntimeError("SYSCALL", `it has gone since it was moved as ${wanted}`, { errno: Errno.ENODEV });
  }
  device.inside = arrived.index;
  for (const address of device.addresses) {
    if (address.isPermanent) addAddress(inside, arrived.index, address);
  }
  setLinkUp(inside, arrived.index, true);
}

/** Whether `name` is `wanted`, or a name that the kernel makes from the `%d` in it. */
function matches(name: string, wanted: string): boolean {
  const at = wanted.indexOf("%d");
  if (at < 0) return name === wanted;
  const end = wanted.slice(at + 2);
  return name.startsWith(wanted.slice(0, at)) && name.endsWith(end);
}

/** Moves a device back to the host, and restores its addresses and routes; those that it has now are some of them. */
function moveBack(device: Moved, outside: number, inside: number, ours: number): void {
  if (device.inside === undefined) return;
  const { link, addresses, routes } = device;
  moveLink(inside, device.inside, link.name, ours);
  const home = links(outside).find(({ name }) => name === link.name);
  if (home === undefined) return;
  for (const address of addresses) unlessThere(() => addAddress(outside, home.index, address, true));
  if (!link.up) return;
  setLinkUp(outside, home.index, true);
  // A gateway may be reachable only by a route that comes later in the list, so the list is added twice.
  for (const route of [...routes, ...routes]) unlessThere(() => addRoute(outside, home.index, route));
}

function unlessThere(add: () => void): void {
  try {
    add();
  } catch (error) {
    const { errno } = asRuntimeError(error).facts;
    if (errno !== Errno.EEXIST && errno !== Errno.ENETUNREACH && errno !== Errno.EHOSTUNREACH) throw error;
  }
}

function failure(name: string, reason: string, errno: number | undefined): RuntimeError {
  const pointer = `/linux/netDevices${pointerStep(name)}`;
  const text = `${propertyName(pointer)}: ${reason}`;
  return new RuntimeError("SYSCALL", text, errno === undefined ? { pointer } : { pointer, errno });
}
