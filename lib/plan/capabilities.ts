// SPDX-License-Identifier: Apache-2.0
/**
 * Sets of capabilities as bit masks.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#linux-process
 */
import { capabilityNames } from "../spec/capabilities.ts";
import type { LinuxCapabilities } from "../spec/types.ts";

/** The five sets as bit masks. */
export interface CapabilityMasks {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
}

/**
 * The sets of `process.capabilities` as masks. Names that no kernel knows are left out: the spec wants a
 * warning for them, which validation gives. Without `capabilities` every set is empty, as with runc.
 */
export function capabilityMasks(sets: LinuxCapabilities | undefined): CapabilityMasks {
  const names = capabilityNames();
  const mask = (list: readonly string[] | undefined): bigint => {
    // Two halves of 32 bits: arithmetic on bigints costs much more than on numbers.
    let low = 0;
    let high = 0;
    for (const name of list ?? []) {
      const bit = names.indexOf(name);
      if (bit >= 32) high |= 1 << (bit - 32);
      else if (bit >= 0) low |= 1 << bit;
    }
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  };
  return {
    bounding: mask(sets?.bounding),
    effective: mask(sets?.effective),
    permitted: mask(sets?.permitted),
    inheritable: mask(sets?.inheritable),
    ambient: mask(sets?.ambient),
  };
}
