// SPDX-License-Identifier: Apache-2.0
// How programs load the library: module systems, bundlers, engines and systems.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Box, scenario } from "../harness/box.ts";
import { KIND } from "../harness/runtime.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { layout, zstdOf } from "./images.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const BUN = `${ROOT}node_modules/bun/bin/bun.exe`;
const skip = KIND === "runt" ? false : "the library is runt's";
/** Major versions that are supported beside the one that runs the tests. */
const VERSIONS = ["20", "22", "24"];

/** A folder in which the library is found by its name. */
function place(box: Box): string {
  const folder = `${ROOT}build/modules-${box.marker}`;
  mkdirSync(folder, { recursive: true });
  box.atClose(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Done {
  readonly stdout: string;
  readonly stderr: string;
}

function call(program: string, ...args: readonly string[]): Done {
  return spawnSync(program, args, { encoding: "utf8", timeout: 60_000 });
}

/** Node.js of a version, from npm, kept in build/nodes; `undefined` where npm cannot be reached. */
function nodeOf(version: string): string | undefined {
  const folder = `${ROOT}build/nodes/${version}`;
  // The package "node" would fetch this one by a script.
  const name = `node-linux-${process.arch}`;
  const program = `${folder}/node_modules/${name}/bin/node`;
  if (existsSync(program) || process.env["RUNT_OFFLINE"] === "1") return existsSync(program) ? program : undefined;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  const flags = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"];
  spawnSync("npm", ["install", ...flags, `${name}@${version}`], { cwd: folder, timeout: 60_000 });
  return existsSync(program) ? program : undefined;
}

const PROGRAM = `
  import { Container, Rootfs } from "@runt-oci/runt";
  const [, , image, store] = process.argv;
  const rootfs = await Rootfs.fromImage(image, { store });
  const box = await Container.run({ rootfs, args: ["sleep", "1000"], stdio: "ignore" });
  const cat = await box.spawn(["cat"]);
  cat.stdin.end("streams ");
  let text = "";
  for await (const chunk of cat.stdout) text += String(chunk);
  for await (const event of box.events({ interval: 10 })) if (event.type === "stats") break;
  text += (await box.$\`echo \${"and templates"}\`).stdout;
  await box.delete({ force: true });
  console.log(text.trim());`;

function imageOf(box: Box): string {
  const rootfs = box.folder("rootfs");
  makeRootfs(rootfs);
  const layer = spawnSync("tar", ["-C", rootfs, "-cf", "-", "."], { maxBuffer: 1 << 28 }).stdout;
  return layout(box.folder("image"), { layers: [layer], pack: zstdOf });
}

for (const version of [...VERSIONS, "bun"]) {
  scenario(
    `${version === "bun" ? "Bun" : `Node.js ${version}`}: images in zstd, streams, events, templates`,
    (t, box) => {
      const engine =
        version === "bun" ? BUN : process.versions.node.startsWith(`${version}.`) ? process.execPath : nodeOf(version);
      if (engine === undefined || !existsSync(engine))
        return void t.pass("not there, and npm cannot be reached", { skip: "no such engine" });
      const file = join(place(box), "program.mjs");
      writeFileSync(file, PROGRAM);
      const done = call(engine, file, imageOf(box), box.path("store"));
      t.equal(done.stderr, "");
      t.equal(done.stdout, "streams and templates\n");
    },
    { skip, timeout: 120_000 },
  );
}

scenario(
  "CommonJS",
  (t, box) => {
    const file = join(place(box), "program.cjs");
    writeFileSync(file, 'import("@runt-oci/runt").then(({ Container }) => console.log(typeof Container.run));');
    t.equal(call(process.execPath, file).stdout, "function\n");
    writeFileSync(file, 'console.log(typeof require("@runt-oci/runt").Container.run);');
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    const canRequire = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
    if (canRequire) t.match(call(process.execPath, file).stdout, /^function\n$/);
  },
  { skip },
);

/** Bundlers: the words that make a file of a program, with the library left out or not. */
const BUNDLERS: Readonly<Record<string, (source: string, output: string, isExternal: boolean) => readonly string[]>> = {
  Bun: (source, output, isExternal) => [
    ...[BUN, "build", "--target=node", source, "--outfile", output],
    ...(isExternal ? ["--external", NAME] : []),
  ],
  "esbuild, ES module": (source, output, isExternal) => [...esbuild(source, output, isExternal), "--format=esm"],
  "esbuild, CommonJS": (source, output, isExternal) => [...esbuild(source, output, isExternal), "--format=cjs"],
  Rollup: (source, output, isExternal) => [
    ...[process.execPath, `${ROOT}node_modules/rollup/dist/bin/rollup`, source, "--file", output, "--format", "es"],
    ...(isExternal ? ["--external", NAME] : ["--plugin", join(output, "../resolving.mjs")]),
  ],
};
const NAME = "@runt-oci/runt";
/** A plugin of Rollup that finds packages as Node.js does: Rollup itself leaves them all out. */
const RESOLVING = `
  import { fileURLToPath } from "node:url";
  const resolveId = (id) => (/^[./]/.test(id) || id.startsWith("node:") ? undefined : fileURLToPath(import.meta.resolve(id)));
  export default () => ({ name: "resolving", resolveId });`;

function esbuild(source: string, output: string, isExternal: boolean): readonly string[] {
  const program = `${ROOT}node_modules/@esbuild/linux-${process.arch}/bin/esbuild`;
  const flags = ["--bundle", "--platform=node", "--log-level=error", `--outfile=${output}`];
  return [program, source, ...flags, ...(isExternal ? [`--external:${NAME}`] : [])];
}

for (const [name, words] of Object.entries(BUNDLERS)) {
  scenario(
    `${name}: external works, and what was bundled says so`,
    (t, box) => {
      const folder = place(box);
      const source = join(folder, "program.mjs");
      writeFileSync(
        source,
        `import { Container, RuntimeError } from "${NAME}";
        Container.run({ rootfs: "/", args: ["true"], user: "nobody-here" }).catch((error) =>
          console.log(error instanceof RuntimeError, error.code));`,
      );
      writeFileSync(join(folder, "resolving.mjs"), RESOLVING);
      const isCommon = name.includes("CommonJS");
      const bundle = (isExternal: boolean): Done => {
        const output = join(folder, `${isExternal ? "external" : "bundled"}.${isCommon ? "cjs" : "mjs"}`);
        const [program = "", ...args] = words(source, output, isExternal);
        if (!existsSync(program)) return { stdout: "", stderr: "not there" };
        const made = call(program, ...args);
        return existsSync(output) ? call(process.execPath, output) : made;
      };
      const external = bundle(true);
      if (external.stderr === "not there") return void t.pass(`${name} is not installed`, { skip: "no such bundler" });
      // A package that is an ES module alone: require() takes it in newer versions of Node.js.
      t.strictSame(external, { ...external, stdout: "true USAGE\n", stderr: "" });
      t.match(bundle(false).stderr, /RuntimeError: runt has been put into a bundle, .*: keep @runt-oci\/runt external/);
    },
    { skip, timeout: 60_000 },
  );
}

scenario(
  "another system, another machine",
  (t, box) => {
    const file = join(place(box), "program.mjs");
    writeFileSync(file, 'await import("@runt-oci/runt");');
    const as = (name: string, value: string): string =>
      call(
        process.execPath,
        "--import",
        `data:text/javascript,Object.defineProperty(process, "${name}", { value: "${value}" })`,
        file,
      ).stderr;
    t.match(as("platform", "darwin"), /RuntimeError: runt works on Linux on x86_64 and arm64; this is darwin on/);
    t.match(as("arch", "riscv64"), /RuntimeError: runt works on Linux on x86_64 and arm64; this is linux on riscv64/);
  },
  { skip },
);
