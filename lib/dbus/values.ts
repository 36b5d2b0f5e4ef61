// SPDX-License-Identifier: Apache-2.0
/** Values of D-Bus, as the addon takes them. Pure. */

/**
 * A value of the type that a signature names beside it: a text for `s`, `o` and `g`; a number for `y`, `n`, `q`, `i`, `u`
 * and `d`; a bigint for `x` and `t`; a boolean for `b`; a list for arrays, structures and entries of dictionaries (bytes for
 * `ay`); `[signature, value]` for `v`.
 */
export type BusValue = string | number | bigint | boolean | Uint8Array | readonly BusValue[];

/** One property of a unit. */
export interface Property {
  readonly name: string;
  /** Of one complete type, such as `t` or `a(ss)`. */
  readonly signature: string;
  readonly value: BusValue;
}

/** systemd's number for "no limit". */
export const INFINITY = 0xffff_ffff_ffff_ffffn;

export function text(name: string, value: string): Property {
  return { name, signature: "s", value };
}

export function flag(name: string, value: boolean): Property {
  return { name, signature: "b", value };
}

/** @param value from 0 to 2^64-1 */
export function number(name: string, value: number | bigint): Property {
  return { name, signature: "t", value: BigInt(value) };
}
