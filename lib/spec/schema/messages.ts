// SPDX-License-Identifier: Apache-2.0
import type { Json } from "../json/exact.ts";
import { pointerNames, pointerStep } from "../json/pointer.ts";
import type { SchemaFailure } from "./checks.ts";

/** A problem before its place in the file is known. */
export interface Finding {
  /** JSON Pointer of the value, or of the property that is missing. */
  readonly pointer: string;
  /** The value, and the values that are allowed. */
  readonly message: string;
}

const LEAF_TEXTS: Readonly<Record<string, string>> = {
  string: "a string",
  boolean: "true or false",
  uint16: "an integer from 0 to 65535",
  uint32: "an integer from 0 to 4294967295",
  int32: "an integer from -2147483648 to 2147483647",
  int64: "an integer from -9223372036854775808 to 9223372036854775807",
  uint64: "an integer from 0 to 18446744073709551615",
  strings: "a list of strings",
  stringMap: "an object with strings",
};

const TYPE_TEXTS: Readonly<Record<string, string>> = {
  array: "a list",
  object: "an object",
  integer: "an integer",
  string: "a string",
};

const LONGEST = 60;

/** `value` as a message shows it: JSON, cut if it is long. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  // 1e400; JSON has no other name for it than null.
  if (value === Infinity || value === -Infinity) return "a number beyond all limits";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** The value that a JSON Pointer leads to; `undefined` if there is none. */
export function valueAt(document: Json, pointer: string): Json | undefined {
  let value: Json | undefined = document;
  for (const name of pointerNames(pointer)) {
    if (typeof value !== "object" || value === null) return undefined;
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as { readonly [name: string]: Json })[name];
  }
  return value;
}

/** A failure of the schema in words for a person. One failure of a list can be several findings. */
export function findings(document: Json, failures: readonly SchemaFailure[]): Finding[] {
  return failures.flatMap((failure) => explain(document, failure)).map(inRuncsWords);
}

/** Callers look for these words of runc. */
function inRuncsWords({ pointer, message }: Finding): Finding {
  const { name } = /^\/linux\/memoryPolicy\/(?<name>mode|flag)/.exec(pointer)?.groups ?? {};
  return { pointer, message: name === undefined ? message : `invalid memory policy ${name}: ${message}` };
}

function explain(document: Json, failure: SchemaFailure): Finding[] {
  const { pointer } = failure;
  const value = valueAt(document, pointer);
  if (failure.keyword === "is") return explainLeaf(pointer, value, failure.allowed as string);
  if (failure.keyword === "name") return [explainName(pointer, value, failure.allowed as readonly string[])];
  const allowed = failure.allowed as Readonly<Record<string, unknown>>;
  switch (failure.keyword) {
    case "required": {
      const name = String(allowed["missingProperty"]);
      return [{ pointer: pointer + pointerStep(name), message: "missing, but the specification requires it" }];
    }
    case "additionalProperties": {
      const name = String(allowed["additionalProperty"]);
      return [{ pointer: pointer + pointerStep(name), message: `the name ${show(name)} is not allowed here` }];
    }
    case "type": {
      const expected = TYPE_TEXTS[String(allowed["type"])] ?? String(allowed["type"]);
      return [{ pointer, message: `found ${show(value)}, must be ${expected}` }];
    }
    case "minimum":
    case "maximum": {
      const side = failure.keyword === "minimum" ? "least" : "most";
      return [{ pointer, message: `found ${show(value)}, must be at ${side} ${String(allowed["limit"])}` }];
    }
    case "pattern":
      return [{ pointer, message: `found ${show(value)}, must match ${String(allowed["pattern"])}` }];
    case "minLength":
    case "minItems":
      return [{ pointer, message: "must not be empty" }];
    default:
      return [{ pointer, message: `found ${show(value)}, which breaks the rule ${failure.keyword}` }];
  }
}

/** For a list or a map, each wrong value in it gets a finding. */
function explainLeaf(pointer: string, value: Json | undefined, type: string): Finding[] {
  const members =
    (type === "strings" && Array.isArray(value)) ||
    (type === "stringMap" && typeof value === "object" && value !== null && !Array.isArray(value))
      ? Object.entries(value)
      : [];
  const wrong = members.filter(([, member]) => typeof member !== "string");
  if (wrong.length > 0) {
    return wrong.flatMap(([name, member]) => explainLeaf(pointer + pointerStep(name), member, "string"));
  }
  return [{ pointer, message: `found ${show(value)}, must be ${LEAF_TEXTS[type] ?? type}` }];
}

function explainName(pointer: string, value: Json | undefined, names: readonly string[]): Finding {
  const list = names.map((name) => (name === "" ? '""' : name)).join(", ");
  return { pointer, message: `found ${show(value)}, allowed: ${list}` };
}
