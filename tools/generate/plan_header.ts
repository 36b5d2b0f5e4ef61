// SPDX-License-Identifier: Apache-2.0
/**
 * The C++ side of the plan's table: `native/plan/ops.gen.h`, as text. `npm run generate` writes it, and a
 * test fails when the committed file differs from it.
 */

import {
  Beginning,
  CALLS,
  FAILURE_SIZE,
  HOOK_OUTPUT_LIMIT,
  HOOK_TIMED_OUT,
  MAX_SLOTS,
  Message,
  MissingKind,
  MountFlag,
  OPS,
  PLAN_MAGIC,
  PLAN_VERSION,
  MountTree,
  Refused,
  Stage,
  StageName,
  StartByte,
  type FieldType,
} from "../../lib/plan/steps.ts";

/** C++ type of a decoded field; the types are in `native/plan/fields.h`. */
const CPP_TYPES: Readonly<Record<FieldType, string>> = {
  u32: "std::uint32_t",
  u64: "std::uint64_t",
  i64: "std::int64_t",
  str: "std::string_view",
  strs: "Strings",
  u32s: "Numbers",
  bytes: "std::string_view",
};

/** A letter for each type, in the table that the native tests walk. */
const LETTERS: Readonly<Record<FieldType, string>> = { u32: "i", u64: "l", i64: "l", str: "s", strs: "S", u32s: "n", bytes: "b" };

/** Reader function of a field type, where it is not `Read`: str and bytes decode into the same C++ type. */
const READERS: Readonly<Record<FieldType, string>> = {
  u32: "Read",
  u64: "Read",
  i64: "Read",
  str: "ReadText",
  strs: "Read",
  u32s: "Read",
  bytes: "ReadBytes",
};

/** `joinNamespace`, `open_tree` and `ID_MAPS` as `JoinNamespace`, `OpenTree` and `IdMaps`. */
function pascal(name: string): string {
  const words = name === name.toUpperCase() ? name.toLowerCase().split("_") : name.split("_");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** `timeoutMs` as `timeout_ms`. */
function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function enumeration(name: string, values: ReadonlyArray<readonly [string, number]>): string[] {
  return [`enum class ${name} : std::uint32_t {`, ...values.map(([key, value]) => `  k${pascal(key)} = ${value},`), "};", ""];
}

/** A constant for each name of a table. */
function constants(prefix: string, values: Readonly<Record<string, number | string>>): string[] {
  return Object.entries(values).map(([key, value]) => {
    const name = `k${prefix}${pascal(key)}`;
    if (typeof value === "string") return `inline constexpr std::string_view ${name} = ${JSON.stringify(value)};`;
    return `inline constexpr std::uint32_t ${name} = ${value};`;
  });
}

function step(name: string, fields: Readonly<Record<string, FieldType>>): string[] {
  const type = `${pascal(name)}Step`;
  const entries = Object.entries(fields);
  const reads = entries.map(([field, kind]) => `in.${READERS[kind]}(&out->${snake(field)})`);
  const members = entries.map(([field, kind]) => {
    const initial = kind === "u32" || kind === "u64" || kind === "i64" ? " = 0" : "";
    return `  ${CPP_TYPES[kind]} ${snake(field)}${initial};`;
  });
  const opening = members.length === 0 ? [`struct ${type} {};`] : [`struct ${type} {`, ...members, "};"];
  const parameter = reads.length === 0 ? `${type}*` : `${type}* out`;
  const checks = [...reads, "in.AtEnd()"].join(" &&\n         ");
  return [...opening, `inline bool Decode(FieldReader in, ${parameter}) {`, `  return ${checks};`, "}", ""];
}

/** The whole header. */
export function header(): string {
  const names = Object.entries(OPS);
  const lines = [
    "// Generated from lib/plan/steps.ts by `npm run generate`; changes made here are lost.",
    "",
    "#ifndef RUNT_PLAN_OPS_GEN_H_",
    "#define RUNT_PLAN_OPS_GEN_H_",
    "",
    "#include <cstdint>",
    "#include <string_view>",
    "",
    '#include "../base/result.h"',
    '#include "fields.h"',
    "",
    "namespace runt {",
    "",
    `inline constexpr std::uint32_t kPlanMagic = 0x${PLAN_MAGIC.toString(16)};`,
    `inline constexpr std::uint32_t kPlanVersion = ${PLAN_VERSION};`,
    `inline constexpr std::uint32_t kOpCount = ${names.length};`,
    `inline constexpr std::uint32_t kFailureSize = ${FAILURE_SIZE};`,
    `inline constexpr std::uint32_t kMaxSlots = ${MAX_SLOTS};`,
    `inline constexpr std::uint32_t kHookTimedOut = ${HOOK_TIMED_OUT};`,
    `inline constexpr std::uint32_t kHookOutputLimit = ${HOOK_OUTPUT_LIMIT};`,
    "",
    ...constants("MountFlag", MountFlag),
    ...constants("MountTree", MountTree),
    ...constants("Refused", Refused),
    ...constants("MissingKind", MissingKind),
    ...constants("StageName", StageName),
    ...constants("Beginning", Beginning),
    ...constants("StartByte", StartByte),
    "",
    ...enumeration(
      "Op",
      names.map(([name], index) => [name, index] as const),
    ),
    ...enumeration("Stage", Object.entries(Stage)),
    ...enumeration("Message", Object.entries(Message)),
    ...enumeration(
      "Call",
      CALLS.map((call, index) => [call, index] as const),
    ),
    ...names.flatMap(([name, fields]) => step(name, fields)),
    "// Calls `x` with the name of each operation.",
    "#define RUNT_FOR_EACH_OP(x) \\",
    ...names.map(([name], index) => `  x(${pascal(name)})${index + 1 < names.length ? " \\" : ""}`),
    "",
    "// The types of the fields of each operation, for what walks plans without knowing operations: i u32, l u64 or",
    "// i64, s str, S strs, n u32s, b bytes.",
    "inline constexpr std::string_view kFieldTypes[] = {",
    ...names.map(
      ([, fields]) =>
        `    "${Object.values(fields)
          .map((kind) => LETTERS[kind])
          .join("")}",`,
    ),
    "};",
    "",
    "// Whether the fields of one step of operation `op` are complete and well formed.",
    "inline bool DecodesAs(Op op, FieldReader in) {",
    "  switch (op) {",
    ...names.flatMap(([name]) => [
      `    case Op::k${pascal(name)}: {`,
      `      ${pascal(name)}Step step;`,
      "      return Decode(in, &step);",
      "    }",
    ]),
    "  }",
    "  return false;",
    "}",
    "",
    "}  // namespace runt",
    "",
    "#endif  // RUNT_PLAN_OPS_GEN_H_",
    "",
  ];
  return lines.join("\n");
}
