// Runs when the package is installed: what is in it is built for Linux on x86_64; on another machine the native parts are
// built from their sources, for which it needs cmake, make, a C++ compiler and xz.
//
// RUNT_BUILD_FROM_SOURCE=1 builds them in any case.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ROOT } from "./prepare.mjs";
import { fetchLibseccomp, LIBSECCOMP } from "./libseccomp.mjs";
import { BYTECODE, ENGINE_BUILD, makeProgram, WITH_SNAPSHOT } from "./program.mjs";
import { fetchQuickjs, QUICKJS } from "./quickjs.mjs";
import { ask, dropForeignBuild, install, run, StepFailed } from "./steps.mjs";

const LIBEXEC = "dist/libexec/runt";
const PROGRAM = "dist/bin/runt";
const NATIVE_BUILD = "build/native";
/** Without these nothing works. */
const NEEDED = { addon: "runt.node", watch: "watch.node", init: "init" };
/** The versions that package.json builds with. */
const TOOLS = ["cmake-js@8.0.0", "node-addon-api@8.9.2"];
/** One of each line is enough. */
const PROGRAMS = [["cmake"], ["make", "ninja"], ["g++", "clang++"]];

function loads(name) {
  try {
    process.dlopen({ exports: {} }, join(ROOT, LIBEXEC, name));
    return true;
  } catch {
    return false;
  }
}

function runs(file) {
  return ask(join(ROOT, file), ["--version"]) !== "";
}

function fits() {
  return process.env.RUNT_BUILD_FROM_SOURCE !== "1" && ["runt.node", "watch.node", "seccomp.node"].every(loads);
}

function cmake(target, file) {
  const options = ["--out", NATIVE_BUILD, "--parallel", String(availableParallelism()), "--target", target];
  run(process.execPath, [join(ROOT, "node_modules/cmake-js/bin/cmake-js"), "build", ...options]);
  install(`${NATIVE_BUILD}/native/${file}`, `${LIBEXEC}/${file}`);
}

/** @throws StepFailed with all that is missing */
function checkPrograms() {
  const missing = PROGRAMS.filter((names) => names.every((name) => ask(name, ["--version"]) === ""));
  if (missing.length === 0) return;
  const words = missing.map((names) => names.join(" or ")).join(", ");
  throw new StepFailed(`not found: ${words} (on Debian: apt-get install cmake make g++ xz-utils)`);
}

/** What is left over from another machine must not be taken for one that works. */
function without(what, file, isGood, error) {
  if (!isGood(file)) rmSync(join(ROOT, file), { force: true });
  console.error(`${error.message}\nrunt: installed without ${what}: ${file} could not be built, for the reason above`);
}

/** The parts that others can do without. */
function attempt(what, file, isGood, action) {
  try {
    action();
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    without(what, file, isGood, error);
  }
}

function build() {
  checkPrograms();
  const npm = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...TOOLS];
  const done = spawnSync("npm", npm, { cwd: ROOT, stdio: "inherit" });
  if (done.status !== 0) throw new StepFailed(`npm could not install ${TOOLS.join(" and ")}`);
  dropForeignBuild(NATIVE_BUILD);
  attempt("linux.seccomp", `${LIBEXEC}/seccomp.node`, () => loads("seccomp.node"), fetchLibseccomp);
  for (const [target, file] of Object.entries(NEEDED)) cmake(target, file);
  for (const name of ["runt.node", "watch.node"]) {
    if (!loads(name)) throw new StepFailed(`${name} was built, but cannot be loaded`);
  }
  attempt("linux.seccomp", `${LIBEXEC}/seccomp.node`, () => loads("seccomp.node"), () => {
    cmake("seccomp", "seccomp.node");
  });
  attempt("the command line", PROGRAM, runs, () => {
    fetchQuickjs();
    makeProgram(PROGRAM);
    if (!runs(PROGRAM)) throw new StepFailed("the program was built, but does not run");
  });
  for (const made of [NATIVE_BUILD, ENGINE_BUILD, QUICKJS, LIBSECCOMP, BYTECODE, WITH_SNAPSHOT]) {
    rmSync(join(ROOT, made), { recursive: true, force: true });
  }
}

// In a checkout `npm run build` does it.
if (!existsSync(join(ROOT, "tsconfig.json")) && !fits()) {
  try {
    build();
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    console.error(`${error.message}\nrunt: the native parts, which the package has for x86_64 alone, could not be built`);
    process.exitCode = 1;
  }
}
