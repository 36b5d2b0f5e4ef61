// SPDX-License-Identifier: Apache-2.0
// Compiles schemas/config.schema.json to lib/spec/schema/generated/validate_config.ts, and writes the names of all properties
// to lib/spec/schema/generated/property_names.ts.
//
// ajv writes the code. Before that, leaf types become calls into lib/spec/schema/checks.ts (ajv has no integers
// beyond a double's, and inline code for each property is three times as large); after it, error objects
// become calls of `fail`, and the copies of the schemas that the code does not use are taken out.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { _, stringify } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";

const ROOT = resolve(import.meta.dirname, "..");
const OUTPUT = join(ROOT, "lib/spec/schema/generated/validate_config.ts");
const NAMES_OUTPUT = join(ROOT, "lib/spec/schema/generated/property_names.ts");

/** Definitions of definitions.schema.json that `is` of checks.ts checks. */
const LEAF_TYPES = new Set(["uint16", "int32", "uint32", "int64", "uint64", "strings", "stringMap"]);

/** The schema in `schemas/<name>`, as it stands there. */
function readSchema(name) {
  return JSON.parse(readFileSync(join(ROOT, "schemas", name), "utf8"));
}

/** `schema` with the keywords `is` and `name` at its leaves, and without texts for people. */
function lower(schema) {
  if (Array.isArray(schema)) return schema.map(lower);
  if (typeof schema !== "object" || schema === null) return schema;
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    return LEAF_TYPES.has(name) ? { is: name } : { $ref: schema.$ref };
  }
  const keywords = Object.keys(schema)
    .filter((key) => key !== "description")
    .join(" ");
  if (keywords === "type" && schema.type === "string") return { is: "string" };
  if (keywords === "type" && schema.type === "boolean") return { is: "boolean" };
  if (keywords === "type enum" && schema.type === "string") return { name: schema.enum };
  const lowered = {};
  for (const [key, value] of Object.entries(schema)) {
    // A property of config.json may be called so too; there the value is a schema, not a text.
    if (["description", "title", "$schema"].includes(key) && typeof value === "string") continue;
    lowered[key] = lower(value);
  }
  return lowered;
}

/** ajv's code for the schema, and the lists of names that it refers to. */
function compile() {
  const lists = [];
  const listIndex = (names) => {
    const known = lists.findIndex((list) => list.join() === names.join());
    return known >= 0 ? known : lists.push(names) - 1;
  };
  // `unicode: false`: minLength counts UTF-16 units (for "not empty" the same) and needs no helper at run time.
  const ajv = new Ajv2020({
    allErrors: true,
    messages: false,
    logger: false,
    unicode: false,
    unicodeRegExp: false,
    code: { esm: true, source: true, optimize: 2 },
  });
  ajv.addKeyword({
    keyword: "is",
    error: { message: "", params: (cxt) => stringify(cxt.schema) },
    code: (cxt) => cxt.fail(_`!is[${stringify(cxt.schema)}](${cxt.data})`),
  });
  ajv.addKeyword({
    keyword: "name",
    error: { message: "", params: (cxt) => _`names[${listIndex(cxt.schema)}]` },
    code: (cxt) => cxt.fail(_`!names[${listIndex(cxt.schema)}].includes(${cxt.data})`),
  });
  ajv.addSchema(lower(readSchema("definitions.schema.json")));
  ajv.addSchema(lower(readSchema("config-linux.schema.json")));
  const code = standalone.default(ajv, ajv.compile(lower(readSchema("config.schema.json"))));
  return { code, lists };
}

const ERROR =
  /const (err\d+) = \{instancePath(?::([^;]*?))?,schemaPath:"[^"]*",keyword:"(\w+)",params:([^;]*?)\};if\(vErrors === null\)\{vErrors = \[\1\];\}else \{vErrors\.push\(\1\);\}errors\+\+;/g;

/** ajv's code made smaller; throws if ajv writes it in another way than this function knows. */
function shrink(code) {
  let text = code.replace(ERROR, (_all, _name, path, keyword, params) => {
    return `vErrors = fail(vErrors,${path ?? "instancePath"},"${keyword}",${params});errors++;`;
  });
  for (const [, name] of text.matchAll(/const (schema\d+) = /g)) {
    if (text.split(name).length === 2) text = text.replace(new RegExp(`const ${name} = [^;]*;`), "");
  }
  if (/schemaPath|const schema\d|require\(/.test(text)) {
    throw new Error("schemas.mjs: this version of ajv writes code of a form that shrink() does not know");
  }
  return text.replace(/^"use strict";export const validate = (\w+);export default \w+;/, (_all, name) => {
    return `export const validateConfig: Validator = ${name};\n`;
  });
}

/**
 * The names that the values of `schema` can have, as lib/spec/schema/unknown_properties.ts reads them: `names` of an object, `each` of
 * a list or of a map with any names. `undefined` for what holds no names.
 *
 * @param file the schema's file, from which a `$ref` without one counts
 */
function namesOf(schema, file) {
  if (typeof schema.$ref === "string") {
    const [name = "", pointer = ""] = schema.$ref.split("#");
    const next = name === "" ? file : name.slice(name.lastIndexOf("/") + 1);
    let target = readSchema(next);
    for (const step of pointer.split("/").slice(1)) target = target[step];
    return namesOf(target, next);
  }
  const inner = schema.items ?? Object.values(schema.patternProperties ?? {})[0] ?? schema.additionalProperties;
  if (typeof inner === "object") {
    const each = namesOf(inner, file);
    if (schema.properties === undefined) return each === undefined ? undefined : { each };
  }
  if (schema.properties === undefined) return undefined;
  const names = {};
  for (const [name, value] of Object.entries(schema.properties)) names[name] = namesOf(value, file) ?? 0;
  return { names };
}

function writeIfChanged(path, text) {
  mkdirSync(join(path, ".."), { recursive: true });
  let old = "";
  try {
    old = readFileSync(path, "utf8");
  } catch {
    // Not there yet.
  }
  if (old !== text) writeFileSync(path, text);
}

function generateNames() {
  const names = namesOf(readSchema("config.schema.json"), "config.schema.json");
  const text = `// Generated by scripts/schemas.mjs from schemas/config.schema.json; do not edit.
import type { KnownNames } from "../known_names.ts";

export const CONFIG_NAMES: KnownNames = ${JSON.stringify(names, null, 1)};
`;
  writeIfChanged(NAMES_OUTPUT, text);
}

/** Writes both files, unless they are there already just so. Returns the validator's path. */
export function generateSchemas() {
  generateNames();
  const { code, lists } = compile();
  const text = `// @ts-nocheck
// Generated by scripts/schemas.mjs from schemas/config.schema.json; do not edit.
import { fail, is, type SchemaFailure } from "../checks.ts";

/** Checks a parsed config.json; what is wrong stands in \`errors\` after it has returned false. */
export interface Validator {
  (document: unknown): boolean;
  errors?: SchemaFailure[] | null;
}

const names = ${JSON.stringify(lists)};
${shrink(code)}
`;
  writeIfChanged(OUTPUT, text);
  return OUTPUT;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(`schemas: ${generateSchemas()}`);
