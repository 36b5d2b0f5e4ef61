/** The descriptors that a plan's steps refer to. */
import { RuntimeError } from "../errors.ts";
import { propertyName } from "../init/failure.ts";
import type { Slot } from "../plan/facts.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH, O_RDONLY, check } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { Entry } from "./store.ts";

const F_GETFD = 1;

/**
 * Opens each slot, in order, into `fds`; those belong to the caller, also after a failure.
 * @param consoleSocket connected socket that gets the console's master
 * @throws SYSCALL with the property that a slot comes from
 */
export function openSlots(
  slots: readonly Slot[],
  entry: Entry,
  consoleSocket: number | undefined,
  fds: number[],
): void {
  for (const slot of slots) {
    switch (slot.kind) {
      case "namespace": {
        const fd = native.open(AT_FDCWD, slot.path, O_RDONLY | O_CLOEXEC, 0);
        const pointer = `${slot.origin}/path`;
        fds.push(check(fd, `${propertyName(pointer)}: open ${slot.path}`, { pointer, path: slot.path }));
        break;
      }
      case "startFifo":
        fds.push(entry.openFifo(O_PATH) ?? -1);
        break;
      case "consoleSocket":
        fds.push(check(native.dup(consoleSocket ?? -1), "dup"));
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
 * The launcher says how many there are: the engine opens some for itself, which would pass for them.
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
