// SPDX-License-Identifier: Apache-2.0
// buildah's bats tests of "run", from a clone of containers/buildah of the release that is installed.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BUSYBOX, makeArchive } from "./image.mjs";
import { batsPath, filterOf, firstLine, OWN_CGROUP_FOLDER, sh } from "./run.mjs";

export const repository = "containers/buildah";
export const mark = "tests/helpers.bash";
export const peer = "runc";
export const linkName = "runc";
export const cgroupV1Alone = false;
const STALL_MS = 120_000;
/** What the runtime has to do with; the others build and push. */
const FILES = /^(run|namespaces|chroot|containers)\.bats$/;
/** Images that the tests start from, of a registry. */
const IMAGES = ["docker.io/library/alpine", "docker.io/library/debian", "docker.io/library/busybox"];
const TAGS = "exclude_graphdriver_btrfs exclude_graphdriver_devicemapper containers_image_openpgp";

/** @returns the reason why nothing of it can run, or undefined */
export function missing(clone) {
  if (batsPath() === "") return "bats is missing (Debian's package bats, or BATS=PATH)";
  for (const program of ["buildah", "podman", "skopeo"])
    if (sh(`command -v ${program}`).status !== 0) return `${program} is not installed`;
  if (!existsSync(BUSYBOX)) return `${BUSYBOX} is missing (Debian's package busybox-static); the images are made of it`;
  const tag = firstLine(sh(`git -C '${clone}' describe --tags`).stdout);
  const version = /\d+\.\d+\.\d+/.exec(sh("buildah --version").stdout)?.[0] ?? "";
  if (tag !== "" && !tag.startsWith(`v${version}`))
    return `the clone is at ${tag} and buildah is ${version}: check out v${version}`;
  return undefined;
}

/** The suite keeps fetched images in a directory; it finds them there. @returns notes @throws Error */
export function prepare(clone, work) {
  for (const folder of ["cache", "bin"]) mkdirSync(join(work, folder));
  const archive = join(work, "images.tar");
  makeArchive(
    work,
    archive,
    IMAGES.map((name) => `${name}:latest`),
    { Cmd: ["/bin/sh"], Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] },
  );
  for (const name of IMAGES) {
    const folder = join(work, "cache", `${name.replaceAll(/[^A-Za-z0-9.-]/g, "-")}-`);
    const copied = sh(`skopeo copy --insecure-policy 'docker-archive:${archive}:${name}:latest' 'dir:${folder}'`);
    if (copied.status !== 0) throw new Error(`skopeo: ${firstLine(copied.stderr)}`);
  }
  const go = process.env.GO ?? "go";
  const built = sh(`'${go}' build -mod=vendor -tags '${TAGS}' -o '${work}/bin/copy' ./tests/copy`, {
    cwd: clone,
    env: { ...process.env, GOTOOLCHAIN: "local" },
  });
  if (built.status !== 0) throw new Error(`tests/copy cannot be built (${firstLine(built.stderr)}); GO names a newer Go`);
  return [];
}

export function files(clone) {
  return readdirSync(join(clone, "tests"))
    .filter((name) => FILES.test(name))
    .sort();
}

/** The names of a file's tests, in their order. */
export function testsOf(clone, file) {
  const text = readFileSync(join(clone, "tests", file), "utf8");
  return [...text.matchAll(/^@test ["'](.*)["'] \{/gm)].map(([, name]) => name);
}

export function command(clone, work, file, runtime, names) {
  const filter = names.length === testsOf(clone, file).length ? "" : '--filter "$FILTER"';
  return {
    words: [
      "script",
      "-qec",
      `${OWN_CGROUP_FOLDER}mkdir -m 1777 /run/scratch\nexec '${batsPath()}' --tap ${filter} '${join(clone, "tests", file)}'`,
      "/dev/null",
    ],
    keepsInput: true,
    env: {
      BUILDAH_BINARY: firstLine(sh("command -v buildah").stdout),
      BUILDAH_RUNTIME: runtime,
      BUILDAH_ISOLATION: "oci",
      COPY_BINARY: join(work, "bin/copy"),
      _BUILDAH_IMAGE_CACHEDIR: join(work, "cache"),
      OCI: runtime,
      FILTER: filterOf(names),
      // The suite writes its path in small letters.
      TMPDIR: "/run/scratch",
      BATS_TMPDIR: "/run/scratch",
      TERM: "dumb",
    },
    stallMs: STALL_MS,
  };
}

/** buildah's cgroups, empty once its processes have ended with their namespace. */
export function cleanUp() {
  sh(
    'for at in /sys/fs/cgroup/*/buildah-buildah* /sys/fs/cgroup/buildah-buildah*; do [ -d "$at" ] && find "$at" -depth -type d -exec rmdir {} \\;; done',
  );
}
