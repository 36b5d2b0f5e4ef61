// SPDX-License-Identifier: Apache-2.0
// npm run bench [-- --rounds N] [-- --runtimes runt,crun,runc,floor]: compares runt with crun, runc and plain C.
// npm run bench -- whole [the same]: all bundles, cold caches, many at once and more; writes conformance/bench/RESULTS.md.
// npm run bench -- library [--requests N] [--only WORD,...]: what users of the library wait for; writes conformance/bench/LIBRARY.md.
// npm run bench -- engines [--rounds N]: the same beneath docker and containerd, without plain C; writes conformance/bench/ENGINES.md.
// npm run bench -- shim [--rounds N]: runt as containerd's shim, beside containerd's own; writes conformance/bench/SHIM.md. With
//   --release forky docker's row is measured with that release's docker, in a root of its packages: docker 20 knows no shims as runtimes.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { engineRoot } from "../conformance/vm/engines.mjs";
import { ensureNpmPackages, environment, PACKAGES, prepare, ROOT } from "./prepare.mjs";

if (process.getuid?.() !== 0) {
  console.error("bench: this needs root, for cgroups and a mount namespace: sudo npm run bench");
  process.exit(1);
}
const engines = ["engines", "shim"].includes(process.argv[2]);
const part = ["engines", "library", "shim"].includes(process.argv[2]) ? process.argv[2] : "bench";
prepare({ packages: [...PACKAGES.bench, ...PACKAGES.demo, ...(engines ? PACKAGES.engines : [])] });
if (!ensureNpmPackages()) process.exit(1);
const program = join(ROOT, `build/js/conformance/bench/${part}.js`);
if (!existsSync(join(ROOT, "dist/bin/runt")) || !existsSync(program)) {
  const built = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: ROOT, stdio: "inherit" });
  if (built.status !== 0) process.exit(1);
}
// The engines have a playground of their own, which hides the v2 mount by itself.
const hide = part !== "bench" ? [] : ["sh", join(ROOT, "conformance/bench/hide_unified.sh")];
const given = process.argv.slice(part === "bench" ? 2 : 3);
const [command, ...words] = [...hide, process.execPath, program, ...(part === "shim" ? withRoot(given) : given)];
const done = spawnSync(command, words, {
  cwd: ROOT,
  stdio: "inherit",
  env: environment(),
});
process.exit(done.status ?? 1);

/** The arguments with the root of the packages of a release in its place. */
function withRoot(given) {
  const at = given.indexOf("--release");
  if (at === -1) return given;
  prepare({ packages: ["mmdebstrap"] });
  return given.toSpliced(at, 2, "--docker-root", engineRoot(given[at + 1]));
}
