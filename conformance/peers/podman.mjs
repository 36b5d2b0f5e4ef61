// podman's system tests, from a clone of containers/podman of the release that is installed.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { batsPath, firstLine, sh } from "./run.mjs";

export const repository = "containers/podman";
export const mark = "test/system/helpers.bash";
export const peer = "runc";
export const linkName = "runc";
export const cgroupV1Alone = false;
const STALL_MS = 180_000;

/** The image that every test starts from; the suite loads it from the registry, unless it is there. */
const IMAGE = "quay.io/libpod/testimage";

export function missing(clone) {
  if (batsPath() === "") return "bats is missing (Debian's package bats, or BATS=PATH)";
  if (sh("command -v podman").status !== 0) return "podman is not installed";
  const tag = firstLine(sh(`git -C '${clone}' describe --tags`).stdout);
  const version = firstLine(sh("podman --version").stdout).split(" ").at(-1);
  if (tag !== "" && !tag.startsWith(`v${version}`)) return `the clone is at ${tag} and podman is ${version}: check out v${version}`;
  if (!sh("podman images --format '{{.Repository}}'").stdout.includes(IMAGE)) return `the image ${IMAGE} is missing in podman's storage`;
  return undefined;
}

export function prepare() {
  return [];
}

export function files(clone) {
  return readdirSync(join(clone, "test/system")).filter((name) => name.endsWith(".bats")).sort();
}

export function command(clone, work, file, runtime) {
  // podman takes options from its command's words, and the suite calls what PODMAN says.
  return {
    words: [batsPath(), "--tap", join(clone, "test/system", file)],
    env: { PODMAN: `podman --runtime ${runtime} --cgroup-manager cgroupfs`, OCI_RUNTIME: runtime, TMPDIR: existsSync(work) ? work : "/var/tmp" },
    stallMs: STALL_MS,
  };
}
