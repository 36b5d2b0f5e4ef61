// SPDX-License-Identifier: Apache-2.0
/**
 * JSON as Go's encoder writes it: characters that mean something to HTML are escaped. Output of runt that is compared
 * byte for byte with runc's goes through here.
 *
 * @param indent spaces for each level; default: all on one line
 */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  let result = "";
  let from = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const special = code === 0x3c || code === 0x3e || code === 0x26 || code === 0x2028 || code === 0x2029;
    if (!special) continue;
    result += `${text.slice(from, index)}\\u${code.toString(16).padStart(4, "0")}`;
    from = index + 1;
  }
  return from === 0 ? text : result + text.slice(from);
}
