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

/** Node.js of a version, from npm; `undefined` where npm cannot be reached. */
function nodeOf(version: string): string | undefined {
  const folder = `${ROOT}build/nodes/${version}`;
  const program = `${folder}/node_modules/node/node_modules/node-linux-${process.arch}/bin/node`;
  const flat = `${folder}/node_modules/node-linux-${process.arch}/bin/node`;
  const made = [program, flat].find(existsSync);
  if (made !== undefined || process.env["RUNT_OFFLINE"] === "1") return made;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  spawnSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", `node@${version}`], {
    cwd: folder,
    timeout: 50_000,
  });
  return [program, flat].find(existsSync);
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

scenario(
  "bundlers: external works, and what was bundled says so",
  (t, box) => {
    if (!existsSync(BUN)) return void t.pass("Bun is not there", { skip: "no bundler" });
    const folder = place(box);
    const source = join(folder, "program.mjs");
    writeFileSync(source, 'import { Container } from "@runt-oci/runt";\nconsole.log(typeof Container.run);\n');
    const bundle = (name: string, ...flags: readonly string[]): Done => {
      const output = join(folder, name);
      const made = call(BUN, "build", "--target=node", source, "--outfile", output, ...flags);
      return existsSync(output) ? call(process.execPath, output) : made;
    };
    t.equal(bundle("external.mjs", "--external", "@runt-oci/runt").stdout, "function\n");
    t.match(bundle("bundled.mjs").stderr, /RuntimeError: runt has been put into a bundle, .*: keep @runt-oci\/runt external/);
  },
  { skip },
);

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
