// SPDX-License-Identifier: Apache-2.0
/** The names that a value can have. */
export interface KnownNames {
  /** Of an object; 0 for a value that has none. */
  readonly names?: { readonly [name: string]: KnownNames | 0 };
  /** Of each entry of a list, or of each value of a map with any names. */
  readonly each?: KnownNames;
}
