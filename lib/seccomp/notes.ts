// SPDX-License-Identifier: Apache-2.0
/** The notes of the recorder (native/init/recorder.h): which arguments it is to note, and what it has noted. Pure. */

const MAGIC = 0x43455252;
const POLICIES = 2048;
const ENTRIES = 24576;
const POLICY_SIZE = 56;
const ENTRY_SIZE = 64;
const ARGUMENTS = 6;
/** The most policies that there is room for. */
export const MAX_POLICIES = 96;
/** Offset and bits of the flags. */
export const FLAGS_OFFSET = 12;
export const NotesFlag = { FINISHED: 1, FULL: 2, BEGUN: 4 } as const;

/** One system call of the kernel. */
export interface CallNumber {
  /** AUDIT_ARCH_*. */
  readonly architecture: number;
  readonly call: number;
}

/** The bits of a call's arguments that are noted; 0n is nothing of that argument. */
export interface NumberPolicy extends CallNumber {
  readonly masks: readonly bigint[];
}

/** A system call that was made; the values are under the masks of its policy. */
export interface NotedCall extends CallNumber {
  readonly values: readonly bigint[];
}

/** The beginning of the notes. */
export function encodePolicies(policies: readonly NumberPolicy[]): Uint8Array {
  const bytes = new Uint8Array(POLICIES + policies.length * POLICY_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, policies.length, true);
  policies.forEach(({ architecture, call, masks }, index) => {
    const at = POLICIES + index * POLICY_SIZE;
    view.setUint32(at, architecture, true);
    view.setUint32(at + 4, call, true);
    masks.forEach((mask, argument) => view.setBigUint64(at + 8 + 8 * argument, mask, true));
  });
  return bytes;
}

/** What was noted. */
export interface Noted {
  readonly calls: readonly NotedCall[];
  /** Something is missing, because there was no room for it. */
  readonly isFull: boolean;
  /** No process is left. */
  readonly isFinished: boolean;
}

/**
 * Reads notes.
 * @param read bytes of the notes: at most `size` from `offset` on
 * @returns undefined where they are none
 */
export function readNotes(read: (offset: number, size: number) => Uint8Array): Noted | undefined {
  const head = read(0, FLAGS_OFFSET + 4);
  if (head.length < FLAGS_OFFSET + 4) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  const count = view.getUint32(8, true);
  const flags = view.getUint32(FLAGS_OFFSET, true);
  const bytes = read(ENTRIES, count * ENTRY_SIZE);
  const entries = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const calls: NotedCall[] = [];
  for (let at = 0; at + ENTRY_SIZE <= bytes.length; at += ENTRY_SIZE) {
    const values: bigint[] = [];
    for (let index = 0; index < ARGUMENTS; index++) values.push(entries.getBigUint64(at + 8 + 8 * index, true));
    calls.push({ architecture: entries.getUint32(at, true), call: entries.getUint32(at + 4, true), values });
  }
  return { calls, isFull: (flags & NotesFlag.FULL) !== 0, isFinished: (flags & NotesFlag.FINISHED) !== 0 };
}
