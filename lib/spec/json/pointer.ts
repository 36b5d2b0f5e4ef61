// SPDX-License-Identifier: Apache-2.0
/** JSON Pointers (RFC 6901), made and read. */

/** `name` as one step of a pointer, with the slash before it. */
export function pointerStep(name: string | number): string {
  return `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The names that a pointer leads along; none for the whole document. */
export function pointerNames(pointer: string): string[] {
  return pointer.split("/").slice(1).map(stepName);
}

function stepName(step: string): string {
  return step.includes("~") ? step.replaceAll("~1", "/").replaceAll("~0", "~") : step;
}
