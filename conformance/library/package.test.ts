// What `npm pack` gives, on a machine that has Node and nothing to build with.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Box, scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { KIND } from "../harness/runtime.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const isPrebuilt = process.arch === "x64";
const skip = KIND === "runt" ? (isPrebuilt ? false : "the package is built for x86_64") : "the library is runt's";
/** What npm, the examples and this test need; no compiler is among them. */
const PROGRAMS = ["sh", "tar", "gzip", "env", "mount", "umount"];

function npm(box: Box, folder: string, args: readonly string[], path: string): string {
  const env = { ...process.env, PATH: path, npm_config_cache: box.path("cache"), npm_config_ignore_scripts: "false" };
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

scenario("npm pack installs without a compiler, and an example runs", (t, box) => {
  const packed = box.folder("packed");
  npm(box, ROOT, ["pack", "--ignore-scripts", "--pack-destination", packed], process.env["PATH"] ?? "");
  const [tarball = ""] = readdirSync(packed);
  t.match(tarball, /^runt-.*\.tgz$/);
  const path = bare(box);
  const place = box.folder("place");
  writeFileSync(join(place, "package.json"), '{ "private": true, "type": "module" }\n');
  npm(box, place, ["install", "--no-audit", "--no-fund", "--loglevel=error", "--foreground-scripts", join(packed, tarball)], path);
  t.same(readdirSync(join(place, "node_modules")).filter((name) => !name.startsWith(".")), ["runt"], "no package beside it");
  const rootfs = join(place, "rootfs");
  makeRootfs(rootfs);
  const temporary = join(place, "tmp");
  mkdirSync(temporary);
  const example = join(place, "node_modules/runt/examples/sandbox.mjs");
  const env = { PATH: path, TMPDIR: temporary };
  const done = spawnSync(process.execPath, [example, rootfs, "echo it runs"], { cwd: place, encoding: "utf8", env });
  t.equal(done.stderr, "");
  t.match(JSON.parse(done.stdout), { exitCode: 0, stdout: "it runs\n" });
  const version = spawnSync(join(place, "node_modules/.bin/runt"), ["--version"], { encoding: "utf8", env });
  t.match(version.stdout, /^runt version /);

  // As on another machine: the addon cannot be loaded.
  const installed = join(place, "node_modules/runt");
  writeFileSync(join(installed, "dist/libexec/runt/runt.node"), "of another machine");
  const again = spawnSync(process.execPath, ["scripts/install.mjs"], { cwd: installed, encoding: "utf8", env });
  t.equal(again.status, 1);
  t.match(again.stderr, /^not found: cmake, make or ninja, g\+\+ or clang\+\+ /);
}, { skip, timeout: 180_000 });
