// SPDX-License-Identifier: Apache-2.0
/** All commands, in the order of the help. A new command gets a line in each of the two lists. */

import { commandTable } from "../command.ts";
import { EVENTS } from "./inspect/events.ts";
import { FEATURES } from "./inspect/features.ts";
import { LIST } from "./inspect/list.ts";
import { PS } from "./inspect/ps.ts";
import { STATE } from "./inspect/state.ts";
import { TOP } from "./inspect/top.ts";
import { WAIT } from "./inspect/wait.ts";
import { CHECKPOINT } from "./lifecycle/checkpoint.ts";
import { CREATE } from "./lifecycle/create.ts";
import { DELETE } from "./lifecycle/delete.ts";
import { EXEC } from "./lifecycle/exec.ts";
import { KILL } from "./lifecycle/kill.ts";
import { PAUSE } from "./lifecycle/pause.ts";
import { RESTORE } from "./lifecycle/restore.ts";
import { RESUME } from "./lifecycle/resume.ts";
import { RUN } from "./lifecycle/run.ts";
import { START } from "./lifecycle/start.ts";
import { UPDATE } from "./lifecycle/update.ts";
import { DEVICES } from "./live/devices.ts";
import { MOUNTS } from "./live/mounts.ts";
import { CHECK } from "./tools/check.ts";
import { COMPLETION } from "./tools/completion.ts";
import { SECCOMP } from "./tools/seccomp.ts";
import { PLAN } from "./tools/plan.ts";
import { SPEC } from "./tools/spec.ts";
import { TRACE } from "./tools/trace.ts";

export const COMMANDS = commandTable([
  CHECKPOINT,
  CHECK,
  COMPLETION,
  CREATE,
  DELETE,
  DEVICES,
  EVENTS,
  EXEC,
  FEATURES,
  KILL,
  LIST,
  MOUNTS,
  PAUSE,
  PLAN,
  PS,
  RESTORE,
  RESUME,
  RUN,
  SECCOMP,
  SPEC,
  START,
  STATE,
  TOP,
  TRACE,
  UPDATE,
  WAIT,
]);
