// SPDX-License-Identifier: Apache-2.0
// The npm packages of a release, on a machine that has Node and nothing to build with.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Box, scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { KIND } from "../harness/runtime.ts";
import { layout, zstdOf } from "./images.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const isPrebuilt = process.arch === "x64";
const skip = KIND === "runt" ? (isPrebuilt ? false : "the platform's package is made on x86_64") : "the library is runt's";
/** What npm, the examples and this test need; no compiler is among them. */
const PROGRAMS = ["sh", "tar", "gzip", "env", "mount", "umount"];

function npm(box: Box, folder: string, args: readonly string[], path: string): string {
  const env = {
    ...process.env,
    PATH: path,
    npm_config_cache: box.path("cache"),
    npm_config_ignore_scripts: "false",
    npm_config_offline: "true",
  };
  const done = spawnSync("npm", args, { cwd: folder, encoding: "utf8", env, timeout: 120_000 });
  if (done.status !== 0) throw new Error(`npm ${args.join(" ")}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** A PATH with node and npm, but without a compiler. */
function bare(box: Box): string {
  const folder = box.folder("bin");
  const which = (name: string): string => spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
  for (const name of [...PROGRAMS, "npm"]) symlinkSync(which(name), join(folder, name));
  symlinkSync(process.execPath, join(folder, "node"));
  return folder;
}

/** The files that npm would publish. */
function pack(box: Box): string[] {
  const folder = `build/test-packages/${box.marker}`;
  box.atClose(() => rmSync(join(ROOT, folder), { recursive: true, force: true }));
  const words = ["scripts/release.mjs", "--dirty", "--no-build", "--only", "npm", "--out", folder];
  const done = spawnSync(process.execPath, words, { cwd: ROOT, encoding: "utf8", timeout: 120_000 });
  if (done.status !== 0) throw new Error(`release: ${done.stdout}${done.stderr}`);
  const made = join(ROOT, folder, "npm");
  return readdirSync(made)
    .sort()
    .map((name) => join(made, name));
}

/** The packages that the library needs, with what those need, as a registry has them. */
function packDependencies(box: Box): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const folder = box.folder("registry");
  const found = new Map<string, string>();
  const visit = (name: string, from: string): void => {
    const place = [join(from, "node_modules", name), join(ROOT, "node_modules", name)].find((each) =>
      existsSync(join(each, "package.json")),
    );
    if (place === undefined || found.has(name)) return;
    found.set(name, place);
    const manifest = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as {
      readonly dependencies?: Readonly<Record<string, string>>;
    };
    for (const each of Object.keys(manifest.dependencies ?? {})) visit(each, place);
  };
  for (const name of Object.keys(dependencies)) visit(name, ROOT);
  return [...found.values()].map((place) => {
    const done = spawnSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder, place], {
      encoding: "utf8",
    });
    if (done.status !== 0) throw new Error(`npm pack ${place}: ${done.stderr}`);
    return join(folder, done.stdout.trim());
  });
}

scenario(
  "the npm packages install without a compiler and without a script, and an example runs",
  (t, box) => {
    const packages = pack(box);
    t.match(
      packages.map((path) => path.slice(path.lastIndexOf("/") + 1)),
      [/^runt-oci-linux-x64-.*\.tgz$/, /^runt-oci-runt-.*\.tgz$/],
    );
    packages.push(...packDependencies(box));
    const path = bare(box);
    const place = box.folder("place");
    writeFileSync(join(place, "package.json"), '{ "private": true, "type": "module" }\n');
    npm(box, place, ["install", "--no-audit", "--no-fund", "--loglevel=error", "--foreground-scripts", ...packages], path);
    const beside = readdirSync(join(place, "node_modules")).filter((name) => !name.startsWith("."));
    t.ok(beside.includes("tar-stream") && beside.includes("fzstd"), "what unpacks images");
    const installed = join(place, "node_modules/@runt-oci");
    t.same(readdirSync(installed).sort(), ["linux-x64", "runt"]);
    for (const name of ["linux-x64", "runt"]) {
      const manifest = JSON.parse(readFileSync(join(installed, name, "package.json"), "utf8")) as Record<string, unknown>;
      t.equal(manifest["scripts"], undefined, `${name} has no script`);
      t.equal(manifest["license"], "Apache-2.0");
    }
    const rootfs = join(place, "rootfs");
    makeRootfs(rootfs);
    const program = join(place, "program.mjs");
    writeFileSync(
      program,
      `
    import { Container, Rootfs } from "@runt-oci/runt";
    const image = await Rootfs.fromImage(process.argv[2], { store: process.argv[3] });
    const { stdout, exitCode } = await Container.run({ rootfs: image, args: ["echo", "it runs"], buffer: true });
    console.log(JSON.stringify({ stdout, exitCode }));
  `,
    );
    const layer = spawnSync("tar", ["-C", rootfs, "-cf", "-", "."], { maxBuffer: 1 << 28 }).stdout;
    const image = layout(box.folder("image"), { layers: [layer], pack: zstdOf });
    const env = { PATH: path };
    const run = (): { readonly stdout: string; readonly stderr: string } =>
      spawnSync(process.execPath, [program, image, join(place, "store")], { cwd: place, encoding: "utf8", env });
    const done = run();
    t.equal(done.stderr, "");
    t.same(JSON.parse(done.stdout), { stdout: "it runs\n", exitCode: 0 });
    t.ok(existsSync(join(installed, "runt/examples/sandbox.ts")));
    t.ok(existsSync(join(installed, "runt/docs/library.md")));
    const required = spawnSync(
      process.execPath,
      ["-e", 'import("@runt-oci/runt").then(({ Container }) => console.log(typeof Container.run))'],
      { cwd: place, encoding: "utf8", env },
    );
    t.equal(required.stdout, "function\n", required.stderr);
    const command = (...args: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(join(place, "node_modules/.bin/runt"), args, { encoding: "utf8", env });
    t.match(command("--version").stdout, /^runt version /);
    t.equal(command("state", "none").status, 1);

    // As on a machine that no package is for.
    rmSync(join(installed, "linux-x64"), { recursive: true });
    t.match(run().stderr, /cannot load .*runt\.node: .* is in the npm package @runt-oci\/linux-x64, an optional dependency/);
    t.match(command("--version").stderr, /^runt: the npm package @runt-oci\/linux-x64 is not installed/);
  },
  { skip, timeout: 180_000 },
);

scenario(
  "npm pack of a checkout makes no package",
  (t) => {
    const done = spawnSync("npm", ["pack", "--dry-run"], { cwd: ROOT, encoding: "utf8" });
    t.not(done.status, 0);
    t.match(done.stderr, /"npm run release" makes the npm packages/);
  },
  { skip },
);
