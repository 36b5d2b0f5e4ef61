// SPDX-License-Identifier: Apache-2.0
/** The text of the program's help. */

/** First line and introduction of the program's help. */
export const PROGRAM = {
  title: "Open Container Initiative runtime",
  text: `runt makes, starts and ends containers as the OCI runtime specification 1.3.0 describes
them. Engines (containerd, dockerd, podman) call it in the place of runc; a person can use it
with a bundle.

A bundle is a directory with a file "config.json", which says what the container is, and
with its root file system. To make a bundle and run it:

    # mkdir -p bundle/rootfs        (fill the rootfs with the files of a system)
    # runt spec -b bundle
    # runt check -b bundle
    # runt run -b bundle my-container

A container id has the characters a-z, A-Z, 0-9, "_", "+", "-" and "."; no two containers
of one root directory (--root) have the same.`,
} as const;
