// SPDX-License-Identifier: Apache-2.0
/** Requests to the kernel's routing netlink: network devices, their addresses and routes. See rtnetlink(7). */
import { check, syscallError } from "./files.ts";
import { native } from "./native.ts";

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
/** NLM_F_CREATE | NLM_F_EXCL */
const NLM_F_NEW = 0x600;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_FD = 28;
const IFA_LABEL = 3;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFF_UP = 1;
const AF_INET6 = 10;
const IFA_F_TEMPORARY = 1;
const IFA_F_PERMANENT = 0x80;
/** IFA_F_NODAD | IFA_F_NOPREFIXROUTE: the flags that an administrator gives. */
const IFA_F_GIVEN = 0x202;
const RT_SCOPE_UNIVERSE = 0;
const RTA_OIF = 4;
const RTA_CACHEINFO = 12;
/** RTPROT_KERNEL and RTPROT_RA: routes that come by themselves. */
const MADE_BY_KERNEL = [2, 9];
/** RTM_F_CLONED */
const CLONED = 0x200;
/** RTNH_F_ONLINK: the only flag of a route that the kernel does not set itself. */
const ONLINK = 4;
/** Sizes of nlmsghdr, ifinfomsg, ifaddrmsg, rtmsg and nlattr. */
const HEADER = 16;
const LINK = 16;
const ADDRESS = 8;
const ROUTE = 12;
const ATTRIBUTE = 4;
/** The kernel fills at most this many bytes of a dump at once. */
const BUFFER = 64 * 1024;

type Attribute = readonly [type: number, value: Uint8Array];

/** A network device. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
}

/** An address of a device, as the kernel gives it and takes it back. */
export interface LinkAddress {
  readonly family: number;
  readonly prefix: number;
  readonly flags: number;
  readonly scope: number;
  readonly index: number;
  /** The address has global scope and no end of its lifetime. */
  readonly isPermanent: boolean;
  readonly attributes: readonly Attribute[];
}

/** A route through a device, as the kernel gives it and takes it back. */
export interface LinkRoute {
  readonly header: Uint8Array;
  readonly attributes: readonly Attribute[];
}

/**
 * A socket to the routing netlink of a network namespace; the caller closes it.
 * @param namespace a descriptor of it, or -1 for this process's
 * @throws SYSCALL
 */
export function openNetlink(namespace = -1): number {
  return check(native.netlinkSocket(namespace), "netlink socket");
}

/** Every device of the socket's namespace. @throws SYSCALL */
export function links(socket: number): readonly Link[] {
  const body = request(RTM_GETLINK, NLM_F_DUMP, linkHeader(0, 0, 0), []);
  return transact(socket, body, "RTM_GETLINK").map((message) => {
    const view = viewOf(message);
    const name = attributes(message, LINK).find(([type]) => type === IFLA_IFNAME)?.[1] ?? new Uint8Array(0);
    const end = name.indexOf(0);
    return {
      index: view.getInt32(4, true),
      name: new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)),
      up: (view.getUint32(8, true) & IFF_UP) !== 0,
    };
  });
}

/** Sets a device up or down. @throws SYSCALL */
export function setLinkUp(socket: number, index: number, up: boolean): void {
  const body = request(RTM_NEWLINK, NLM_F_ACK, linkHeader(index, up ? IFF_UP : 0, IFF_UP), []);
  transact(socket, body, up ? "set up" : "set down");
}

/**
 * Moves a device to another network namespace, and renames it in one.
 * @param name the new name; `%d` in it is a number of the kernel's choice
 * @param namespace a descriptor of the namespace
 * @throws SYSCALL
 */
export function moveLink(socket: number, index: number, name: string, namespace: number): void {
  const fd = new Uint8Array(4);
  viewOf(fd).setInt32(0, namespace, true);
  const text = new TextEncoder().encode(`${name}\0`);
  const body = request(RTM_NEWLINK, NLM_F_ACK, linkHeader(index, 0, 0), [
    [IFLA_NET_NS_FD, fd],
    [IFLA_IFNAME, text],
  ]);
  transact(socket, body, "move");
}

/** Every address of a device, of each family, except IPv6's temporary addresses. @throws SYSCALL */
export function linkAddresses(socket: number, index: number): readonly LinkAddress[] {
  const body = request(RTM_GETADDR, NLM_F_DUMP, new Uint8Array(ADDRESS), []);
  const found: LinkAddress[] = [];
  for (const message of transact(socket, body, "RTM_GETADDR")) {
    const view = viewOf(message);
    if (view.getUint32(4, true) !== index) continue;
    const all = attributes(message, ADDRESS);
    const wide = all.find(([type]) => type === IFA_FLAGS)?.[1];
    const flags = wide === undefined ? view.getUint8(2) : viewOf(wide).getUint32(0, true);
    const scope = view.getUint8(3);
    const family = view.getUint8(0);
    if (family === AF_INET6 && (flags & IFA_F_TEMPORARY) !== 0) continue;
    found.push({
      family,
      prefix: view.getUint8(1),
      flags,
      scope,
      index,
      isPermanent: scope === RT_SCOPE_UNIVERSE && (flags & IFA_F_PERMANENT) !== 0,
      attributes: all.filter(([type]) => type !== IFA_FLAGS),
    });
  }
  return found;
}

