// SPDX-License-Identifier: Apache-2.0
/** The descriptors of `--preserve-fds`. */
import { RuntimeError } from "../../errors.ts";
import { F_GETFD } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";

/**
 * Checks that the caller has left as many descriptors open as `--preserve-fds` says.
 *
 * The program counts them before anything else, because it opens some itself.
 * @throws USAGE
 */
export function checkPreserved(count: number): void {
  if (count === 0) return;
  const inherited = process.env["RUNT_INHERITED_FDS"];
  const end = inherited === undefined ? Infinity : 3 + Number(inherited);
  for (let fd = 3; fd < 3 + count; fd++) {
    if (fd < end && native.fcntl(fd, F_GETFD, 0) >= 0) continue;
    throw new RuntimeError("USAGE", `--preserve-fds: unable to stat preserved-fd ${fd} (of ${count}): it is not open`);
  }
}
