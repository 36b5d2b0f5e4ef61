/** The descriptors that a plan's steps refer to. */
import type { OpenNamespaces } from "../host/namespaces.ts";
import type { Slot } from "../../plan/facts.ts";
import { O_PATH, check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { Entry } from "../container/store.ts";

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

