// SPDX-License-Identifier: Apache-2.0
/** The program that makes a profile of a recording, where the library has started it (`lib/runtime/recording/recorder.ts`). */
import { finishRecording } from "../runtime/recording/finish.ts";

finishRecording(process.argv[2] ?? "");
