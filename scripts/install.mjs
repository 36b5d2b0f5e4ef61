// Runs when the package is installed: what is in it is built for Linux on x86_64; on another machine the native parts are
// built from their sources, for which it needs cmake, make and a C++ compiler.
//
// RUNT_BUILD_FROM_SOURCE=1 builds them in any case.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const LIBEXEC = join(ROOT, "dist/libexec/runt");
const TARGETS = { addon: "runt.node", watch: "watch.node", init: "init" };
/** The versions that package.json builds with. */
const TOOLS = ["cmake-js@8.0.0", "node-addon-api@8.9.2"];

function fits() {
  if (process.env.RUNT_BUILD_FROM_SOURCE === "1") return false;
  try {
    for (const name of ["runt.node", "watch.node"]) process.dlopen({ exports: {} }, join(LIBEXEC, name));
    return true;
  } catch {
    return false;
  }
}

function run(command, args) {
  const done = spawnSync(command, args, { cwd: ROOT, stdio: "inherit" });
  if (done.status === 0) return;
  console.error(`runt: ${command} ${args.join(" ")}: ${done.error?.message ?? `ended with ${done.status ?? done.signal}`}`);
  console.error("runt: the native parts cannot be built: install cmake, make and g++, and install runt again");
  process.exit(1);
}

function build() {
  run("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...TOOLS]);
  for (const [target, file] of Object.entries(TARGETS)) {
    run(process.execPath, [join(ROOT, "node_modules/cmake-js/bin/cmake-js"), "build", "--out", "build", "--target", target]);
    mkdirSync(LIBEXEC, { recursive: true });
    copyFileSync(join(ROOT, "build/native", file), join(LIBEXEC, file));
  }
  rmSync(join(ROOT, "build"), { recursive: true });
}

// In a checkout `npm run build` does it.
if (!existsSync(join(ROOT, "tsconfig.json")) && !fits()) build();
