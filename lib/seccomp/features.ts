// SPDX-License-Identifier: Apache-2.0
/** The seccomp part of `features`. Loads libseccomp. */
import type { LinuxSeccompAction } from "../spec/types.ts";
import { ACTIONS, ARCHITECTURES, FLAG_NEW_LISTENER, FLAG_WAIT_KILLABLE_RECV, FLAGS, OPERATORS } from "./constants.ts";
import { seccompNative } from "./native.ts";

/** `linux.seccomp` of the features document; every list is sorted. */
export interface SeccompFeatures {
  readonly enabled: true;
  readonly actions: readonly string[];
  readonly operators: readonly string[];
  readonly archs: readonly string[];
  /** Flags that runt knows. */
  readonly knownFlags: readonly string[];
  /** Flags that this kernel can do, too. */
  readonly supportedFlags: readonly string[];
}

/** The abilities of this runt, its libseccomp and this kernel. @throws INTERNAL where libseccomp cannot be loaded */
export function seccompFeatures(): SeccompFeatures {
  const native = seccompNative();
  const actions = Object.keys(ACTIONS) as LinuxSeccompAction[];
  const knownFlags = Object.keys(FLAGS).sort();
  return {
    enabled: true,
    actions: actions.filter((name) => native.hasAction(ACTIONS[name])).sort(),
    operators: Object.keys(OPERATORS).sort(),
    archs: ARCHITECTURES.filter((name) => native.architecture(name.slice(10).toLowerCase()) !== 0).sort(),
    knownFlags,
    supportedFlags: knownFlags.filter((name) => {
      const flag = FLAGS[name] ?? 0;
      return native.hasFlag(flag === FLAG_WAIT_KILLABLE_RECV ? flag | FLAG_NEW_LISTENER : flag);
    }),
  };
}

/** Version of the libseccomp that is linked in, such as "2.5.4". */
export function libseccompVersion(): string {
  return seccompNative().version();
}
