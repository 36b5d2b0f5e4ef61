// SPDX-License-Identifier: Apache-2.0
/**
 * The major number of a SemVer 2.0.0 version; `undefined` if the text is not a version.
 *
 * This is written by hand: compiling a regular expression for it takes longer than all other checks of a
 * config.json together.
 *
 * @see https://semver.org/spec/v2.0.0.html
 */
export function semverMajor(version: string): number | undefined {
  const plus = version.indexOf("+");
  if (plus >= 0 && !areLabels(version.slice(plus + 1), false)) return undefined;
  const rest = plus >= 0 ? version.slice(0, plus) : version;
  const minus = rest.indexOf("-");
  if (minus >= 0 && !areLabels(rest.slice(minus + 1), true)) return undefined;
  const numbers = (minus >= 0 ? rest.slice(0, minus) : rest).split(".");
  if (numbers.length !== 3 || !numbers.every(isNumber)) return undefined;
  return Number(numbers[0]);
}

/** Digits without a zero in front. */
function isNumber(text: string): boolean {
  return text !== "" && consistsOf(text, isDigit) && (text === "0" || text[0] !== "0");
}

/** Labels with dots between; in a pre-release, labels of digits alone are numbers. */
function areLabels(text: string, preRelease: boolean): boolean {
  return text.split(".").every((label) => {
    if (label === "" || !consistsOf(label, isLabelCharacter)) return false;
    return !preRelease || !consistsOf(label, isDigit) || isNumber(label);
  });
}

function consistsOf(text: string, test: (code: number) => boolean): boolean {
  for (let i = 0; i < text.length; i++) if (!test(text.charCodeAt(i))) return false;
  return true;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLabelCharacter(code: number): boolean {
  const letter = code | 0x20;
  return isDigit(code) || (letter >= 0x61 && letter <= 0x7a) || code === 0x2d;
}
