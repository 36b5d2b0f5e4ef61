// SPDX-License-Identifier: Apache-2.0
// npm run build: everything that is in dist/.
//
//   node scripts/build.mjs [--force] [--keep-going] [--setup] [--arch aarch64] [STEP...]
//
// Steps: sources, schemas, addon, watch, seccomp, init, typescript, library, program, manual, completion, papers; all of them without
// an argument. A step whose inputs have not changed is left out (--force: is not). --keep-going goes on after a step that failed.
// --setup installs what is missing (scripts/setup.mjs); without it that is named. --arch builds for another architecture with Debian's
// cross compiler, into dist-ARCH; an emulator makes the snapshot.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { buildFolder, CMAKE_WORDS, DIST, IS_CROSS, runnable, TARGET } from "./arch.mjs";
import { ensureNpmPackages, prepare, ROOT } from "./prepare.mjs";
import { fetchLibseccomp } from "./libseccomp.mjs";
import { BUN, makeProgram, MODULE, PROFILE, trainEngine } from "./program.mjs";
import { fetchQuickjs } from "./quickjs.mjs";
import { sbom, sourceTime } from "./sbom.mjs";
import { patchesOf } from "./sources.mjs";
import { ask, dropForeignBuild, filesUnder, install, run, step, StepFailed } from "./steps.mjs";

const NATIVE_BUILD = buildFolder("native");
const SCRIPT_BUILD = "build/js";
const LIBEXEC = `${DIST}/libexec/runt`;
const SHIM = `${DIST}/bin/containerd-shim-runt-v2`;
const NATIVE_SOURCES = [".cc", ".c", ".h"];
const LIBRARY = [".ts", ".json"];
/** What the sources of libseccomp are made from. */
const LIBSECCOMP_SOURCES = ["scripts/libseccomp.mjs", "sources.json", ...patchesOf("libseccomp")];

const force = process.argv.includes("--force");
const keepGoing = process.argv.includes("--keep-going");
const wanted = process.argv.slice(2).filter((word, index, words) => !word.startsWith("--") && words[index - 1] !== "--arch");

/** The name of a step whose result depends on the architecture. */
function stampOf(name) {
  return IS_CROSS ? `${name}-${TARGET.name}` : name;
}

/** Sees to it that the programs which build are there. */
function checkTools() {
  const has = (name) => ask(name, ["--version"]) !== "";
  const missing = [];
  if (!has("cmake")) missing.push("cmake");
  if (!has("g++") && !has("clang++")) missing.push("g++");
  if (!has("make") && !has("ninja")) missing.push("make");
  if (!has("xz")) missing.push("xz-utils");
  if (!has("patch")) missing.push("patch");
  if (IS_CROSS) missing.push(...TARGET.packages);
  const left = prepare({ packages: missing });
  if (left.length > 0) throw new StepFailed(`these packages are missing: ${left.join(" ")}`);
}

/**
 * npm 11 runs no install scripts of packages that it was not told to trust; then bun lacks its program.
 */
function finishPackages() {
  const script = join(ROOT, "node_modules/bun/install.js");
  if (!existsSync(script) || ask(join(ROOT, BUN), ["--version"]) !== "") return;
  console.log("build: running the install script of the npm package bun");
  run(process.execPath, [script]);
}

function packageVersion() {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
}

