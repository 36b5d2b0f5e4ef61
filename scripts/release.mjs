// SPDX-License-Identifier: Apache-2.0
// npm run release: everything that a release has, in build/release/ of the checkout (--out), from a clean tree.
//
//   npm run release [-- --arch x86_64] [--dirty] [--no-build] [--only tar,deb,npm,sources] [--out build/release]
//
//   runt-VERSION-linux-ARCH.tar.gz   a prefix, with install.sh
//   runt_VERSION_DEBARCH.deb
//   runt-VERSION-sources.tar.gz      this tree and the archives that sources.json names
//   npm/*.tgz                        the library, and the native parts of this platform
//   SHA256SUMS
//
// --platforms linux-x64,linux-arm64 are the packages that the main npm package depends on: those that are released with it; this
// machine's alone without it.
//
// The same commit gives the same bytes. --dirty allows changes that are not committed; --version says so then. --arch aarch64 builds for
// another architecture than this machine's, as scripts/build.mjs does.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DIST, IS_CROSS, TARGET } from "./arch.mjs";
import { prepare, ROOT } from "./prepare.mjs";
import { isProfileOld } from "./program.mjs";
import { sourceTime } from "./sbom.mjs";
import { archiveOf, fetchArchive, SOURCES } from "./sources.mjs";
import { installedFiles, linkShim, put, stage } from "./stage.mjs";
import { ask, filesUnder, run, StepFailed } from "./steps.mjs";

const OUT = option("out", "build/release");
const WORK = `${OUT}/work`;
const SCOPE = "@runt-oci";
const LIBRARY_PARTS = ["runt.node", "watch.node", "seccomp.node", "init"];
const KINDS = { tar: makeTar, deb: makeDebian, npm: makeNpm, sources: makeSources };

const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const { version } = manifest;

function option(name, otherwise) {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? otherwise : process.argv[index + 1];
}

/** dist/ has to be of the architecture that the files are named after. */
function checkDist({ name, elf }) {
  for (const file of ["bin/runt", ...LIBRARY_PARTS.map((part) => `libexec/runt/${part}`)]) {
    const path = join(ROOT, DIST, file);
    if (!existsSync(path)) throw new StepFailed(`${DIST}/${file} is missing: run "npm run build" before`);
    const data = readFileSync(path);
    if (data.readUInt16LE(18) !== elf) throw new StepFailed(`${DIST}/${file} is not built for ${name}`);
    if (file.endsWith(".node")) checkGlibc(file, data);
  }
}

/** What the library and docs/install.md say of the C library has to be true of its addons. */
function checkGlibc(file, data) {
  const said = /^const GLIBC = "([\d.]+)";$/m.exec(readFileSync(join(ROOT, "lib/sys/native.ts"), "utf8"))?.[1] ?? "";
  const isNewer = (one, other) => one.localeCompare(other, "en", { numeric: true }) > 0;
  const wanted = [...data.toString("latin1").matchAll(/GLIBC_(\d[\d.]*)/g)].map(([, version]) => version);
  const newest = wanted.reduce((most, version) => (isNewer(version, most) ? version : most), "0");
  if (isNewer(newest, said)) throw new StepFailed(`${DIST}/${file} needs glibc ${newest}, and lib/sys/native.ts says ${said}`);
}

function checkClean() {
  if (process.argv.includes("--dirty")) return;
  const changes = ask("git", ["status", "--porcelain"]);
  if (changes !== "") throw new StepFailed(`a release is made from a clean tree (--dirty for a try):\n${changes}`);
}

/** A tar archive with nothing of this machine, user and moment in it. */
function tar(output, folder, names) {
  const fixed = [
    "--format=gnu",
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    `--mtime=@${sourceTime()}`,
    "--mode=u+rwX,go=rX",
  ];
  const plain = `${output}.tar`;
  run("tar", [...fixed, "-cf", plain, "-C", folder, ...names]);
  // Node's zlib, and not the gzip of the machine, of which there are several.
  writeFileSync(join(ROOT, output), gzipSync(readFileSync(join(ROOT, plain)), { level: 9 }));
  rmSync(join(ROOT, plain));
}

