// SPDX-License-Identifier: Apache-2.0
/** The messages between the caller's thread and the library's threads. */
import { asRuntimeError, RuntimeError, type ErrorCode, type ErrorFacts } from "../errors.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import type { OperationName } from "./operations.ts";
import type { SentEvent, WorkEvent } from "./work/event_types.ts";

/** The part of a context that can be copied. */
export type PlainContext = Omit<RuntimeContext, "log">;

/** To a thread: `id` names an operation from its beginning to its end. */
export type Request =
  | {
      readonly id: number;
      readonly name: OperationName;
      readonly context: PlainContext;
      readonly values: readonly unknown[];
    }
  | { readonly id: number; readonly abort: true }
  /** The program has taken events of operations: there is room for further ones. */
  | { readonly taken: readonly { readonly id: number; readonly type: WorkEvent["type"] }[] };

/** A {@link RuntimeError} as it crosses; its class does not. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly facts: ErrorFacts;
}

/** A message from a thread. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PlainError }
  | { readonly id: number; readonly log: "debug" | "warn"; readonly text: string }
  /** All events of one turn of the thread's event loop. */
  | { readonly events: readonly { readonly id: number; readonly event: SentEvent }[] };

export function toPlain(error: unknown): PlainError {
  const { code, message, facts } = asRuntimeError(error);
  return { code, message, facts };
}

export function fromPlain({ code, message, facts }: PlainError): RuntimeError {
  return new RuntimeError(code, message, facts);
}
