// SPDX-License-Identifier: Apache-2.0
/**
 * The messages of CRIU's RPC (its `rpc.proto`), as far as runt sends and reads them: protocol buffers, of which runt needs only
 * numbers, strings and nested messages. Pure.
 *
 * This is own code because it is a table and two loops; a library would be fifty times as large.
 */

/** Kinds of requests and of responses. */
export const CriuType = { DUMP: 1, RESTORE: 2, PRE_DUMP: 4, NOTIFY: 6, FEATURE_CHECK: 9 } as const;

/** How CRIU treats the cgroups of processes (`manage_cgroups_mode`). */
export const CRIU_CGROUP_MODES = { ignore: 0, soft: 3, full: 4, strict: 5, default: 6 } as const;

/** A value of a field: a flag, a number from 0 up, a text, a message, or several of them. */
export type CriuValue = boolean | number | string | CriuFields | readonly (string | CriuFields)[];

/** A message by the names of its fields; `undefined` is not sent. */
export interface CriuFields {
  readonly [name: string]: CriuValue | undefined;
}

/** Numbers of the fields; a nested message has its table beside its number. */
interface Table {
  readonly [name: string]: number | readonly [number, Table];
}

const PAIR: Table = { key: 1, val: 2 };

const OPTIONS: Table = {
  images_dir_fd: 1,
  pid: 2,
  leave_running: 3,
  ext_unix_sk: 4,
  tcp_established: 5,
  evasive_devices: 6,
  shell_job: 7,
  file_locks: 8,
  log_level: 9,
  log_file: 10,
  ps: [11, { address: 1, port: 2 }],
  notify_scripts: 12,
  root: 13,
  parent_img: 14,
  track_mem: 15,
  auto_dedup: 16,
  work_dir_fd: 17,
  link_remap: 18,
  ext_mnt: [23, PAIR],
  manage_cgroups: 24,
  cg_root: [25, { ctrl: 1, path: 2 }],
  rst_sibling: 26,
  inherit_fd: [27, { key: 1, fd: 2 }],
  manage_cgroups_mode: 34,
  external: 37,
  empty_ns: 38,
  join_ns: [39, { ns: 1, ns_file: 2 }],
  freeze_cgroup: 44,
  tcp_skip_in_flight: 46,
  lazy_pages: 48,
  orphan_pts_master: 50,
  config_file: 51,
  lsm_profile: 53,
  lsm_mount_context: 63,
};

const REQUEST: Table = {
  type: 1,
  opts: [2, OPTIONS],
  notify_success: 3,
  features: [5, { mem_track: 1, lazy_pages: 2 }],
};

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A request as it travels. Throws a TypeError for a field that has no number: that is a mistake in the code. */
export function encodeRequest(request: CriuFields): Uint8Array {
  const bytes: number[] = [];
  encodeInto(bytes, REQUEST, request);
  return Uint8Array.from(bytes);
}

function encodeInto(bytes: number[], table: Table, fields: CriuFields): void {
  for (const [name, value] of Object.entries(fields)) {
    const entry = table[name];
    if (entry === undefined) throw new TypeError(`CRIU has no field ${name}`);
    if (value === undefined) continue;
    const [number, nested] = typeof entry === "number" ? [entry, {}] : entry;
    for (const one of isList(value) ? value : [value]) encodeField(bytes, number, nested, one);
  }
}

function isList(value: CriuValue): value is readonly (string | CriuFields)[] {
  return Array.isArray(value);
}

function encodeField(bytes: number[], number: number, nested: Table, value: Exclude<CriuValue, readonly unknown[]>): void {
  if (typeof value === "boolean" || typeof value === "number") {
    varint(bytes, number * 8 + VARINT);
    varint(bytes, Number(value));
    return;
  }
  const inner: number[] = [];
  if (typeof value === "string") inner.push(...new TextEncoder().encode(value));
  else encodeInto(inner, nested, value);
  varint(bytes, number * 8 + BYTES);
  varint(bytes, inner.length);
  for (const byte of inner) bytes.push(byte);
}

/** Uses division, because shifts are limited to 32 bits. */
function varint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
}

/** A response of CRIU. */
export interface CriuResponse {
  /** As {@link CriuType}; other kinds do not concern runt. */
  readonly type: number;
  readonly success: boolean;
  /** Positive errno, 0 if CRIU names none. */
  readonly errno: number;
  /** The error message; "" if CRIU gives none. */
  readonly message: string;
  /** With {@link CriuType.NOTIFY}: the event, such as "post-restore", and the pid of the restored first process. */
  readonly notify?: { readonly script: string; readonly pid: number };
  /** The features of CRIU and the kernel, in a response to a FEATURE_CHECK. */
  readonly features: { readonly memTrack: boolean; readonly lazyPages: boolean };
}

/** Reads a response; `undefined` if the bytes are not a response. */
export function decodeResponse(bytes: Uint8Array): CriuResponse | undefined {
  const fields = decode(bytes);
  if (fields === undefined || typeof fields.get(1) !== "number" || typeof fields.get(2) !== "number") return undefined;
  const nested = (field: number): ReturnType<typeof decode> => {
    const value = fields.get(field);
    return value instanceof Uint8Array ? decode(value) : undefined;
  };
  const notify = nested(5);
  const features = nested(8);
  return {
    type: numberOf(fields.get(1)),
    success: numberOf(fields.get(2)) !== 0,
    errno: numberOf(fields.get(7)),
    message: textOf(fields.get(9)),
    ...(notify === undefined ? {} : { notify: { script: textOf(notify.get(1)), pid: numberOf(notify.get(2)) } }),
    features: { memTrack: numberOf(features?.get(1)) !== 0, lazyPages: numberOf(features?.get(2)) !== 0 },
  };
}

/** Fields by number, the last of each; `undefined` if the bytes end too early or have a wire type that is not known. */
function decode(bytes: Uint8Array): Map<number, number | Uint8Array> | undefined {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const key = number();
    const kind = key % 8;
    if (kind === VARINT) {
      fields.set(Math.floor(key / 8), number());
    } else {
      const size = kind === BYTES ? number() : kind === FIXED64 ? 8 : kind === FIXED32 ? 4 : NaN;
      if (!(at + size <= bytes.length)) return undefined;
      fields.set(Math.floor(key / 8), bytes.subarray(at, at + size));
      at += size;
    }
  }
  for (const value of fields.values()) if (Number.isNaN(value)) return undefined;
  return fields;
}

function numberOf(value: number | Uint8Array | undefined): number {
  return typeof value === "number" ? value : 0;
}

function textOf(value: number | Uint8Array | undefined): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
}
