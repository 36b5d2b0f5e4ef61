// SPDX-License-Identifier: Apache-2.0
/**
 * A plan as bytes, which `init` maps and walks. The format is described in `native/README.md`; the addon walks {@link OPS}, so
 * neither knows a single operation.
 */
import { RuntimeError } from "../errors.ts";
import { encodePlan as encode } from "../sys/pure.ts";
import { OPS, PLAN_MAGIC, PLAN_VERSION, type FieldType, type OpName, type Step } from "./steps.ts";

/** The addon knows a type by its place here. */
const FIELD_TYPES: readonly FieldType[] = ["u32", "u64", "i64", "str", "strs", "u32s", "bytes"];

/** An operation as the encoder goes through it. */
interface Layout {
  readonly number: number;
  readonly names: readonly string[];
  /** Places in {@link FIELD_TYPES}. */
  readonly kinds: readonly number[];
}

const LAYOUTS = layouts();

function layouts(): Readonly<Record<OpName, Layout>> {
  const found: Partial<Record<OpName, Layout>> = {};
  for (const [number, [op, fields]] of Object.entries(OPS).entries()) {
    const types: readonly FieldType[] = Object.values(fields);
    found[op as OpName] = { number, names: Object.keys(fields), kinds: types.map((type) => FIELD_TYPES.indexOf(type)) };
  }
  return found as Record<OpName, Layout>;
}

/**
 * Encodes `steps`.
 * @throws INTERNAL where a string holds a NUL byte, which validation should have refused
 */
export function encodePlan(steps: readonly Step[]): Uint8Array {
  const bytes = encode(steps, LAYOUTS, PLAN_MAGIC, PLAN_VERSION);
  if (bytes === null) throw new RuntimeError("INTERNAL", "a string of the plan holds a NUL byte");
  return bytes;
}
