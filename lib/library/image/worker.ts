// SPDX-License-Identifier: Apache-2.0
/** The thread that unpacks an image. */
import { parentPort, workerData } from "node:worker_threads";
import { toPlain } from "../messages.ts";
import { unpack, type UnpackRequest } from "./unpack.ts";

unpack(workerData as UnpackRequest).then(
  (result) => parentPort?.postMessage({ result }),
  (error: unknown) => parentPort?.postMessage({ error: toPlain(error) }),
);
