// SPDX-License-Identifier: Apache-2.0
/** The output of `runt plan`: a list of the steps for people, JSON for programs. Pure. */

import { capabilityNames } from "../../spec/capabilities.ts";
import * as linux from "../../kernel/plan_numbers.ts";
import type { PlanLine } from "../../plan/runtime_steps.ts";
import { MountFlag } from "../../plan/steps.ts";
import { FLAG_NEW_LISTENER, FLAGS } from "../../seccomp/constants.ts";
import { jsonText } from "./json_text.ts";

type FieldValue = number | bigint | string | readonly string[] | readonly number[] | Uint8Array;

/** Text of a field's value; "" leaves the field out. */
type Decoder = (value: FieldValue) => string;

/** Bits with names; names for several bits come first. */
type Bits = readonly (readonly [name: string, bits: bigint])[];

/**
 * A numbered list: operation, fields with flags as the kernel's names, and the place in config.json that the step comes
 * from.
 */
export function formatPlan(steps: readonly PlanLine[]): string {
  const numberWidth = String(steps.length).length;
  const opWidth = Math.max(0, ...steps.map(({ op }) => op.length));
  const decoders = makeDecoders();
  let text = "";
  steps.forEach((step, index) => {
    const number = String(index + 1).padStart(numberWidth);
    const origin = step.origin === "" ? "" : `  ← ${step.origin}`;
    const fields = formatFields(step, decoders);
    text += `${`${number}. ${step.op.padEnd(opWidth)} ${fields}`.trimEnd()}${origin}\n`;
  });
  return text;
}

/**
 * An array of `{op, origin, fields}`. Integers that a double cannot hold (such as an unlimited rlimit) are strings of
 * decimal digits.
 */
export function formatPlanJson(steps: readonly PlanLine[]): string {
  const plain = steps.map(({ op, origin, fields }) => ({
    op,
    origin,
    fields: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, jsonValue(value as FieldValue)])),
  }));
  return `${jsonText(plain, 2)}\n`;
}

function jsonValue(value: FieldValue): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  return value instanceof Uint8Array ? [...value] : value;
}

function formatFields(step: PlanLine, decoders: Readonly<Record<string, Decoder>>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(step.fields) as [string, FieldValue][]) {
    const decode = decoders[`${step.op}.${name}`] ?? plainText;
    const text = decode(value);
    if (text !== "") parts.push(`${name}=${text}`);
  }
  return parts.join(" ");
}

function plainText(value: FieldValue): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value.length === 0) return "";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return JSON.stringify(value);
}

function makeDecoders(): Readonly<Record<string, Decoder>> {
  const clone = names(bitsOf("CLONE_"));
  const mountFlags = names(bitsOf("MS_"));
  const attributes = names(bitsOf("MOUNT_ATTR_"));
  const capabilities = capabilitiesDecoder();
  return {
    "joinNamespace.kind": clone,
    "unshare.flags": clone,
    "fork.flags": clone,
    "clone.flags": clone,
    "parentPropagation.flags": mountFlags,
    "rootPropagation.flags": mountFlags,
    "mount.flags": names(sortBits(Object.entries(MountFlag))),
    "mount.sb": mountFlags,
    "mount.set": attributes,
    "mount.clear": attributes,
    "mount.implied": attributes,
    "mount.recSet": attributes,
    "mount.recClear": attributes,
    "mount.propagation": (value) => (value as readonly number[]).map(mountFlags).join(","),
    "mount.tree": (value) => (value === 0 ? "" : `slot ${Number(value) - 1}`),
    "mountAttributes.set": attributes,
    "mountAttributes.clear": attributes,
    "device.mode": deviceMode,
    "enterRoot.mode": (value) => ["pivot_root", "move", "chroot"][Number(value)] ?? String(value),
    "rlimit.resource": rlimitName,
    "rlimit.soft": rlimitValue,
    "rlimit.hard": rlimitValue,
    "seccomp.flags": names(sortBits([...Object.entries(FLAGS), ["SECCOMP_FILTER_FLAG_NEW_LISTENER", FLAG_NEW_LISTENER]])),
    "umask.mask": octal,
    "memoryPolicy.nodes": setBits,
    "credentials.bounding": capabilities,
    "credentials.effective": capabilities,
    "credentials.permitted": capabilities,
    "credentials.inheritable": capabilities,
    "credentials.ambient": capabilities,
    // The state on a hook's standard input is long, and the same for all hooks.
    "hook.stateHead": () => "",
    "hook.stateTail": () => "",
  };
}

function bitsOf(prefix: string): Bits {
  const found: [string, number][] = [];
  for (const [name, value] of Object.entries(linux)) {
    if (name.startsWith(prefix) && typeof value === "number") found.push([name, value]);
  }
  return sortBits(found);
}

/** The largest masks first, so that MOUNT_ATTR__ATIME is not shown as its parts. */
function sortBits(entries: readonly (readonly [string, number])[]): Bits {
  const weight = (bits: bigint): number => bits.toString(2).replaceAll("0", "").length;
  return entries
    .map(([name, value]) => [name, BigInt(value)] as const)
    .sort(([, left], [, right]) => weight(right) - weight(left) || (left < right ? -1 : 1));
}

/** Names joined by `|`; bits without a name follow in hexadecimal. */
function names(bits: Bits): Decoder {
  return (value) => {
    let rest = BigInt(value as number | bigint);
    const found: string[] = [];
    for (const [name, mask] of bits) {
      if (mask === 0n || (rest & mask) !== mask) continue;
      found.push(name);
      rest &= ~mask;
    }
    if (rest !== 0n) found.push(`0x${rest.toString(16)}`);
    return found.join("|");
  };
}

function capabilitiesDecoder(): Decoder {
  return names(capabilityNames().map((name, number) => [name, 1n << BigInt(number)] as const));
}

function deviceMode(value: FieldValue): string {
  const mode = Number(value);
  const type = mode & linux.S_IFMT;
  const kind = type === linux.S_IFCHR ? "c" : type === linux.S_IFBLK ? "b" : type === linux.S_IFIFO ? "p" : "?";
  return `${kind}:${octal(mode & 0o7777)}`;
}

function setBits(value: FieldValue): string {
  const found: number[] = [];
  (value as Uint8Array).forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) found.push(index * 8 + bit);
  });
  return found.join(",");
}

function octal(value: FieldValue): string {
  return `0${Number(value).toString(8)}`;
}

function rlimitName(value: FieldValue): string {
  for (const [name, number] of Object.entries(linux.RLIMITS)) if (number === value) return name;
  return String(value);
}

function rlimitValue(value: FieldValue): string {
  return value === 0xffffffffffffffffn ? "infinity" : String(value);
}
