// SPDX-License-Identifier: Apache-2.0
import { RuntimeError, type ErrorFacts } from "../../errors.ts";

/** The error for an image that is not valid. */
export function invalid(text: string, facts: ErrorFacts = {}): RuntimeError {
  return new RuntimeError("IMAGE_INVALID", text, facts);
}

/** The limits on the size of an image. */
export interface ImageLimits {
  /** Bytes of all layers, unpacked. */
  readonly maxSize: number;
  /** Files, directories and links of all layers. */
  readonly maxFiles: number;
}
