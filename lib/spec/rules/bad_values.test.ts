// SPDX-License-Identifier: Apache-2.0
/** A wrong value at each property of the schemas: one error, which names the property, what was found and what is allowed. */
import { readFileSync } from "node:fs";
import t from "tap";
import { checkConfig, configError } from "../documents/config.ts";

type Schema = {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | false;
  readonly $defs?: Readonly<Record<string, Schema>>;
};

const schemas = new Map<string, Schema>();

function read(name: string): Schema {
  const known = schemas.get(name);
  if (known !== undefined) return known;
  // Numbers of 64 bits are no numbers of JavaScript: kept as text, in a string of their own.
  const text = readFileSync(new URL(`../../../../../schemas/${name}`, import.meta.url), "utf8").replaceAll(
    /"(minimum|maximum)": (-?\d{16,})/g,
    '"$1": "$2"',
  );
  const schema = JSON.parse(text) as Schema;
  schemas.set(name, schema);
  return schema;
}

function resolve(schema: Schema, file: string): readonly [Schema, string] {
  if (schema.$ref === undefined) return [schema, file];
  const [other = "", pointer = ""] = schema.$ref.split("#");
  const target = other === "" ? file : other;
  let at: unknown = read(target);
  for (const step of pointer.split("/").slice(1)) at = (at as Readonly<Record<string, unknown>>)[step];
  return resolve(at as Schema, target);
}

/** The smallest value that the schema allows. */
function sample(given: Schema, givenFile: string): unknown {
  const [schema, file] = resolve(given, givenFile);
  if (schema.enum !== undefined) return schema.enum[0];
  switch (schema.type) {
    case "integer":
      return Math.max(0, Number(schema.minimum ?? 0));
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return Object.fromEntries((schema.required ?? []).map((name) => [name, sample(schema.properties?.[name] ?? {}, file)]));
    default:
      return "/x";
  }
}

const RAW = "\u0001";

/** JSON text of a document; numbers that JavaScript cannot hold are in it as text. */
function textOf(document: unknown): string {
  return JSON.stringify(document).replaceAll(/"\\u0001([^"]*)\\u0001"/g, "$1");
}

const ALL: Readonly<Record<string, unknown>> = { string: "x", number: 5, fraction: 1.5, boolean: true, array: [], object: {} };

/** Values of other types, names that the enumeration does not have, and numbers beyond the range. */
function wrongValues({ type = "string", enum: names, minimum, maximum }: Schema): unknown[] {
  const right = type === "integer" ? "number" : type;
  const values = Object.entries(ALL).flatMap(([kind, value]) => (kind === right ? [] : [value]));
  if (names !== undefined) {
    const name = names.find((each) => each !== "") ?? "";
    const near = ["no-such-name", `${name} `, name.toLowerCase(), name.toUpperCase()];
    values.push(...near.filter((each) => !names.includes(each)));
  }
  if (minimum !== undefined) values.push(`${RAW}${BigInt(minimum) - 1n}${RAW}`);
  if (maximum !== undefined) values.push(`${RAW}${BigInt(maximum) + 1n}${RAW}`);
  if (type === "integer") values.push(`${RAW}${"9".repeat(30)}${RAW}`, `${RAW}1e400${RAW}`);
  return values;
}

interface Property {
  readonly pointer: string;
  readonly schema: Schema;
  readonly file: string;
  /** A config that has `value` there; `undefined` leaves it out. */
  readonly config: (value: unknown) => unknown;
}

/** Every property, list entry and map value of the schemas. */
function properties(): readonly Property[] {
  const found: Property[] = [];
  const visit = (given: Schema, givenFile: string, pointer: string, config: (value: unknown) => unknown): void => {
    const [schema, file] = resolve(given, givenFile);
    found.push({ pointer, schema, file, config });
    const base = sample(schema, file) as object;
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      visit(inner, file, `${pointer}/${name}`, (value) => config({ ...base, [name]: value }));
    }
    if (schema.items !== undefined) visit(schema.items, file, `${pointer}/0`, (value) => config([value]));
    if (typeof schema.additionalProperties === "object") {
      visit(schema.additionalProperties, file, `${pointer}/name`, (value) => config({ ...base, name: value }));
    }
  };
  const around = { ociVersion: "1.3.0", root: { path: "rootfs" }, process: { args: ["sh"], cwd: "/", user: { uid: 0, gid: 0 } } };
  visit(read("config.schema.json"), "config.schema.json", "", (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? { ...around, ...value } : value,
  );
  return found.slice(1);
}

/** `pointer: message` of each problem. */
function problems(text: string): string[] {
  return checkConfig(text).map(({ pointer, message }) => `${pointer}: ${message}`);
}

t.test("a value that is wrong at a property is one error that names it", async (t) => {
  const all = properties();
  const ofLinux = all.filter(({ pointer }) => pointer.startsWith("/linux/"));
  t.ok(all.length > 250 && ofLinux.length > 140, `${all.length} properties, ${ofLinux.length} of linux`);
  let tried = 0;
  const wrong: string[] = [];
  for (const { pointer, schema, file, config } of all) {
    // Problems of the rest of the document, which is as small as the schema allows.
    const known = new Set([...problems(textOf(config(undefined))), ...problems(textOf(config(sample(schema, file))))]);
    for (const value of wrongValues(schema)) {
      const text = textOf(config(value));
      tried += 1;
      const here = checkConfig(text).filter(
        (each) =>
          (each.pointer === pointer || each.pointer.startsWith(`${pointer}/`)) && !known.has(`${each.pointer}: ${each.message}`),
      );
      const others = problems(text).filter(
        (line) => !line.startsWith(`${pointer}:`) && !line.startsWith(`${pointer}/`) && !known.has(line),
      );
      const said = here[0]?.message ?? "";
      const clear = here.length === 1 && /must be|allowed|digits|must have|missing|too (large|small)|bits/.test(said);
      if (!clear || others.length > 0)
        wrong.push(
          `${pointer} = ${JSON.stringify(value)}: ${here.map(({ pointer: at, message }) => `${at}: ${message}`).join("; ")} | ${others.join("; ")}`,
        );
      else if (!configError("/b/config.json", checkConfig(text)).message.includes(`${pointer}:`))
        wrong.push(`${pointer}: the message does not name it`);
    }
  }
  t.same(wrong, []);
  t.ok(tried > 1700, `${tried} wrong values`);
});
