// SPDX-License-Identifier: Apache-2.0
// npm ci, unless somebody else has done it while this waited for its turn: see ensureNpmPackages in prepare.mjs.
import { spawnSync } from "node:child_process";
import { hasNpmPackages, ROOT } from "./prepare.mjs";

if (!hasNpmPackages()) {
  console.log("prepare: installing the npm packages with npm ci");
  // Without the network npm has its cache alone.
  const offline = process.env.RUNT_OFFLINE === "1" ? ["--offline"] : [];
  const done = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error", ...offline], {
    cwd: ROOT,
    stdio: "inherit",
  });
  process.exitCode = done.status ?? 1;
}
