// SPDX-License-Identifier: Apache-2.0
/** Commands of other programs that people try: the command that replaces them here, or the program that has them. */

/** The command that does the same here. */
const SAME: Readonly<Record<string, string>> = {
  rm: "delete",
  remove: "delete",
  stop: "kill",
  signal: "kill",
  inspect: "state",
  status: "state",
  ls: "list",
  containers: "list",
  top: "ps",
  stats: "events --stats",
  metrics: "events --stats",
  freeze: "pause",
  unpause: "resume",
  thaw: "resume",
  info: "features",
  validate: "check",
  lint: "check",
  init: "spec",
  up: "run",
  shell: "exec",
  version: "--version",
  mounts: "plan",
};

/** Commands that belong to other programs, with the reason. */
const ELSEWHERE: readonly { readonly names: string; readonly whose: string }[] = [
  {
    names: "images image pull push build commit tag rmi save load import login logout search history manifest unpack",
    whose: "a runtime knows no images: engines do (podman, docker, nerdctl, ctr), and skopeo, buildah and umoci",
  },
  {
    names: "logs attach",
    whose: "a runtime keeps no output: it goes where the caller lets it, and an engine keeps logs (podman, docker, nerdctl)",
  },
  {
    names: "cp diff export rename port restart network volume pod compose system prune",
    whose: "this is the business of an engine (podman, docker, nerdctl)",
  },
];

/** Advice about a command that this program does not have; `undefined` if there is no advice. */
export function foreignCommand(name: string): string | undefined {
  const same = Object.hasOwn(SAME, name) ? SAME[name] : undefined;
  if (same !== undefined) return `Did you mean "${same}"?`;
  const known = ELSEWHERE.find(({ names }) => names.split(" ").includes(name));
  return known?.whose;
}
