// The sources of libseccomp, which makes the filters: Debian's source package, by its digest. So what runt knows of system
// calls and architectures does not depend on the machine that it was built on.
import { fetchSource } from "./debian_source.mjs";

/** Debian's source package, of trixie. CMakeLists.txt says it to the compiler. */
const VERSION = "2.6.0";
/** The directory, relative to the checkout, that {@link fetchLibseccomp} unpacks the sources into. */
export const LIBSECCOMP = "build/libseccomp-source";

/** Fetches and unpacks the sources, unless they are there. @throws StepFailed */
export function fetchLibseccomp() {
  const archive = `libseccomp_${VERSION}.orig.tar.gz`;
  const sha256 = "83b6085232d1588c379dc9b9cae47bb37407cf262e6e74993c61ba72d2a784dc";
  fetchSource({ archive, pool: "libs/libseccomp", sha256, directory: LIBSECCOMP, file: "src/api.c" });
}
