// SPDX-License-Identifier: Apache-2.0
/** The statistics of a container that is watched: its files stay open, and what has not changed is not read as text again. */
import { cgroupStats } from "../../cgroups/open.ts";
import { STATS_FILES, type StatsFiles } from "../../cgroups/files/stats_files.ts";
import type { CgroupStats } from "../../cgroups/files/stats_types.ts";
import { watchNative } from "../native.ts";

/** So many readings have the same names of files: a controller is seldom added to a container that is there. */
const NAMES_LAST = 60;

interface Part {
  readonly slots: ReadonlySet<number>;
  readonly hasNames: boolean;
  readonly value: unknown;
}

const all = new Map<number, HeldFiles>();
let lastSet = 0;

/** The files of one container. */
export class HeldFiles implements StatsFiles {
  readonly set = ++lastSet;
  readonly #paths: Readonly<Record<string, string>>;
  readonly #slots = new Map<string, number>();
  readonly #contents: (string | number)[] = [];
  readonly #parts = new Map<string, Part>();
  readonly #changed = new Set<number>();
  readonly #names = new Map<string, readonly string[]>();
  #readings = 0;
  #isFresh = false;
  /** The files of the part that is made at the moment. */
  #used = new Set<number>();
  #usesNames = false;

  constructor(paths: Readonly<Record<string, string>>) {
    this.#paths = paths;
    all.set(this.set, this);
  }

  /** Reads the files of several containers at once. */
  static refresh(some: readonly HeldFiles[]): void {
    const changes = watchNative.changedFiles(Int32Array.from(some, ({ set }) => set));
    for (let at = 0; at + 2 < changes.length; at += 3) {
      const held = all.get(changes[at] as number);
      if (held !== undefined) held.#change(changes[at + 1] as number, changes[at + 2] ?? 0);
    }
    for (const each of some) each.#begin();
  }

  #change(slot: number, content: string | number): void {
    this.#contents[slot] = content;
    this.#changed.add(slot);
  }

  #begin(): void {
    this.#isFresh = true;
    if (++this.#readings % NAMES_LAST !== 0) return;
    this.#names.clear();
    for (const [name, { hasNames }] of this.#parts) if (hasNames) this.#parts.delete(name);
  }

  /** The statistics of the files as they were last read. @throws CGROUP */
  stats(): CgroupStats {
    if (!this.#isFresh) HeldFiles.refresh([this]);
    this.#isFresh = false;
    const stats = cgroupStats(this.#paths, this);
    // After an error the changes stay: no part has seen all of them.
    this.#changed.clear();
    return stats;
  }

  read(path: string): string | number {
    let slot = this.#slots.get(path);
    if (slot === undefined) {
      slot = this.#contents.push(watchNative.holdFile(this.set, path)) - 1;
      this.#slots.set(path, slot);
    }
    this.#used.add(slot);
    return this.#contents[slot] ?? 0;
  }

  names(directory: string): readonly string[] {
    this.#usesNames = true;
    let names = this.#names.get(directory);
    if (names === undefined) {
      names = STATS_FILES.names(directory);
      this.#names.set(directory, names);
    }
    return names;
  }

  part<Value>(name: string, make: () => Value): Value {
    const known = this.#parts.get(name);
    if (known !== undefined && !this.#hasChanged(known)) return known.value as Value;
    this.#parts.delete(name);
    this.#used = new Set();
    this.#usesNames = false;
    const value = make();
    this.#parts.set(name, { slots: this.#used, hasNames: this.#usesNames, value });
    return value;
  }

  #hasChanged({ slots }: Part): boolean {
    for (const slot of this.#changed) if (slots.has(slot)) return true;
    return false;
  }

  close(): void {
    all.delete(this.set);
    watchNative.dropFiles(this.set);
  }
}
