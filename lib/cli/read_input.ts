// SPDX-License-Identifier: Apache-2.0
/** A document on standard input. */
import { Errno } from "../kernel/errno.ts";
import { POLLIN } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";

/** All of stdin, which may be a socket or a pipe, as text of `limit` bytes at most; or a negative errno. */
export function readInput(limit: number): string | number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const buffer = new Uint8Array(65536);
  let text = "";
  try {
    for (;;) {
      const size = native.read(0, buffer);
      if (size === -Errno.EAGAIN) native.poll(new Int32Array([0, POLLIN]), -1);
      else if (size < 0) return size;
      else if (size === 0) return text + decoder.decode();
      else text += decoder.decode(buffer.subarray(0, size), { stream: true });
      if (text.length > limit) return -Errno.EFBIG;
    }
  } catch {
    return -Errno.EILSEQ;
  }
}