function sha256(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function makeTar({ name }) {
  const folder = `runt-${version}-linux-${name}`;
  const place = join(ROOT, WORK, "tar", folder);
  stage(place);
  const files = installedFiles()
    .map(([file]) => file)
    .sort();
  put(join(place, "manifest"), files.map((file) => `${sha256(join(place, file))}  ${file}\n`).join(""), 0o644);
  const script = readFileSync(join(ROOT, "packaging/install.sh"), "utf8").replaceAll("@ARCH@", name);
  put(join(place, "install.sh"), script, 0o755);
  put(join(place, "INSTALL.md"), readFileSync(join(ROOT, "docs/install.md")), 0o644);
  tar(`${OUT}/${folder}.tar.gz`, `${WORK}/tar`, [folder]);
}

/** Where Debian wants a file of the prefix. */
function debianPlace(file) {
  if (file === "bin/runt") return "usr/sbin/runt";
  if (file.startsWith("share/zsh/site-functions/"))
    return file.replace("share/zsh/site-functions/", "usr/share/zsh/vendor-completions/");
  if (file.startsWith("share/man/")) return `usr/${file}.gz`;
  return `usr/${file}`;
}

/** What Debian has the text of, or wants in another form. */
const NOT_IN_DEBIAN = /^share\/doc\/runt\/(LICENSE|CHANGELOG\.md|licenses\/)/;

/** A Debian package has to name an address; this one cannot exist (RFC 2606), and stands where nobody has given another. */
const NOBODY = "The runt maintainers <nobody@runt.invalid>";

function maintainer() {
  const { DEBFULLNAME: name = "", DEBEMAIL: mail = "" } = process.env;
  if (name !== "" && mail !== "") return `${name} <${mail}>`;
  const lines = readFileSync(join(ROOT, "MAINTAINERS"), "utf8").split("\n");
  return lines.find((line) => /^[^#].*<.*>$/.test(line)) ?? NOBODY;
}

function debianControl(size, { debian }) {
  const fields = {
    Package: "runt",
    Version: version.replace("-", "~"),
    Architecture: debian,
    Maintainer: maintainer(),
    "Installed-Size": size,
    Section: "admin",
    Priority: "optional",
    Suggests: "criu, containerd | docker.io | podman",
    Enhances: "containerd, docker.io, podman, buildah",
    Description: [
      "OCI low-level container runtime with runc's command line",
      " runt takes a bundle (a root file system and a config.json) and makes a Linux",
      " container of it. Docker, containerd, podman, buildah and Kubernetes can drive",
      " it in the place of runc: commands, flags, exit codes and log formats are the",
      " same.",
      " .",
      " It is one static program, and needs Linux 4.18 or newer.",
    ].join("\n"),
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

/** machine-readable copyright, of NOTICE and the licences. */
function debianCopyright() {
  const text = (file) =>
    readFileSync(join(ROOT, file), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => (line.trim() === "" ? " ." : ` ${line.trimEnd()}`))
      .join("\n");
  return [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
    "Upstream-Name: runt",
    "Comment:\n" + text("NOTICE"),
    "",
    "Files: *",
    "Copyright: 2025-2026 The runt authors",
    "License: Apache-2.0",
    " On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.",
    " The LGPL-2.1 and the GPL-3 of what is linked are beside it, as LGPL-2.1 and",
    " GPL-3.",
    "",
    "License: Expat",
    text("licenses/QuickJS-MIT.txt"),
    " .",
    text("licenses/node-addon-api-MIT.txt"),
    " .",
    text("licenses/node-api-headers-MIT.txt"),
    "",
    "License: GCC-exception-3.1",
    text("licenses/GCC-exception-3.1.txt"),
    "",
  ].join("\n");
}

function debianChangelog() {
  const date = new Date(sourceTime() * 1000).toUTCString().replace("GMT", "+0000");
  return `runt (${version.replace("-", "~")}) unstable; urgency=medium\n\n  * The changes are in CHANGELOG.md of the sources.\n\n -- ${maintainer()}  ${date}\n`;
}

function makeDebian(arch) {
  if (maintainer() === NOBODY)
    console.log("release: the Debian package names no address: MAINTAINERS has none, and DEBFULLNAME and DEBEMAIL are not set");
  const place = join(ROOT, WORK, "deb");
  const doc = "usr/share/doc/runt";
  const gz = (text) => gzipSync(text, { level: 9 });
  for (const [file, mode] of installedFiles()) {
    if (NOT_IN_DEBIAN.test(file)) continue;
    const data = readFileSync(join(ROOT, DIST, file));
    put(join(place, debianPlace(file)), file.startsWith("share/man/") ? gz(data) : data, mode);
  }
  const own = (name) => readFileSync(join(ROOT, "packaging/debian", name), "utf8");
  put(join(place, doc, "copyright"), debianCopyright(), 0o644);
  put(join(place, doc, "changelog.gz"), gz(debianChangelog()), 0o644);
  put(join(place, "usr/lib/tmpfiles.d/runt.conf"), own("tmpfiles.conf"), 0o644);
  put(join(place, "usr/share/lintian/overrides/runt"), own("lintian-overrides"), 0o644);
  const names = filesUnder(`${WORK}/deb`, [""])
    .map((file) => file.slice(`${WORK}/deb/`.length))
    .sort();
  const size = Math.ceil(names.reduce((sum, name) => sum + readFileSync(join(place, name)).length, 0) / 1024);
  linkShim(join(place, "usr/sbin"));
  put(join(place, "DEBIAN/control"), debianControl(size, arch), 0o644);
  put(
    join(place, "DEBIAN/md5sums"),
    names
      .map(
        (name) =>
          `${createHash("md5")
            .update(readFileSync(join(place, name)))
            .digest("hex")}  ${name}\n`,
      )
      .join(""),
    0o644,
  );
  for (const name of ["postinst", "prerm"]) put(join(place, "DEBIAN", name), own(name), 0o755);
  const output = join(ROOT, OUT, `runt_${version.replace("-", "~")}_${arch.debian}.deb`);
  chmodSync(place, 0o755);
  // dpkg-deb takes the times from the environment. An older one does not know --threads-max.
  const pack = (...more) => {
    const words = ["--root-owner-group", "-Zxz", "-z9", ...more, "--build", place, output];
    run("env", [`SOURCE_DATE_EPOCH=${sourceTime()}`, "dpkg-deb", ...words]);
  };
  try {
    pack("--threads-max=1");
  } catch (error) {
    if (!/threads-max/.test(error.message)) throw error;
    pack();
  }
}

/** Fields that both npm packages share. */
function npmManifest(name, fields) {
  return { name: `${SCOPE}/${name}`, version, license: manifest.license, type: "module", ...fields };
}

function packNpm(folder, fields) {
  const place = join(ROOT, WORK, "npm", folder, "package");
  for (const file of ["LICENSE", "NOTICE"]) put(join(place, file), readFileSync(join(ROOT, file)), 0o644);
  put(join(place, "package.json"), `${JSON.stringify(fields, null, 2)}\n`, 0o644);
  const file = `${fields.name.slice(1).replace("/", "-")}-${version}.tgz`;
  mkdirSync(join(ROOT, OUT, "npm"), { recursive: true });
  // What npm pack makes of a folder is a tar archive with all of it below package/; this one is the same on each machine.
  tar(`${OUT}/npm/${file}`, `${WORK}/npm/${folder}`, ["package"]);
}

function makeNpm(arch) {
  const platform = `linux-${arch.node}`;
  const place = join(ROOT, WORK, "npm", platform, "package");
  put(join(place, "bin/runt"), readFileSync(join(ROOT, DIST, "bin/runt")), 0o755);
  for (const part of LIBRARY_PARTS)
    put(join(place, "libexec/runt", part), readFileSync(join(ROOT, DIST, "libexec/runt", part)), part === "init" ? 0o755 : 0o644);
  for (const file of filesUnder(`${DIST}/share/doc/runt`, [".txt", "sbom.spdx.json"])) {
    put(join(place, file.slice(`${DIST}/share/doc/runt/`.length)), readFileSync(join(ROOT, file)), 0o644);
  }
  put(
    join(place, "README.md"),
    `The native parts of the npm package ${SCOPE}/runt for Linux on ${arch.name}; install that one.\n`,
    0o644,
  );
  packNpm(
    platform,
    npmManifest(platform, {
      description: `Native parts of ${SCOPE}/runt for Linux on ${arch.name}`,
      os: ["linux"],
      cpu: [arch.node],
      engines: manifest.engines,
      preferUnplugged: true,
    }),
  );
  const main = join(ROOT, WORK, "npm/runt/package");
  for (const file of filesUnder(`${DIST}/lib`, [""]))
    put(join(main, file.replace(DIST, "dist")), readFileSync(join(ROOT, file)), 0o644);
  for (const folder of ["docs", "examples"]) {
    for (const file of filesUnder(folder, [""])) put(join(main, file), readFileSync(join(ROOT, file)), 0o644);
  }
  put(join(main, "bin/runt.mjs"), readFileSync(join(ROOT, "packaging/npm_runt.mjs")), 0o755);
  for (const file of ["README.md", "CHANGELOG.md"]) put(join(main, file), readFileSync(join(ROOT, file)), 0o644);
  packNpm(
    "runt",
    npmManifest("runt", {
      description: manifest.description,
      os: manifest.os,
      engines: manifest.engines,
      bin: { runt: "bin/runt.mjs" },
      exports: manifest.exports,
      dependencies: manifest.dependencies,
      optionalDependencies: Object.fromEntries(
        option("platforms", platform)
          .split(",")
          .map((name) => [`${SCOPE}/${name}`, version]),
      ),
    }),
  );
}

/** The tree, and the archives that are linked in: what the LGPL wants beside the binaries, and all that an offline build fetches. */
function makeSources() {
  const folder = `runt-${version}`;
  const place = join(ROOT, WORK, "sources", folder);
  const files = ask("git", ["ls-files", "-z"])
    .split("\0")
    .filter((file) => file !== "" && existsSync(join(ROOT, file)));
  for (const file of files) cpSync(join(ROOT, file), join(place, file), { recursive: false });
  for (const name of Object.keys(SOURCES)) cpSync(join(ROOT, fetchArchive(name)), join(place, archiveOf(name)));
  tar(`${OUT}/${folder}-sources.tar.gz`, `${WORK}/sources`, [folder]);
}

function sums() {
  const files = [OUT, `${OUT}/npm`].flatMap((folder) =>
    (existsSync(join(ROOT, folder)) ? readdirSync(join(ROOT, folder), { withFileTypes: true }) : [])
      .filter((entry) => entry.isFile() && /\.(tar\.gz|tgz|deb)$/.test(entry.name))
      .map((entry) => join(folder, entry.name)),
  );
  const lines = files.sort().map((file) => `${sha256(join(ROOT, file))}  ${file.slice(OUT.length + 1)}`);
  writeFileSync(join(ROOT, OUT, "SHA256SUMS"), `${lines.join("\n")}\n`);
  for (const file of files)
    console.log(`${String(Math.ceil(readFileSync(join(ROOT, file)).length / 1024)).padStart(6)} KiB  ${file}`);
}

function main() {
  const arch = TARGET;
  checkClean();
  const only = option("only", Object.keys(KINDS).join(",")).split(",");
  const missing = prepare({ packages: only.includes("deb") ? ["tar", "xz-utils", "dpkg"] : ["tar"] });
  if (missing.length > 0) throw new StepFailed(`these packages are missing: ${missing.join(" ")}`);
  if (!process.argv.includes("--no-build")) {
    const build = (...words) => {
      const all = ["scripts/build.mjs", ...words, ...(IS_CROSS ? ["--arch", arch.name] : [])];
      const built = spawnSync(process.execPath, all, { cwd: ROOT, stdio: "inherit" });
      if (built.status !== 0) throw new StepFailed("the build failed");
    };
    build();
    // A build from a clean tree would give other bytes.
    if (isProfileOld()) {
      build("--force", "program");
      build();
    }
  }
  checkDist(arch);
  rmSync(join(ROOT, OUT), { recursive: true, force: true });
  mkdirSync(join(ROOT, WORK), { recursive: true });
  for (const kind of only) {
    if (!Object.hasOwn(KINDS, kind)) throw new StepFailed(`--only ${kind}: it is one of ${Object.keys(KINDS).join(", ")}`);
    KINDS[kind](arch);
  }
  rmSync(join(ROOT, WORK), { recursive: true });
  sums();
}

try {
  main();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(`release: ${error.message}`);
  process.exitCode = 1;
}
