// SPDX-License-Identifier: Apache-2.0
/** The end of a recording: the notes become a profile. */
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import { compileProfile } from "../../seccomp/compile.ts";
import { readNotes } from "../../seccomp/notes.ts";
import { nameCall, ownArchitecture, policiesFor } from "../../seccomp/policies.ts";
import { recordedProfile, united, type RecordedCall } from "../../seccomp/profile.ts";
import { unreportedCalls } from "../../seccomp/unreported.ts";
import { readSavedConfig } from "../../spec/documents/saved_config.ts";
import { architecturesOf, parseSeccomp, profileText } from "../../spec/documents/seccomp_file.ts";
import type { Config } from "../../spec/types.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY, syscallError } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { writeProfile } from "./file.ts";
import { OUTCOME, type FinishRequest } from "./recorder.ts";

/** The descriptor of the notes. */
const NOTES = 3;
const CONFIG_LIMIT = 16 << 20;

/** What init calls after the filter holds, and what a recording has not seen if the container was made in another way. */
const NEEDED = ["close", "execve", "openat", "write"] as const;

/** Makes the profile. A failure is noted in the container's directory, for the command that deletes it. */
export function finishRecording(argument: string): void {
  const request = JSON.parse(argument) as FinishRequest;
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  native.writeFile(AT_FDCWD, `${request.state}/${OUTCOME}`, flags, 0o600, failureOf(request));
}

function failureOf(request: FinishRequest): string {
  try {
    writeRecording(request);
    return "";
  } catch (error) {
    return asRuntimeError(error).message;
  }
}

function writeRecording({ file, format, append = false, state, arguments: requested = [] }: FinishRequest): void {
  const config = configOf(state);
  const own = config.linux?.seccomp;
  const policies = policiesFor(own, requested);
  const noted = readNotes(readAt);
  if (noted === undefined || !noted.isFinished) throw new RuntimeError("INTERNAL", "the notes of the recorder cannot be read");
  const calls: RecordedCall[] = [];
  for (const each of noted.calls) {
    const { architecture, name } = nameCall(each);
    // The kernel does not know a number without a name either, or libseccomp is older than the kernel.
    if (name !== "") calls.push({ architecture, name, values: each.values });
  }
  // The recorder has not seen them.
  const unreported = unreportedCalls(own === undefined ? undefined : compileProfile(own, silentLog)).calls.map(
    ({ name }) => name,
  );
  const needed = [...NEEDED, ...unreported, ...(config.process?.noNewPrivileges === true ? [] : ["capset"])];
  const profile = recordedProfile({ calls, architecture: ownArchitecture(), policies, own, needed });
  writeProfile(file, append, (former) => {
    if (former === undefined) return profileText(profile, format ?? "oci");
    const before = parseSeccomp(former, file);
    const architectures = architecturesOf(before, ownArchitecture());
    return profileText(united({ ...before.profile, architectures }, profile), format ?? before.format, before.archMap);
  });
  if (!noted.isFull) return;
  throw new RuntimeError("HOST_UNABLE", `${file} lacks some arguments of system calls: there were more than a recording notes`);
}

function configOf(state: string): Config {
  const text = native.readUtf8File(AT_FDCWD, `${state}/config.json`, CONFIG_LIMIT);
  if (typeof text === "number") throw syscallError(-text, `read ${state}/config.json`);
  const config = readSavedConfig(text);
  if (config === undefined) throw new RuntimeError("STATE_DAMAGED", `${state}/config.json is damaged`);
  return config;
}

function readAt(offset: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const got = native.readAt(NOTES, bytes.subarray(at), offset + at);
    if (got <= 0) break;
    at += got;
  }
  return bytes.subarray(0, at);
}
