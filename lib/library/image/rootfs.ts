/** A root file system that containers share. */

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

export class Rootfs implements ImageDefaults {
  /** Directories of the layers, topmost first. */
  readonly layers: readonly string[];
  /** Digest of the image's config. */
  readonly digest: string;
  readonly args: readonly string[] | undefined;
  readonly env: readonly string[] | undefined;
  readonly cwd: string | undefined;
  readonly user: string | undefined;
  readonly volumes: readonly string[] | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;

  private constructor(layers: readonly string[], digest: string, defaults: ImageDefaults) {
    this.layers = layers;
    this.digest = digest;
    this.args = defaults.args;
    this.env = defaults.env;
    this.cwd = defaults.cwd;
    this.user = defaults.user;
    this.volumes = defaults.volumes;
    this.annotations = defaults.annotations;
  }
}
