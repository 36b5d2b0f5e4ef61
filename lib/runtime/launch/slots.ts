// SPDX-License-Identifier: Apache-2.0
/** The descriptors that a plan's steps refer to. */
import type { OpenNamespaces } from "../host/namespaces.ts";
import type { Slot } from "../../plan/facts.ts";
import type { Descriptors } from "../../sys/descriptors.ts";
import { O_PATH, check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { Entry } from "../container/store.ts";

/** The sources of the descriptors. */
export interface SlotSources {
  readonly slots: readonly Slot[];
  readonly entry: Entry;
  /** The namespaces that a container joins. */
  readonly namespaces?: OpenNamespaces;
  /** Connected socket that gets the console's master. */
  readonly consoleSocket: number | undefined;
  /** Pidfd of the first process of the container that is joined. */
  readonly container?: number;
}

/**
 * Opens each slot.
 * @param descriptors owns them
 * @returns the descriptors, in order
 * @throws SYSCALL with the property that a slot comes from
 */
export function openSlots(sources: SlotSources, descriptors: Descriptors): number[] {
  const fds: number[] = [];
  for (const slot of sources.slots) fds.push(descriptors.own(openSlot(slot, sources)));
  return fds;
}

function openSlot(slot: Slot, { entry, namespaces, consoleSocket, container }: SlotSources): number {
  switch (slot.kind) {
    case "namespace":
      return copyOf(namespaces?.get(slot.origin));
    case "startFifo":
      return entry.openFifo(O_PATH) ?? -1;
    case "consoleSocket":
      return copyOf(consoleSocket);
    case "container":
      return copyOf(container);
    case "hookOutput":
      return entry.openHookOutput();
  }
}

function copyOf(fd = -1): number {
  return check(native.dup(fd), "dup");
}
