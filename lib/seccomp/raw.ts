// SPDX-License-Identifier: Apache-2.0
/** A filter that config.json brings ready made: the annotation `run.oci.seccomp_bpf_data`. Pure. */
import { RuntimeError } from "../errors.ts";
import { SECCOMP_BPF } from "../spec/annotations.ts";
import { FLAG_NEW_LISTENER } from "./constants.ts";

/** Instructions that the kernel takes (BPF_MAXINSNS), of 8 bytes each. */
const MAX_INSTRUCTIONS = 4096;
const INSTRUCTION_SIZE = 8;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const RETURN = 0x06;
const ACTION_MASK = 0xffff0000;
const USER_NOTIFICATION = 0x7fc00000;

/**
 * The program of base64 text.
 * @throws CONFIG_INVALID where it is no base64, or no program by its size; the kernel checks the rest
 */
export function rawFilter(text: string): Uint8Array {
  const refuse = (why: string): RuntimeError => {
    const pointer = `/annotations/${SECCOMP_BPF}`;
    return new RuntimeError("CONFIG_INVALID", `annotations["${SECCOMP_BPF}"]: ${why}`, { pointer });
  };
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw refuse("not base64");
  const bytes = decode(text);
  const count = bytes.length / INSTRUCTION_SIZE;
  if (!Number.isInteger(count) || count < 1 || count > MAX_INSTRUCTIONS) {
    throw refuse(`${bytes.length} bytes, must be 1 to ${MAX_INSTRUCTIONS} instructions of ${INSTRUCTION_SIZE}`);
  }
  return bytes;
}

/** Bytes of base64 that is well-formed. Not atob(), which the executable does not always have. */
function decode(text: string): Uint8Array {
  const digits = text.replaceAll("=", "");
  const bytes = new Uint8Array(Math.floor((digits.length * 6) / 8));
  let bits = 0;
  for (let index = 0; index < digits.length; index++) {
    bits = ((bits << 6) | DIGITS.indexOf(digits[index] ?? "A")) & 0xffff;
    // Each digit but the first of four completes a byte.
    const left = index % 4;
    if (left > 0) bytes[Math.floor((index * 3) / 4)] = bits >> (6 - 2 * left);
  }
  return bytes;
}

/** SECCOMP_FILTER_FLAG_NEW_LISTENER where a program can notify, else 0. */
export function listenerFlag(program: Uint8Array): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  for (let at = 0; at < program.length; at += INSTRUCTION_SIZE) {
    const isReturn = view.getUint16(at, true) === RETURN;
    if (isReturn && (view.getUint32(at + 4, true) & ACTION_MASK) === USER_NOTIFICATION) return FLAG_NEW_LISTENER;
  }
  return 0;
}
