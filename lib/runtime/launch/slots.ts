/** The descriptors that a plan's steps refer to. */
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Slot } from "../../plan/facts.ts";
import type { Namespaces } from "../../plan/namespaces.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_PATH, O_RDONLY, check } from "../../sys/files.ts";
import { F_GETFD } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import type { Entry } from "../container/store.ts";


/** ioctl_ns(2): the CLONE_NEW* flag of the namespace that a descriptor is of. */
const NS_GET_NSTYPE = 0xb703;

/** Descriptors of the namespaces to join, by the property that names them. */
export type OpenNamespaces = Map<string, number>;

/**
 * Opens the namespaces that the container joins, before anything is made for it.
 * @throws SYSCALL, CONFIG_INVALID for one of another type, with the property
 */
export function openNamespaces({ joins }: Namespaces, fds: number[]): OpenNamespaces {
  const open: OpenNamespaces = new Map();
  for (const { path, flag, origin } of joins) {
    const pointer = `${origin}/path`;
    const fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    const name = propertyName(pointer);
    fds.push(check(fd, `${name}: open ${path}`, { pointer, path }));
    if (native.ioctlInt(fd, NS_GET_NSTYPE, 0) !== flag) {
      const text = `${name}: ${path} is not a namespace of the type that linux.namespaces gives it`;
      throw new RuntimeError("CONFIG_INVALID", text, { pointer, path });
    }
    open.set(origin, fd);
  }
  return open;
}

/**
 * Opens each slot, in order, into `fds`; those belong to the caller, also after a failure.
 * @param consoleSocket connected socket that gets the console's master
 * @param container pidfd of the first process of the container that is joined
 * @throws SYSCALL with the property that a slot comes from
 */
export function openSlots(
  slots: readonly Slot[],
  entry: Entry,
  namespaces: OpenNamespaces,
  consoleSocket: number | undefined,
  fds: number[],
  container = -1,
): void {
  for (const slot of slots) {
    switch (slot.kind) {
      case "namespace":
        fds.push(check(native.dup(namespaces.get(slot.origin) ?? -1), "dup"));
        break;
      case "startFifo":
        fds.push(entry.openFifo(O_PATH) ?? -1);
        break;
      case "consoleSocket":
        fds.push(check(native.dup(consoleSocket ?? -1), "dup"));
        break;
      case "container":
        fds.push(check(native.dup(container), "dup"));
        break;
      case "hookOutput":
        fds.push(entry.openHookOutput());
        break;
    }
  }
}

/**
 * Checks that the caller has left as many descriptors open as `--preserve-fds` says.
 *
 * The program counts them before anything else, because it opens some itself.
 * @throws USAGE
 */
export function checkPreserved(count: number): void {
  if (count === 0) return;
  const inherited = process.env["RUNT_INHERITED_FDS"];
  const end = inherited === undefined ? Infinity : 3 + Number(inherited);
  for (let fd = 3; fd < 3 + count; fd++) {
    if (fd < end && native.fcntl(fd, F_GETFD, 0) >= 0) continue;
    throw new RuntimeError("USAGE", `--preserve-fds: unable to stat preserved-fd ${fd} (of ${count}): it is not open`);
  }
}
