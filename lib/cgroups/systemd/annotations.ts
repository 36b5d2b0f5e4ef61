// SPDX-License-Identifier: Apache-2.0
/** Properties that `org.systemd.property.NAME` annotations of config.json set. Pure. */
import { pointerStep } from "../../spec/json/pointer.ts";
import { RuntimeError } from "../../errors.ts";
import { SYSTEMD_PROPERTY } from "../../spec/annotations.ts";
import { GVariantError, parseGVariant, type Typed } from "../../dbus/gvariant.ts";
import { INFINITY, type Property } from "../../dbus/values.ts";

const MICROSECONDS = 1_000_000;

/**
 * The properties, in the order of the annotations. `NAMESec`, in seconds, becomes `NAMEUSec`, which D-Bus has.
 * @throws CONFIG_INVALID
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>> | undefined): Property[] {
  const properties: Property[] = [];
  for (const [key, source] of Object.entries(annotations ?? {})) {
    if (!key.startsWith(SYSTEMD_PROPERTY)) continue;
    const name = key.slice(SYSTEMD_PROPERTY.length);
    const refuse = (why: string): never => {
      const pointer = `/annotations${pointerStep(key)}`;
      throw new RuntimeError("CONFIG_INVALID", `annotations: ${key}=${source}: ${why}`, { pointer });
    };
    if (!/^[A-Za-z]{3,}$/.test(name)) refuse("the name incorrect: it must have three letters or more, and nothing else");
    let typed: Typed;
    try {
      typed = parseGVariant(source);
    } catch (error) {
      if (!(error instanceof GVariantError)) throw error;
      return refuse(`value parse error: ${error.message}`);
    }
    if (!name.endsWith("Sec") || name.endsWith("USec")) {
      properties.push({ name, ...typed });
      continue;
    }
    const { value } = typed;
    if ((typeof value !== "number" && typeof value !== "bigint") || value < 0)
      return refuse("value convert error: seconds are a number");
    const micro = typeof value === "bigint" ? value * BigInt(MICROSECONDS) : BigInt(Math.round(value * MICROSECONDS));
    if (micro > INFINITY) return refuse("value convert error: that is more than 64 bits of microseconds");
    properties.push({ name: `${name.slice(0, -3)}USec`, signature: "t", value: micro });
  }
  return properties;
}
