// SPDX-License-Identifier: Apache-2.0
/** One inotify instance for all containers that a thread watches: a user may have 128 instances, and more containers. */
import { type Notice, type Notify, watchFailed } from "../../cgroups/v2/oom.ts";
import { POLLIN } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { type Watched, watchOnce } from "../watching.ts";

/** struct inotify_event without the name. */
const EVENT_SIZE = 16;
const BUFFER = new Uint8Array(65536);
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

interface Instance {
  readonly fd: number;
  watched: Watched;
  /** The eventfds of those that want to know of a watch. */
  readonly wanting: Map<number, Set<number>>;
}

let shared: Instance | undefined;

function open(path: string): Instance {
  const fd = native.inotify();
  if (fd < 0) throw watchFailed("inotify_init1", path, -fd);
  return { fd, watched: watchOnce(fd, POLLIN, hand), wanting: new Map() };
}

/** Tells those that want to know. */
function hand(): void {
  const instance = shared;
  if (instance === undefined) return;
  const told = new Set<number>();
  for (let size = native.read(instance.fd, BUFFER); size > 0; size = native.read(instance.fd, BUFFER)) {
    const view = new DataView(BUFFER.buffer, 0, size);
    for (let at = 0; at + EVENT_SIZE <= size; at += EVENT_SIZE + view.getUint32(at + 12, true)) {
      const watch = view.getInt32(at, true);
      // -1: the queue has run over, and nobody knows what was lost.
      const some = watch < 0 ? [...instance.wanting.values()].flatMap((each) => [...each]) : (instance.wanting.get(watch) ?? []);
      for (const fd of some) told.add(fd);
    }
  }
  for (const fd of told) native.write(fd, ONE);
  instance.watched = watchOnce(instance.fd, POLLIN, hand);
}

/** A watch of files that shares the thread's instance. A watch that nobody wants any more ends with its file, or with the last one. */
export const notifyTogether: Notify = (watches) => {
  shared ??= open(watches[0]?.[0] ?? "");
  const instance = shared;
  const fd = native.eventfd();
  if (fd < 0) throw watchFailed("eventfd", watches[0]?.[0] ?? "", -fd);
  const own = new Set<number>();
  const notice: Notice = {
    fd,
    drain: () => void native.read(fd, new Uint8Array(8)),
    close() {
      for (const watch of own) {
        const all = instance.wanting.get(watch);
        all?.delete(fd);
        if (all?.size === 0) instance.wanting.delete(watch);
      }
      native.close(fd);
      if (instance.wanting.size > 0 || shared !== instance) return;
      instance.watched.end();
      native.close(instance.fd);
      shared = undefined;
    },
  };
  for (const [path, mask] of watches) {
    // The same file gives the same watch.
    const watch = native.inotifyAdd(instance.fd, path, mask);
    if (watch < 0) {
      notice.close();
      throw watchFailed(`inotify_add_watch ${path}`, path, -watch);
    }
    const all = instance.wanting.get(watch) ?? new Set();
    instance.wanting.set(watch, all.add(fd));
    own.add(watch);
  }
  return notice;
};
