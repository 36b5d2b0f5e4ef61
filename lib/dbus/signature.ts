// SPDX-License-Identifier: Apache-2.0
/**
 * Types of D-Bus, as signatures name them. Pure.
 *
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html#type-system
 */

/** Letters of the types that hold no others. */
const BASIC = "ybnqiuxtdsog";
/** Arrays in one another, and as many structures. */
const DEEPEST = 64;

/** The alignment of a type in a message; bytes. */
export function alignmentOf(type: string): number {
  if ("ygv".includes(type)) return 1;
  if ("nq".includes(type)) return 2;
  return "xtd({".includes(type) ? 8 : 4;
}

/**
 * End of the complete type that begins at `at`.
 * @returns -1 if there is none
 */
export function typeEnd(signature: string, at: number, depth = 0): number {
  const letter = signature[at] ?? "?";
  if (depth > DEEPEST) return -1;
  if (BASIC.includes(letter) || letter === "v") return at + 1;
  if (letter === "a" && signature[at + 1] === "{") {
    const value = BASIC.includes(signature[at + 2] ?? "?") ? typeEnd(signature, at + 3, depth + 1) : -1;
    return value > 0 && signature[value] === "}" ? value + 1 : -1;
  }
  if (letter === "a") return typeEnd(signature, at + 1, depth + 1);
  if (letter !== "(") return -1;
  let end = at + 1;
  while (end > 0 && end < signature.length && signature[end] !== ")") end = typeEnd(signature, end, depth + 1);
  return end > at + 1 && signature[end] === ")" ? end + 1 : -1;
}

/** Whether `signature` is one complete type. */
export function isType(signature: string): boolean {
  return signature !== "" && typeEnd(signature, 0) === signature.length;
}

/** The complete types of a signature; `undefined` if the text is not a signature. */
export function typesOf(signature: string): string[] | undefined {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = typeEnd(signature, at);
    if (end < 0) return undefined;
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}
