// SPDX-License-Identifier: Apache-2.0
/**
 * The properties of config.json, as the schemas list them, and what a scenario says that it proves of them. From what
 * the scenarios print of it, `npm run properties` makes its tables.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { knownMountOptions } from "../../lib/plan/mount_options.ts";
import { PROJECT } from "./runtime.ts";

/** A property that has no properties of its own. */
export interface Property {
  /** As in `linux.devices[].major`; what is in a list of plain values has the name of the list. */
  readonly name: string;
  /** Its values, where the specification lists them. */
  readonly values?: readonly string[];
  readonly parts: readonly string[];
}

/** A schema, as far as it matters here. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** Stands for each element of a list. */
const ELEMENT = "[]";
/** Stands for each name of a map. */
const ANY = "*";
const FIRST = "config.schema.json";
/** The schema has no list of them, because others are the file system's. */
const OPTIONS = knownMountOptions();

/** Every property of config.json for Linux, in the order of the schemas. */
export const PROPERTIES: readonly Property[] = leavesOf();

function leavesOf(): Property[] {
  const files = new Map<string, Schema>();
  const fileOf = (name: string): Schema => {
    const known = files.get(name) ?? (JSON.parse(readFileSync(join(PROJECT, "schemas", name), "utf8")) as Schema);
    files.set(name, known);
    return known;
  };
  const found: Property[] = [];
  const walk = (schema: Schema, file: string, parts: readonly string[]): void => {
    if (schema.$ref !== undefined) {
      const [name = "", place = ""] = schema.$ref.split("#");
      const target = name === "" ? file : name;
      const key = place.split("/").at(-1) ?? "";
      const next = key === "" ? fileOf(target) : fileOf(target).$defs?.[key];
      if (next === undefined) throw new Error(`${file}: ${schema.$ref} is not there`);
      walk(next, target, parts);
    } else if (schema.properties !== undefined) {
      for (const [key, each] of Object.entries(schema.properties)) walk(each, file, [...parts, key]);
    } else if (schema.items !== undefined) walk(schema.items, file, [...parts, ELEMENT]);
    else if (typeof schema.additionalProperties === "object") walk(schema.additionalProperties, file, [...parts, ANY]);
    else {
      const name = nameOf(parts);
      const values = name === "mounts[].options" ? OPTIONS : schema.enum;
      found.push({ name, parts, ...(values === undefined ? {} : { values }) });
    }
  };
  walk(fileOf(FIRST), FIRST, []);
  return found;
}

function nameOf(parts: readonly string[]): string {
  const last = parts.at(-1);
  const shown = last === ELEMENT || last === ANY ? parts.slice(0, -1) : parts;
  return shown.join(".").replaceAll(`.${ELEMENT}`, ELEMENT);
}

/**
 * Properties by their names; the name of an object stands for all that it has.
 * Throws where there is none of a name.
 */
export function propertiesOf(names: readonly string[]): readonly Property[] {
  return names.flatMap((name) => {
    const isBelow = (each: Property): boolean =>
      each.name === name || each.name.startsWith(`${name}.`) || each.name.startsWith(`${name}[].`);
    const found = PROPERTIES.filter(isBelow);
    if (found.length === 0) throw new Error(`${name} is no property of config.json`);
    return found;
  });
}

/** The values that a document has for a property. */
export function valuesIn(document: unknown, { parts }: Pick<Property, "parts">): readonly unknown[] {
  let values = [document];
  for (const part of parts) {
    values = values.flatMap((value) => {
      if (part === ELEMENT) return Array.isArray(value) ? (value as unknown[]) : [];
      if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
      if (part === ANY) return Object.values(value);
      return Object.entries(value).flatMap(([key, inner]) => (key === part ? [inner as unknown] : []));
    });
  }
  return values;
}

/** A copy of a document without a property, wherever it has it. */
export function withoutProperty(document: unknown, parts: readonly string[]): unknown {
  const [part, ...rest] = parts;
  if (part === undefined) return document;
  if (Array.isArray(document)) {
    if (part !== ELEMENT) return document;
    return rest.length === 0 ? [] : document.map((each: unknown) => withoutProperty(each, rest));
  }
  if (typeof document !== "object" || document === null) return document;
  const next = rest[0] === ELEMENT || rest[0] === ANY ? rest.slice(1) : rest;
  const entries = Object.entries(document).flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
    if (part !== ANY && key !== part) return [[key, value]];
    // A list, or a map, of plain values is the property itself.
    return next.length === 0 ? [] : [[key, withoutProperty(value, rest)]];
  });
  return Object.fromEntries(entries);
}

/** What is in the documents that a scenario has given to the runtime. */
export class Given {
  readonly #values = new Map<string, Set<unknown>>();

  /** Takes a config.json, or a part of one in its place. */
  add(document: unknown): void {
    for (const property of PROPERTIES) {
      for (const value of valuesIn(document, property)) {
        const known = this.#values.get(property.name) ?? new Set();
        known.add(value);
        this.#values.set(property.name, known);
      }
    }
  }

  has({ name }: Property): boolean {
    return this.#values.has(name);
  }

  /** The given values of a property, of those that the specification lists. */
  listed({ name, values }: Property): readonly unknown[] {
    const given = [...(this.#values.get(name) ?? [])];
    return given.filter((value) => values?.includes(String(value)));
  }
}
