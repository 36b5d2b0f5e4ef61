// The npm packages of a release, on a machine that has Node and nothing to build with.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Box, scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { KIND } from "../harness/runtime.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const isPrebuilt = process.arch === "x64";
const skip = KIND === "runt" ? (isPrebuilt ? false : "the platform's package is made on x86_64") : "the library is runt's";
/** What npm, the examples and this test need; no compiler is among them. */
const PROGRAMS = ["sh", "tar", "gzip", "env", "mount", "umount"];

function npm(box: Box, folder: string, args: readonly string[], path: string): string {
  const env = { ...process.env, PATH: path, npm_config_cache: box.path("cache"), npm_config_ignore_scripts: "false", npm_config_offline: "true" };
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
  return readdirSync(made).sort().map((name) => join(made, name));
}

scenario("the npm packages install without a compiler and without a script, and an example runs", (t, box) => {
  const packages = pack(box);
  t.match(packages.map((path) => path.slice(path.lastIndexOf("/") + 1)), [/^runt-oci-linux-x64-.*\.tgz$/, /^runt-oci-runt-.*\.tgz$/]);
  const path = bare(box);
  const place = box.folder("place");
  writeFileSync(join(place, "package.json"), '{ "private": true, "type": "module" }\n');
  npm(box, place, ["install", "--no-audit", "--no-fund", "--loglevel=error", "--foreground-scripts", ...packages], path);
  t.same(readdirSync(join(place, "node_modules")).filter((name) => !name.startsWith(".")), ["@runt-oci"], "no package beside it");
  const installed = join(place, "node_modules/@runt-oci");
  t.same(readdirSync(installed).sort(), ["linux-x64", "runt"]);
  for (const name of ["linux-x64", "runt"]) {
    const manifest = JSON.parse(readFileSync(join(installed, name, "package.json"), "utf8")) as Record<string, unknown>;
    t.equal(manifest["scripts"], undefined, `${name} has no script`);
    t.equal(manifest["license"], "Apache-2.0");
  }
  const rootfs = join(place, "rootfs");
  makeRootfs(rootfs);
  const temporary = join(place, "tmp");
  mkdirSync(temporary);
  const example = join(installed, "runt/examples/sandbox.mjs");
  const env = { PATH: path, TMPDIR: temporary };
  const run = (): { readonly stdout: string; readonly stderr: string } =>
    spawnSync(process.execPath, [example, rootfs, "echo it runs"], { cwd: place, encoding: "utf8", env });
  const done = run();
  t.equal(done.stderr, "");
  t.match(JSON.parse(done.stdout), { exitCode: 0, stdout: "it runs\n" });
  const command = (...args: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(join(place, "node_modules/.bin/runt"), args, { encoding: "utf8", env });
  t.match(command("--version").stdout, /^runt version /);
  t.equal(command("state", "none").status, 1);

  // As on a machine that no package is for.
  rmSync(join(installed, "linux-x64"), { recursive: true });
  t.match(run().stderr, /cannot load .*runt\.node: .* is in the npm package @runt-oci\/linux-x64, an optional dependency/);
  t.match(command("--version").stderr, /^runt: the npm package @runt-oci\/linux-x64 is not installed/);
}, { skip, timeout: 180_000 });

scenario("npm pack of a checkout makes no package", (t) => {
  const done = spawnSync("npm", ["pack", "--dry-run"], { cwd: ROOT, encoding: "utf8" });
  t.not(done.status, 0);
  t.match(done.stderr, /"npm run release" makes the npm packages/);
}, { skip });
