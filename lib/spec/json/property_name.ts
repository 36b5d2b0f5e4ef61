// SPDX-License-Identifier: Apache-2.0
import { pointerNames } from "./pointer.ts";

/**
 * A JSON Pointer as a person writes it: `/linux/resources/devices/0/access` as `linux.resources.devices[0].access`,
 * `/linux/sysctl/net.ipv4.ip_forward` as `linux.sysctl["net.ipv4.ip_forward"]`.
 */
export function propertyName(pointer: string): string {
  let name = "";
  for (const plain of pointerNames(pointer)) {
    if (plain === "") continue;
    const first = plain.charCodeAt(0);
    if (first >= 48 && first <= 57) name += `[${plain}]`;
    else if (/^\w+$/.test(plain)) name += name === "" ? plain : `.${plain}`;
    else name += `[${JSON.stringify(plain)}]`;
  }
  return name;
}
