// SPDX-License-Identifier: Apache-2.0
/** Writing to descriptors, all of it. */

import { Errno } from "../../kernel/errno.ts";
import { POLLOUT } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";

export const STDOUT = 1;
export const STDERR = 2;

/**
 * Writes all of `text`.
 *
 * @returns 0, or the errno of the write that failed: EPIPE if the reader has gone
 */
export function write(fd: number, text: string): number {
  if (text === "") return 0;
  const bytes = new TextEncoder().encode(text);
  let offset = 0;
  for (;;) {
    const written = native.write(fd, bytes.subarray(offset));
    if (written > 0) offset += written;
    else if (written === -Errno.EAGAIN) native.poll(Int32Array.of(fd, POLLOUT), -1);
    else if (written !== -Errno.EINTR) return -written;
    if (offset >= bytes.length) return 0;
  }
}
