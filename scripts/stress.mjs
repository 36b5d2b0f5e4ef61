// SPDX-License-Identifier: Apache-2.0
// npm run stress: the scenarios of conformance/stress, which npm test has too.
// npm run stress -- shim [--containers N] [--execs N]: 5,000 containers and 20,000 processes through one containerd with the shim;
// prints memory and descriptors after each tenth, and fails if they have grown, an exit code is wrong, or anything is left.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureNpmPackages, environment, PACKAGES, prepare, ROOT } from "./prepare.mjs";

if (process.getuid?.() !== 0) {
  console.error("stress: this needs root, for cgroups and a mount namespace: sudo npm run stress");
  process.exit(1);
}
const [what, ...words] = process.argv.slice(2);
if (what !== undefined && what !== "shim") {
  console.error(`stress: ${what}: known is shim`);
  process.exit(2);
}
prepare({ packages: [...PACKAGES.demo, ...(what === "shim" ? PACKAGES.engines : [])] });
if (!ensureNpmPackages()) process.exit(1);
const run = (args) => spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit", env: environment() }).status ?? 1;
const built = run(["scripts/build.mjs"]);
if (built !== 0) process.exit(built);
process.exit(
  what === "shim"
    ? run([join(ROOT, "build/js/conformance/stress/shim.js"), ...words])
    : run(["scripts/test.mjs", "conformance/stress"]),
);
