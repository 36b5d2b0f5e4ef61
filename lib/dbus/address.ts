// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses of D-Bus. Pure.
 *
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html#addresses
 */
import { RuntimeError } from "../errors.ts";

/** Environment variables that say where a bus is. */
export interface BusEnvironment {
  readonly DBUS_SESSION_BUS_ADDRESS?: string | undefined;
  readonly DBUS_SYSTEM_BUS_ADDRESS?: string | undefined;
  readonly XDG_RUNTIME_DIR?: string | undefined;
}

/** The address of the system's bus, by the specification. */
export const SYSTEM_BUS = "/var/run/dbus/system_bus_socket";

/**
 * The sockets of an address, in the order in which to try them.
 * @returns paths; a leading "@" names a socket in the abstract space
 */
export function socketsOf(address: string): string[] {
  const sockets: string[] = [];
  for (const one of address.split(";")) {
    if (!one.startsWith("unix:")) continue;
    for (const pair of one.slice(5).split(",")) {
      const at = pair.indexOf("=");
      const value = unescape(pair.slice(at + 1));
      if (pair.slice(0, at) === "path") sockets.push(value);
      if (pair.slice(0, at) === "abstract") sockets.push(`@${value}`);
    }
  }
  return sockets;
}

/**
 * The sockets where the user's bus may be.
 * @param exists whether there is a file
 * @throws RuntimeError HOST_UNABLE
 */
export function userSockets(env: BusEnvironment, exists: (path: string) => boolean): string[] {
  const { DBUS_SESSION_BUS_ADDRESS: address = "", XDG_RUNTIME_DIR: folder = "" } = env;
  const sockets = socketsOf(address);
  if (sockets.length > 0) return sockets;
  if (address !== "") {
    const text = `--systemd-cgroup: DBUS_SESSION_BUS_ADDRESS is ${JSON.stringify(address)}: only addresses of Unix sockets can be used`;
    throw new RuntimeError("HOST_UNABLE", text);
  }
  if (folder !== "" && exists(`${folder}/bus`)) return [`${folder}/bus`];
  throw new RuntimeError(
    "HOST_UNABLE",
    "--systemd-cgroup: no bus of this user's systemd: neither DBUS_SESSION_BUS_ADDRESS is set, nor is there a socket " +
      "$XDG_RUNTIME_DIR/bus; is dbus-user-session installed, and this user logged in (or lingering)?",
  );
}

/** The sockets where the system's bus may be. */
export function systemSockets(env: BusEnvironment): string[] {
  const sockets = socketsOf(env.DBUS_SYSTEM_BUS_ADDRESS ?? "");
  return sockets.length > 0 ? sockets : [SYSTEM_BUS];
}

/** `%XX` is one byte of UTF-8. */
function unescape(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = /^%[0-9a-fA-F]{2}$/.test(text.slice(at, at + 3)) ? Number.parseInt(text.slice(at + 1, at + 3), 16) : -1;
    if (code >= 0) {
      bytes.push(code);
      at += 2;
    } else bytes.push(...new TextEncoder().encode(text[at] ?? ""));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
