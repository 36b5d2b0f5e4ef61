// SPDX-License-Identifier: Apache-2.0
import { RuntimeError, type ErrorFacts } from "../../errors.ts";

/** What is wrong with an image. */
export function invalid(text: string, facts: ErrorFacts = {}): RuntimeError {
  return new RuntimeError("IMAGE_INVALID", text, facts);
}

/** What an image may cost. */
export interface ImageLimits {
  /** Bytes of all layers, unpacked. */
  readonly maxSize: number;
  /** Files, directories and links of all layers. */
  readonly maxFiles: number;
}
