// SPDX-License-Identifier: Apache-2.0
/** The defaults that an image gives its containers, by the image specification's conversion. */
export interface ImageDefaults {
  /** Entrypoint and Cmd. */
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  /** WorkingDir. */
  readonly cwd?: string | undefined;
  readonly user?: string | undefined;
  /** Directories that the image's programs write to. */
  readonly volumes?: readonly string[] | undefined;
  /** The annotations of the image specification, and the labels. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}
