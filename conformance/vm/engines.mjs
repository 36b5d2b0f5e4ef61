// SPDX-License-Identifier: Apache-2.0
// Roots with the engines of a release of Debian, made of its packages and kept in the cache of the test machine. They are for
// the playground of conformance/engines, here and in that machine; nothing is installed on the host.
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CACHE, mmdebstrap, once } from "./machine.mjs";

const PACKAGES = [
  ...["docker.io", "docker-compose", "containerd", "containernetworking-plugins", "podman", "conmon", "buildah"],
  ...["netavark", "catatonit", "uidmap", "slirp4netns", "fuse-overlayfs", "runc", "crun", "criu"],
  ...[
    "iptables",
    "iproute2",
    "systemd",
    "dbus",
    "procps",
    "kmod",
    "util-linux",
    "bsdutils",
    "busybox-static",
    "strace",
    "tzdata",
  ],
];
/** What a release has beside, or needs to be the same as the others. */
const RELEASES = {
  // Its docker wants the profile of AppArmor that it has in a file where the kernel has AppArmor; later ones look for the parser.
  bookworm: { more: ["apparmor"], words: ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"] },
  trixie: { more: ["docker-cli", "docker-buildx", "passt", "nftables"], words: [] },
  forky: { more: ["docker-cli", "docker-buildx", "passt", "nftables"], words: [] },
};

/** Names of the releases whose engines can be had. */
export const ENGINE_RELEASES = Object.keys(RELEASES);

function makeRoot(release, path) {
  const { more, words } = RELEASES[release];
  mmdebstrap(["--variant=minbase", ...words, `--include=${[...PACKAGES, ...more].join(",")}`, release, path]);
  for (const folder of ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"]) {
    rmSync(join(path, folder), { recursive: true, force: true });
  }
}

/**
 * The root with the engines of `release`, made if it is missing: a minute or two, and some 900 MB.
 *
 * @throws Unbuildable
 */
export function engineRoot(release) {
  if (RELEASES[release] === undefined) throw new Error(`no release ${release}; there are ${ENGINE_RELEASES.join(", ")}`);
  mkdirSync(CACHE, { recursive: true });
  const hash = createHash("sha256").update(JSON.stringify([PACKAGES, RELEASES[release], makeRoot.toString()]));
  return once(`engines-${release}-${hash.digest("hex").slice(0, 10)}`, (path) => makeRoot(release, path));
}
