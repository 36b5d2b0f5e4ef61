// SPDX-License-Identifier: Apache-2.0
// podman's system tests, from a clone of containers/podman of the release that is installed.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BUSYBOX, makeRoot, pack } from "./image.mjs";
import { batsPath, filterOf, firstLine, OWN_CGROUP_FOLDER, sh } from "./run.mjs";

export const repository = "containers/podman";
export const mark = "test/system/helpers.bash";
export const peer = "runc";
export const linkName = "runc";
export const cgroupV1Alone = false;
const STALL_MS = 180_000;

/** @returns the reason why nothing of it can run, or undefined */
export function missing(clone) {
  if (batsPath() === "") return "bats is missing (Debian's package bats, or BATS=PATH)";
  for (const program of ["podman", "jq", "skopeo", "socat"])
    if (sh(`command -v ${program}`).status !== 0) return `${program} is not installed`;
  if (!existsSync(BUSYBOX)) return `${BUSYBOX} is missing (Debian's package busybox-static); the image is made of it`;
  const tag = firstLine(sh(`git -C '${clone}' describe --tags`).stdout);
  const version = firstLine(sh("podman --version").stdout).split(" ").at(-1);
  if (tag !== "" && !tag.startsWith(`v${version}`))
    return `the clone is at ${tag} and podman is ${version}: check out v${version}`;
  return undefined;
}

/** podman with a storage, locks and networks below `work`, and `runtime`. @returns its environment */
function configuration(work, runtime) {
  const folder = join(work, `podman-${basename(dirname(runtime))}`);
  const env = {
    CONTAINERS_CONF: join(folder, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(folder, "storage.conf"),
    TMPDIR: join(work, "tmp"),
    BATS_TMPDIR: join(work, "tmp"),
  };
  if (existsSync(folder)) return env;
  mkdirSync(folder);
  writeFileSync(
    env.CONTAINERS_CONF,
    `[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
tmp_dir = "${folder}/run"
static_dir = "${folder}/static"
volume_path = "${folder}/volumes"
[engine.runtimes]
runc = ["${runtime}"]
[containers]
log_driver = "k8s-file"
[network]
network_backend = "netavark"
network_config_dir = "${folder}/networks"
`,
  );
  const storage = `driver = "overlay"\nrunroot = "${folder}/runroot"\ngraphroot = "${folder}/root"\n`;
  writeFileSync(env.CONTAINERS_STORAGE_CONF, `[storage]\n${storage}`);
  return env;
}

/** The image that every test starts from, which the suite would fetch: as its script makes it, of busybox in the place of Alpine. */
function makeImage(clone, work) {
  const text = readFileSync(join(clone, "test/system/helpers.bash"), "utf8");
  const tag = /PODMAN_TEST_IMAGE_TAG:-"(\d+)"/.exec(text)?.[1] ?? "00000000";
  const root = makeRoot(join(work, "image"));
  mkdirSync(join(root, "home/podman"));
  writeFileSync(join(root, "home/podman/testimage-id"), `${tag}\n`);
  utimesSync(join(root, "home/podman/testimage-id"), 1600000000, 1600000000);
  const pause = "#!/bin/sh\necho Confirmed: testimage pause invoked as $0\nwhile :; do sleep 0.1; done\n";
  writeFileSync(join(root, "home/podman/pause"), pause, { mode: 0o755 });
  const created = new Date().toISOString().replace(/\.\d+Z/, "Z");
  const command = JSON.stringify(["/bin/echo", "This container is intended for podman CI testing"]);
  const changes = [
    `CMD ${command}`,
    "WORKDIR /home/podman",
    "LABEL created_by=test/system/build-testimage",
    `LABEL created_at=${created}`,
  ];
  const archive = join(work, "image.tar");
  pack(root, archive);
  writeFileSync(
    join(work, "image.sh"),
    `exec podman import -q ${changes.map((line) => `--change '${line}'`).join(" ")} '${archive}' quay.io/libpod/testimage:${tag}\n`,
  );
}

/** @returns notes @throws Error */
export function prepare(clone, work) {
  mkdirSync(join(work, "tmp"));
  chmodSync(join(work, "tmp"), 0o1777);
  makeImage(clone, work);
  return [];
}

export function files(clone) {
  return readdirSync(join(clone, "test/system"))
    .filter((name) => name.endsWith(".bats"))
    .sort();
}

/** The names of a file's tests, in their order. */
export function testsOf(clone, file) {
  const text = readFileSync(join(clone, "test/system", file), "utf8");
  return [...text.matchAll(/^@test "(.*)" \{/gm)].map(([, name]) => name);
}

export function command(clone, work, file, runtime, names) {
  const env = configuration(work, runtime);
  const filter = names.length === testsOf(clone, file).length ? "" : '--filter "$FILTER"';
  const bats = `exec '${batsPath()}' --tap ${filter} '${join(clone, "test/system", file)}'`;
  const image = `podman image exists '${imageOf(work)}' || sh '${join(work, "image.sh")}' >/dev/null || exit 1; `;
  return {
    words: ["script", "-qec", `${OWN_CGROUP_FOLDER}${image}${bats}`, "/dev/null"],
    keepsInput: true,
    env: { ...env, FILTER: filterOf(names), PODMAN: "podman", OCI_RUNTIME: runtime, TERM: "dumb" },
    stallMs: STALL_MS,
  };
}

function imageOf(work) {
  return readFileSync(join(work, "image.sh"), "utf8").trim().split(" ").at(-1);
}

/** podman's cgroups, empty once its processes have ended with their namespace. */
export function cleanUp() {
  sh(
    `for at in /sys/fs/cgroup/*/libpod_parent /sys/fs/cgroup/libpod_parent; do [ -d "$at" ] && find "$at" -depth -type d -exec rmdir {} \\;; done`,
  );
}