/**
 * Gives a device an address.
 * @param isHome it is the device that had it, so that label and lifetimes are right as they were
 * @throws SYSCALL
 */
export function addAddress(socket: number, index: number, address: LinkAddress, isHome = false): void {
  const header = new Uint8Array(ADDRESS);
  header.set([address.family, address.prefix, 0, address.scope]);
  const view = viewOf(header);
  view.setUint32(4, index, true);
  const flags = new Uint8Array(4);
  viewOf(flags).setUint32(0, address.flags & IFA_F_GIVEN, true);
  // The label has the device's old name, and the lifetimes are those of a permanent address anyway.
  const known = address.attributes.filter(([type]) => isHome || (type !== IFA_CACHEINFO && type !== IFA_LABEL));
  const body = request(RTM_NEWADDR, NLM_F_ACK | NLM_F_NEW, header, [...known, [IFA_FLAGS, flags]]);
  transact(socket, body, "add address");
}

/** The routes through a device that the kernel has not made itself, of each family and table. @throws SYSCALL */
export function linkRoutes(socket: number, index: number): readonly LinkRoute[] {
  const body = request(RTM_GETROUTE, NLM_F_DUMP, new Uint8Array(ROUTE), []);
  const found: LinkRoute[] = [];
  for (const message of transact(socket, body, "RTM_GETROUTE")) {
    const view = viewOf(message);
    const all = attributes(message, ROUTE);
    const device = all.find(([type]) => type === RTA_OIF)?.[1];
    const flags = view.getUint32(8, true);
    if (device === undefined || viewOf(device).getUint32(0, true) !== index) continue;
    if (MADE_BY_KERNEL.includes(view.getUint8(5)) || (flags & CLONED) !== 0) continue;
    const header = message.slice(0, ROUTE);
    viewOf(header).setUint32(8, flags & ONLINK, true);
    found.push({ header, attributes: all.filter(([type]) => type !== RTA_CACHEINFO && type !== RTA_OIF) });
  }
  return found;
}

/** Makes a route through a device. @throws SYSCALL */
export function addRoute(socket: number, index: number, route: LinkRoute): void {
  const device = new Uint8Array(4);
  viewOf(device).setUint32(0, index, true);
  const body = request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_NEW, route.header, [...route.attributes, [RTA_OIF, device]]);
  transact(socket, body, "add route");
}

function linkHeader(index: number, flags: number, change: number): Uint8Array {
  const header = new Uint8Array(LINK);
  const view = viewOf(header);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return header;
}

function request(type: number, flags: number, header: Uint8Array, list: readonly Attribute[]): Uint8Array {
  let size = HEADER + header.length;
  for (const [, value] of list) size += align(ATTRIBUTE + value.length);
  const message = new Uint8Array(size);
  const view = viewOf(message);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags | NLM_F_REQUEST, true);
  message.set(header, HEADER);
  let at = HEADER + header.length;
  for (const [kind, value] of list) {
    view.setUint16(at, ATTRIBUTE + value.length, true);
    view.setUint16(at + 2, kind, true);
    message.set(value, at + ATTRIBUTE);
    at += align(ATTRIBUTE + value.length);
  }
  return message;
}

/** Sends a request. @returns the bodies of the replies, up to the end or acknowledgement */
function transact(socket: number, message: Uint8Array, what: string): readonly Uint8Array[] {
  check(native.sendMessage(socket, message, []), what);
  const found: Uint8Array[] = [];
  const buffer = new Uint8Array(BUFFER);
  for (;;) {
    const received = native.receiveMessage(socket, buffer);
    if (typeof received === "number") throw syscallError(-received, what);
    for (let at = 0; at + HEADER <= received.size;) {
      const view = viewOf(buffer.subarray(at, received.size));
      const size = view.getUint32(0, true);
      const type = view.getUint16(4, true);
      if (size < HEADER || at + size > received.size) throw syscallError(EBADMSG, what);
      if (type === NLMSG_DONE) return found;
      if (type === NLMSG_ERROR) {
        const errno = -view.getInt32(HEADER, true);
        if (errno !== 0) throw syscallError(errno, what);
        return found;
      }
      found.push(buffer.slice(at + HEADER, at + size));
      at += align(size);
    }
  }
}

const EBADMSG = 74;

function attributes(message: Uint8Array, header: number): Attribute[] {
  const view = viewOf(message);
  const found: Attribute[] = [];
  for (let at = header; at + ATTRIBUTE <= message.length;) {
    const size = view.getUint16(at, true);
    if (size < ATTRIBUTE || at + size > message.length) break;
    found.push([view.getUint16(at + 2, true), message.slice(at + ATTRIBUTE, at + size)]);
    at += align(size);
  }
  return found;
}

function align(size: number): number {
  return (size + 3) & ~3;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
