// SPDX-License-Identifier: Apache-2.0
/**
 * lib/shim/proto/messages.gen.ts: the messages of the .proto files there as types and plain functions. protobufjs reads the files, by
 * `npm run generate`; the program has nothing of it, and parses nothing when it starts.
 */
import protobuf from "protobufjs";

/** How a scalar type is written, read and declared. */
interface Scalar {
  readonly type: string;
  readonly read: string;
  readonly write: string;
  readonly empty: string;
}

const number = (read: string, write: string): Scalar => ({ type: "number", read, write, empty: "0" });
const SCALARS: Readonly<Record<string, Scalar>> = {
  string: { type: "string", read: "string", write: "string", empty: '""' },
  bytes: { type: "Uint8Array", read: "bytes", write: "bytes", empty: "NO_BYTES" },
  bool: { type: "boolean", read: "bool", write: "bool", empty: "false" },
  uint32: number("uint32", "uint"),
  int32: number("int32", "int"),
  int64: number("int64", "int"),
  uint64: { type: "Count", read: "uint64", write: "uint", empty: "0" },
  double: number("double", "double"),
};

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function scalar(field: protobuf.Field): Scalar | undefined {
  return SCALARS[field.type];
}

function fieldType(field: protobuf.Field): string {
  const single = scalar(field)?.type ?? field.type;
  if (field.repeated) return `readonly ${single}[]`;
  return scalar(field) === undefined ? `${single} | undefined` : single;
}

function declaration(message: protobuf.Type): string[] {
  const lines = message.fieldsArray.map((field) => `  readonly ${camel(field.name)}: ${fieldType(field)};`);
  return lines.length === 0
    ? [`export type ${message.name} = Readonly<Record<never, never>>;`]
    : [`export interface ${message.name} {`, ...lines, "}"];
}

function initial(field: protobuf.Field): string {
  const name = camel(field.name);
  if (field.repeated) return `  const ${name}: ${fieldType(field).replace("readonly ", "")} = [];`;
  const known = scalar(field);
  return known === undefined ? `  let ${name}: ${fieldType(field)};` : `  let ${name}: ${known.type} = ${known.empty};`;
}

function readCase(field: protobuf.Field): string {
  const name = camel(field.name);
  const known = scalar(field);
  if (field.repeated && known !== undefined && known.type !== "string" && known.type !== "Uint8Array") {
    return `      case ${field.id}: reader.packed(() => ${name}.push(reader.${known.read}())); break;`;
  }
  const value = known === undefined ? `read${field.type}(reader.bytes())` : `reader.${known.read}()`;
  return `      case ${field.id}: ${field.repeated ? `${name}.push(${value})` : `${name} = ${value}`}; break;`;
}

function readFunction(message: protobuf.Type): string[] {
  const { name, fieldsArray: fields } = message;
  return [
    `export function read${name}(from: Uint8Array): ${name} {`,
    ...fields.map(initial),
    "  const reader = new Reader(from);",
    "  while (reader.next()) {",
    "    switch (reader.field) {",
    ...fields.map(readCase),
    "      default: reader.skip();",
    "    }",
    "  }",
    `  return { ${fields.map((field) => camel(field.name)).join(", ")} };`,
    "}",
  ];
}

function writeLine(field: protobuf.Field): string {
  const value = `message.${camel(field.name)}`;
  const known = scalar(field);
  if (!field.repeated) {
    if (known !== undefined) return `  writer.${known.write}(${field.id}, ${value});`;
    return `  if (${value} !== undefined) writer.message(${field.id}, write${field.type}(${value}));`;
  }
  if (known === undefined) return `  for (const each of ${value} ?? []) writer.message(${field.id}, write${field.type}(each));`;
  if (known.type === "string") return `  for (const each of ${value} ?? []) writer.text(${field.id}, each);`;
  return `  writer.packed(${field.id}, ${value});`;
}

function writeFunction(message: protobuf.Type): string[] {
  const lines = message.fieldsArray.map(writeLine);
  if (lines.length === 0)
    return [`export function write${message.name}(_message: Draft<${message.name}>): Uint8Array {`, "  return NO_BYTES;", "}"];
  return [
    `export function write${message.name}(message: Draft<${message.name}>): Uint8Array {`,
    "  const writer = new Writer();",
    ...lines,
    "  return writer.finish();",
    "}",
  ];
}

/**
 * The module.
 * @param sources the texts of the .proto files, by name
 */
export function messagesModule(sources: ReadonlyMap<string, string>): string {
  const root = new protobuf.Root();
  for (const text of sources.values()) protobuf.parse(text, root, { keepCase: true });
  const messages = root.nestedArray.filter((each): each is protobuf.Type => each instanceof protobuf.Type);
  const body = messages.flatMap((message) => [
    ...declaration(message),
    "",
    ...readFunction(message),
    "",
    ...writeFunction(message),
    "",
  ]);
  const head = [
    "/** Made by `npm run generate` from the .proto files beside it. */",
    'import { type Count, type Draft, NO_BYTES, Reader, Writer } from "./wire.ts";',
    "",
  ];
  return [...head, ...body].join("\n");
}