/** A tree without git, such as a distribution's source package, is told its commit by RUNT_COMMIT. */
function commit() {
  const told = process.env.RUNT_COMMIT ?? "";
  return told !== "" ? told : ask("git", ["describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]) || "unknown";
}

/**
 * Builds a target of CMakeLists.txt.
 *
 * @param folders of native/, whose files it is made of
 * @param file name of what CMake makes
 * @param others more files that it is made of
 */
function buildNative(target, folders, file, destination, others = []) {
  const inputs = folders.flatMap((folder) => filesUnder(`native/${folder}`, NATIVE_SOURCES));
  step(stampOf(target), { inputs: [...inputs, ...others, "CMakeLists.txt"], outputs: [destination], force }, () => {
    dropForeignBuild(NATIVE_BUILD);
    const cmake = join(ROOT, "node_modules/cmake-js/bin/cmake-js");
    const options = ["--out", NATIVE_BUILD, "--parallel", String(availableParallelism())];
    run(process.execPath, [cmake, "build", ...options, ...CMAKE_WORDS, "--target", target]);
    install(`${NATIVE_BUILD}/native/${file}`, destination);
  });
}

function buildAddon(target, folders, name, others = []) {
  const file = `${LIBEXEC}/${name}`;
  buildNative(target, folders, name, file, others);
  if (IS_CROSS) return;
  // The linker lets a module have undefined symbols, since Node-API's are; the loader does not.
  try {
    process.dlopen({ exports: {} }, join(ROOT, file));
  } catch (error) {
    throw new StepFailed(`the addon ${name} was built, but cannot be loaded: ${error.message}`);
  }
}

async function buildSchemas() {
  const { generateSchemas } = await import("./schemas.mjs");
  const inputs = [...filesUnder("schemas", [".json"]), "scripts/schemas.mjs"];
  const outputs = ["lib/spec/schema/generated/validate_config.ts", "lib/spec/schema/generated/property_names.ts"];
  step("schemas", { inputs, outputs, force }, () => generateSchemas());
}

function buildTypescript() {
  const inputs = ["bin", "lib", "tools", "conformance"].flatMap((folder) => filesUnder(folder, LIBRARY));
  const outputs = [`${SCRIPT_BUILD}/bin/runt.js`];
  step("typescript", { inputs: [...inputs, "tsconfig.json"], outputs, force }, () => {
    dropStale(SCRIPT_BUILD, new Set(inputs));
    linkLibexec();
    run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."]);
  });
}

/** Tests run in build/js; lib/sys/native.ts looks for the addon as it does in dist. */
function linkLibexec() {
  const link = join(ROOT, SCRIPT_BUILD, "libexec");
  if (existsSync(link)) return;
  mkdirSync(join(ROOT, SCRIPT_BUILD), { recursive: true });
  symlinkSync("../../dist/libexec", link);
}

/** Removes from `folder` what was made from a source that is gone: its tests would still run. */
function dropStale(folder, sources) {
  for (const file of filesUnder(folder, [".js", ".d.ts"])) {
    const source = `${file.slice(folder.length + 1).replace(/(\.d\.ts|\.js)$/, "")}.ts`;
    if (!sources.has(source)) rmSync(join(ROOT, file));
  }
}

function buildLibrary() {
  const inputs = filesUnder(`${SCRIPT_BUILD}/lib`, [".js", ".d.ts", ".json"]).filter((file) => !/\.test\.(js|d\.ts)$/.test(file));
  const words = [packageVersion(), commit()];
  step(stampOf("library"), { inputs, words, outputs: [`${DIST}/lib`], force }, () => {
    rmSync(join(ROOT, `${DIST}/lib`), { recursive: true, force: true });
    for (const file of inputs) {
      const output = `${DIST}${file.slice(SCRIPT_BUILD.length)}`;
      const text = readFileSync(join(ROOT, file), "utf8");
      const named = text
        .replaceAll('process.env["RUNT_VERSION"]', JSON.stringify(words[0]))
        .replaceAll('process.env["RUNT_COMMIT"]', JSON.stringify(words[1]));
      // As in the program: the records of containers name the release.
      if (named === text) install(file, output);
      else write(output, named);
    }
  });
}

/**
 * The program: lib as one module, compiled to bytecode, in a static file with QuickJS and the addons.
 */
function buildProgram() {
  fetchQuickjs();
  fetchLibseccomp();
  const literals = {
    RUNT_COMPILED: "1",
    RUNT_VERSION: packageVersion(),
    RUNT_COMMIT: commit(),
  };
  const defines = Object.entries(literals).flatMap(([name, value]) => [
    "--define",
    `process.env.${name}=${JSON.stringify(value)}`,
  ]);
  const scripts = ["bin", "lib"].flatMap((folder) => filesUnder(folder, LIBRARY));
  const sources = ["engine", "addon", "seccomp", "base", "init", "plan"].flatMap((folder) =>
    filesUnder(`native/${folder}`, NATIVE_SOURCES),
  );
  const patches = patchesOf("quickjs");
  const inputs = [
    ...scripts,
    ...sources,
    ...patches,
    "CMakeLists.txt",
    "scripts/quickjs.mjs",
    ...LIBSECCOMP_SOURCES,
    "scripts/program.mjs",
    ...filesUnder("tools/training", [".ts"]),
  ];
  // Not each time that lib changes: what the engine goes through changes little by that. A build from a clean tree measures anew, and so does a
  // release.
  const engine = [...sources.filter((file) => file.startsWith("native/engine/")), ...patches, "CMakeLists.txt", "sources.json"];
  const training = [
    "tools/training/training.ts",
    "tools/training/engine_config.ts",
    "scripts/program.mjs",
    "scripts/quickjs.mjs",
  ];
  // The checksums of the profile hold paths: a checkout that was moved or copied counts anew.
  step(stampOf("training"), { inputs: [...engine, ...training], words: [ROOT], outputs: [PROFILE], force }, trainEngine);
  const output = `${DIST}/bin/runt`;
  step(stampOf("program"), { inputs, words: defines, outputs: [output, SHIM], force }, () => {
    rmSync(join(ROOT, `${LIBEXEC}/runt`), { force: true }); // of builds before it was one file
    // One module: the snapshot has all of it loaded, so that parts would save nothing.
    run(join(ROOT, BUN), ["build", "--target=node", "--format=esm", "--minify", ...defines, "bin/runt.ts", "--outfile", MODULE]);
    makeProgram(output);
    // The name by which containerd looks for a shim.
    rmSync(join(ROOT, SHIM), { force: true });
    symlinkSync("runt", join(ROOT, SHIM));
  });
}

function buildManual() {
  const inputs = [...filesUnder(`${SCRIPT_BUILD}/lib/cli`, [".js"]), "scripts/manual.mjs"];
  const folder = `${DIST}/share/man/man8`;
  step(stampOf("manual"), { inputs, outputs: [folder], force }, () => {
    run(process.execPath, [join(ROOT, "scripts/manual.mjs"), join(ROOT, folder)]);
  });
}

/** Where each shell looks below a prefix. */
const COMPLETIONS = {
  bash: `${DIST}/share/bash-completion/completions/runt`,
  zsh: `${DIST}/share/zsh/site-functions/_runt`,
  fish: `${DIST}/share/fish/vendor_completions.d/runt.fish`,
};

function buildCompletion() {
  const program = `${DIST}/bin/runt`;
  step(stampOf("completion"), { inputs: [program], outputs: Object.values(COMPLETIONS), force }, () => {
    for (const [shell, file] of Object.entries(COMPLETIONS))
      write(file, run(...runnable(join(ROOT, program), ["completion", shell])));
  });
}

function write(file, text) {
  mkdirSync(dirname(join(ROOT, file)), { recursive: true });
  writeFileSync(join(ROOT, file), text);
}

/** Licences, what is told to users, and the bill of materials of what has been linked. */
function buildPapers() {
  const folder = `${DIST}/share/doc/runt`;
  const texts = ["LICENSE", "NOTICE", "CHANGELOG.md", ...filesUnder("licenses", [".txt"])];
  const linked = [`${DIST}/bin/runt`, ...["runt", "watch", "seccomp"].map((name) => `${LIBEXEC}/${name}.node`)];
  const inputs = [...texts, ...linked, "scripts/sbom.mjs", "sources.json"];
  const words = [commit(), String(sourceTime())];
  step(stampOf("papers"), { inputs, words, outputs: [`${folder}/sbom.spdx.json`], force }, () => {
    rmSync(join(ROOT, folder), { recursive: true, force: true });
    for (const file of texts) install(file, `${folder}/${file}`);
    write(`${folder}/sbom.spdx.json`, sbom({ version: packageVersion(), commit: commit() }));
  });
}

const STEPS = {
  // First of all: CMake has the targets of what lies there when it is configured, which the first of them does.
  sources: fetchLibseccomp,
  schemas: buildSchemas,
  addon: () => buildAddon("addon", ["addon", "base"], "runt.node"),
  watch: () => buildAddon("watch", ["watch", "base"], "watch.node"),
  seccomp: () => buildAddon("seccomp", ["seccomp", "base"], "seccomp.node", LIBSECCOMP_SOURCES),
  init: () => buildNative("init", ["init", "plan", "base"], "init", `${LIBEXEC}/init`),
  typescript: buildTypescript,
  library: buildLibrary,
  program: buildProgram,
  manual: buildManual,
  completion: buildCompletion,
  papers: buildPapers,
};

async function main() {
  const unknown = wanted.filter((name) => !Object.hasOwn(STEPS, name));
  if (unknown.length > 0) throw new StepFailed(`no such step: ${unknown.join(" ")}`);
  if (!ensureNpmPackages()) throw new StepFailed("the npm packages are missing");
  checkTools();
  finishPackages();
  let failed = false;
  for (const [name, action] of Object.entries(STEPS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    try {
      await action();
    } catch (error) {
      if (!keepGoing || !(error instanceof StepFailed)) throw error;
      console.error(`${error.message}\nbuild: ${name} failed`);
      failed = true;
    }
  }
  if (failed) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(`${error.message}\nbuild: failed`);
  process.exitCode = 1;
}
