// SPDX-License-Identifier: Apache-2.0
/** The executable `init`. It always runs from a sealed copy: the container may write to the file it runs from (CVE-2019-5736). */
import { check } from "../sys/files.ts";
import { native, nativeDirectory, wayToWhole } from "../sys/native.ts";

const NAME = "runt:init";

/**
 * A descriptor of a copy of init, to execute; the caller closes it. The program carries init within itself, so that it works
 * wherever it is copied to; the library has it as a file.
 * @throws SYSCALL
 */
export function initExecutable(): number {
  if (process.env["RUNT_COMPILED"] === "1") return check(native.sealedInit(NAME), "copy init");
  const path = `${nativeDirectory()}/init`;
  const copied = native.sealedCopy(NAME, path);
  return copied < 0 ? check(copied, `copy ${path} (${wayToWhole()})`, { path }) : copied;
}
