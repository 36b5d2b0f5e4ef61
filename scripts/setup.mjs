// SPDX-License-Identifier: Apache-2.0
// npm run setup: installs what the other scripts need, after it has said what that is. They install nothing by themselves, but for
// `npm run demo` and `npm test`, which do this first, and where CI=true.
//
//   npm run setup [-- PURPOSE...]   PURPOSE: build demo test lint oci engines v2 bench; build, demo and test by default
//   npm run setup -- --list         says what is missing for each purpose, and installs nothing
import { ensureNpmPackages, hasNpmPackages, missingPackages, PACKAGES, prepare } from "./prepare.mjs";

const DEFAULT = ["build", "demo", "test"];

function list() {
  console.log(`npm packages: ${hasNpmPackages() ? "all there" : "npm ci installs those of package-lock.json in node_modules"}`);
  for (const [purpose, packages] of Object.entries(PACKAGES)) {
    const missing = missingPackages(packages);
    console.log(`${purpose}: ${missing.length === 0 ? "all there" : `apt-get installs ${missing.join(" ")}`}`);
  }
}

function install(purposes) {
  const unknown = purposes.filter((name) => !Object.hasOwn(PACKAGES, name));
  if (unknown.length > 0) {
    console.error(`setup: no such purpose: ${unknown.join(" ")}; there are ${Object.keys(PACKAGES).join(" ")}`);
    return 1;
  }
  process.env.RUNT_SETUP = "1";
  const packages = [...new Set(purposes.flatMap((name) => PACKAGES[name]))];
  const wanted = missingPackages(packages);
  const npm = hasNpmPackages() ? [] : ["the npm packages of package-lock.json, in node_modules"];
  const debian = wanted.length === 0 ? [] : [`the Debian packages ${wanted.join(" ")}`];
  if (npm.length + debian.length === 0) console.log("setup: nothing is missing");
  else console.log(`setup: this will install ${[...debian, ...npm].join(", and ")}`);
  const left = prepare({ packages });
  return ensureNpmPackages() && left.length === 0 ? 0 : 1;
}

const words = process.argv.slice(2);
if (words.includes("--list")) list();
else process.exitCode = install(words.length === 0 ? DEFAULT : words);
