// SPDX-License-Identifier: Apache-2.0
/** Checks of options: callers without types, or with wrong ones, get a clear error. */
import { RuntimeError } from "../../errors.ts";
import { nearest } from "../../spec/rules/nearest.ts";

/**
 * Checks a value.
 * @param at the name of the value, such as `limits.memory`
 * @returns `undefined` where the value is right, else the reason why it is wrong
 */
export type Kind = (value: unknown, at: string) => string | undefined;

/** A kind for each property of `Options`. */
export type Shape<Options> = { readonly [Name in keyof Required<Options>]: Kind };

/** @throws USAGE, with `where` before the reason */
export function expect(where: string, value: unknown, kind: Kind, at = ""): void {
  const wrong = kind(value, at);
  if (wrong !== undefined) throw new RuntimeError("USAGE", `${where}: ${wrong}`);
}

/** A value in a message: short, and never with the contents of an object. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== "object" || value === null) return String(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const name = prototype === null || prototype === Object.prototype ? undefined : value.constructor.name;
  return name === undefined || name === "" ? "an object" : `an object of class ${name}`;
}

/** A kind for the values that `test` accepts. @param wanted completes "it must be" */
export function kind(wanted: string, test: (value: unknown) => boolean): Kind {
  return (value, at) => (test(value) ? undefined : found(value, at, wanted));
}

function found(value: unknown, at: string, wanted: string): string {
  return `${at === "" ? "" : `${at}: `}found ${show(value)}, it must be ${wanted}`;
}

export const text: Kind = (value, at) => {
  if (typeof value !== "string") return found(value, at, "a string");
  // The kernel would take only the part before the NUL.
  return value.includes("\0") ? `${at}: it has a NUL character` : undefined;
};
export const someText: Kind = (value, at) => (value === "" ? found(value, at, "a string that is not empty") : text(value, at));
export const flag: Kind = kind("true or false", (value) => typeof value === "boolean");
export const whole: Kind = kind("a whole number, 0 or more", (value) => Number.isSafeInteger(value) && (value as number) >= 0);
export const positive: Kind = kind("a number above 0", (value) => typeof value === "number" && value > 0 && value < Infinity);
export const object: Kind = kind("an object", (value) => typeof value === "object" && value !== null && !Array.isArray(value));

/** One of some values. */
export function oneOf(...values: readonly (string | number | boolean)[]): Kind {
  const words = values.map((value) => show(value));
  const last = words.pop() ?? "";
  const listed = words.length === 0 ? last : `${words.join(", ")} or ${last}`;
  return (value, at) => {
    if (values.some((each) => each === value)) return undefined;
    const names = values.filter((each) => typeof each === "string");
    const meant = typeof value === "string" ? nearest(value, names) : undefined;
    return `${found(value, at, listed)}${meant === undefined ? "" : `: did you mean ${show(meant)}?`}`;
  };
}

/** A kind for the values that at least one of `kinds` accepts. @param wanted completes "it must be" */
export function either(wanted: string, ...kinds: readonly Kind[]): Kind {
  return (value, at) => (kinds.some((each) => each(value, at) === undefined) ? undefined : found(value, at, wanted));
}

/** A list, each entry of which is of a kind. */
export function listOf(each: Kind, wanted = "a list"): Kind {
  return (value, at) => {
    if (!Array.isArray(value)) return found(value, at, wanted);
    for (let index = 0; index < value.length; index++) {
      const wrong = each(value[index], `${at}[${index}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** An object with any names, each value of which is of a kind. */
export function mapOf(each: Kind, wanted = "an object"): Kind {
  return (value, at) => {
    if (object(value, at) !== undefined) return found(value, at, wanted);
    for (const [name, inner] of Object.entries(value as object)) {
      const wrong = inner === undefined ? undefined : each(inner, `${at}.${name}`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** Hints for names that another library, or a command, uses for the same option. */
export type Elsewhere = Readonly<Record<string, string>>;

/**
 * An object with known names; a property that is `undefined` is not there.
 * @param elsewhere the text to suggest for a name that is unknown here
 */
export function fields<Options>(shape: Shape<Options>, wanted = "an object of options", elsewhere: Elsewhere = {}): Kind {
  const kinds = shape as Readonly<Record<string, Kind>>;
  return (value, at) => {
    if (object(value, at) !== undefined) return found(value, at, wanted);
    // It would be an object without properties, and never be heard.
    if (abortSignal(value, at) === undefined) return `${found(value, at, wanted)}: write { signal }`;
    for (const [name, inner] of Object.entries(value as object)) {
      const here = at === "" ? name : `${at}.${name}`;
      if (!Object.hasOwn(kinds, name))
        return `${at === "" ? "" : `${at}: `}unknown option ${show(name)}${meant(name, kinds, elsewhere)}`;
      const wrong = inner === undefined ? undefined : kinds[name]?.(inner, here);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** An object of a kind that has some properties at least. */
export function having(names: readonly string[], other: Kind): Kind {
  return (value, at) => {
    const wrong = other(value, at);
    if (wrong !== undefined) return wrong;
    const missing = names.find((name) => (value as Readonly<Record<string, unknown>>)[name] === undefined);
    return missing === undefined ? undefined : `${at === "" ? "" : `${at}.`}${missing}: it is missing`;
  };
}

function meant(name: string, kinds: Readonly<Record<string, Kind>>, elsewhere: Elsewhere): string {
  const told = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined;
  if (told !== undefined) return `: write ${told}`;
  const names = Object.keys(kinds);
  const lower = name.toLowerCase();
  const similar = names.find((each) => each.toLowerCase() === lower) ?? nearest(name, names);
  return similar === undefined ? `; known are ${names.sort().join(", ")}` : `: did you mean ${show(similar)}?`;
}

export const abortSignal: Kind = kind(
  "an AbortSignal, such as AbortSignal.timeout(1000) or the signal of an AbortController",
  (value) =>
    typeof value === "object" &&
    value !== null &&
    typeof (value as AbortSignal).aborted === "boolean" &&
    typeof (value as AbortSignal).addEventListener === "function",
);
