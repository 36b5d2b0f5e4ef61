// SPDX-License-Identifier: Apache-2.0
/** What an image says of its containers, by the image specification's conversion. */
export interface ImageDefaults {
  /** Entrypoint and Cmd. */
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  /** WorkingDir. */
  readonly cwd?: string | undefined;
  readonly user?: string | undefined;
  /** Where the image wants to be written to. */
  readonly volumes?: readonly string[] | undefined;
  /** Of the image specification, and the labels. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}
