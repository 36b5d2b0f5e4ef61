// SPDX-License-Identifier: Apache-2.0
/** A boolean in one of the spellings that Go's ParseBool accepts; `undefined` for another text. Pure. */
export function readBoolean(text: string): boolean | undefined {
  switch (text) {
    case "1":
    case "t":
    case "T":
    case "TRUE":
    case "true":
    case "True":
      return true;
    case "0":
    case "f":
    case "F":
    case "FALSE":
    case "false":
    case "False":
      return false;
    default:
      return undefined;
  }
}
