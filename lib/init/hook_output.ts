// SPDX-License-Identifier: Apache-2.0
/** The output of a hook, as the end of an error message. */
export function outputText(output: string): string {
  const text = output.trim();
  return text === "" ? "" : `, output: ${text}`;
}
