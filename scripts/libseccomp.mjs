// SPDX-License-Identifier: Apache-2.0
// The sources of libseccomp, which makes the filters: Debian's source package, by the digest in sources.json, with the patches of
// native/seccomp/patches. So what runt knows of system
// calls and architectures does not depend on the machine that it was built on.
import { fetchSource } from "./debian_source.mjs";

/** The directory, relative to the checkout, that {@link fetchLibseccomp} unpacks the sources into. */
export const LIBSECCOMP = "build/libseccomp-source";

/** Fetches, unpacks and patches the sources, unless they are there. @throws StepFailed */
export function fetchLibseccomp() {
  fetchSource({ name: "libseccomp", directory: LIBSECCOMP });
}
