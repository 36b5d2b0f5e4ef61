// SPDX-License-Identifier: Apache-2.0
/** What the addon computes from its arguments alone: it makes no system call, so that `spec` and `plan` may use it. */
import { native } from "./native.ts";

export const { encodePlan, isPlainJson } = native;
