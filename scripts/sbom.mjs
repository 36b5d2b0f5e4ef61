// SPDX-License-Identifier: Apache-2.0
// The software bill of materials of what the build has linked, as SPDX 2.3: which archives went in is read from the linker's
// maps, which npm packages gave headers from the compiler's command lines. Nothing is listed because somebody wrote it down;
// a part whose licence is not known here fails the build.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { buildFolder, IS_CROSS, TARGET } from "./arch.mjs";
import { ROOT } from "./prepare.mjs";
import { patchesOf, SOURCES } from "./sources.mjs";
import { ask, filesUnder, StepFailed } from "./steps.mjs";

const BUILDS = [buildFolder("native"), buildFolder("native-engine")];
/** A pattern for the file name of an archive or object, the component that it is of, and that one's licence. */
const COMPONENTS = [
  [/^(lib(c|m|pthread|dl|rt|util|resolv|c_nonshared|m-[\d.]+|mvec)\.a|(S|g|r|M)?crt[1in]\.o)$/, "glibc", "LGPL-2.1-or-later"],
  [/^(lib(stdc\+\+|supc\+\+|gcc|gcc_eh)\.a|crt(begin|end)[ST]?\.o)$/, "gcc", "GPL-3.0-or-later WITH GCC-exception-3.1"],
  [/^libseccomp\.a$/, "libseccomp", "LGPL-2.1-only"],
  [/^libquickjs\.a$/, "quickjs", "MIT"],
];
const TOOLS = ["typescript", "bun", "ajv", "cmake-js"];

/** Seconds since 1970 of the sources: SOURCE_DATE_EPOCH, or the commit's time. */
export function sourceTime() {
  const told = process.env.SOURCE_DATE_EPOCH ?? "";
  const text = told !== "" ? told : ask("git", ["log", "-1", "--format=%ct"]);
  return /^\d+$/.test(text) ? Number(text) : 0;
}

/** Absolute path of each archive and start file that the linker has taken something of. */
function linkedFiles() {
  const found = new Set();
  // "/usr/lib/libc.a(printf.o)" where the linker names a member; archives of the build itself are relative to where it ran.
  const patterns = [/^([^\s(][^\n(]*\.a)\([^\n)]+\)/gm, /^LOAD (\/\S*crt\S*\.o)$/gm];
  for (const map of BUILDS.flatMap((folder) => filesUnder(`${folder}/native`, [".map"]))) {
    const text = readFileSync(join(ROOT, map), "utf8");
    for (const pattern of patterns) for (const [, file] of text.matchAll(pattern)) found.add(file);
  }
  return [...found].sort();
}

/** The Debian source package that a file of this machine is from. */
function debianPackage(file) {
  const asked = [...new Set([file, existsSync(file) ? realpathSync(file) : file])];
  // dpkg knows the files of a merged /usr by the names that their packages have.
  const names = asked.flatMap((path) => [path, path.replace(/^\/usr\/lib/, "/lib"), path.replace(/^\/lib/, "/usr/lib")]);
  for (const name of new Set(names)) {
    const owner = /^([^:]+)(?::\w+)?: /.exec(ask("dpkg", ["-S", name]));
    if (owner === null) continue;
    const [source, version] = ask("dpkg-query", ["-W", "-f", "${source:Package} ${source:Version}\n", owner[1]])
      .split("\n")[0]
      .split(" ");
    return { source, version };
  }
  return undefined;
}

/** Name, pattern and licence of what a linked file is a part of. @throws StepFailed for one that is not known */
function rowOf(file) {
  const row = COMPONENTS.find(([pattern]) => pattern.test(basename(file)));
  if (row !== undefined) return row;
  throw new StepFailed(`${file} is linked, and its licence is not known: scripts/sbom.mjs and NOTICE have to name it`);
}

function component(file, [, name, license]) {
  const source = SOURCES[name];
  const isBuiltHere = !file.startsWith("/") || !relative(ROOT, file).startsWith("..");
  if (isBuiltHere && source !== undefined) {
    const { version, sha256, homepage } = source;
    const patches = patchesOf(name).map((path) => basename(path, ".patch"));
    const comment = patches.length === 0 ? undefined : `patched: ${patches.join(", ")}`;
    return {
      name,
      version,
      license,
      sha256,
      homepage,
      comment,
      purl: `pkg:generic/${name}@${version}?checksum=sha256:${sha256}`,
    };
  }
  const debian = debianPackage(file);
  const purl = debian && `pkg:deb/debian/${debian.source}@${encodeURIComponent(debian.version)}?arch=source`;
  return { name, version: debian?.version, license, ...(purl && { purl }) };
}

/** npm packages whose headers the compiler was given. */
function headerPackages() {
  const names = new Set();
  for (const file of BUILDS.map((folder) => join(ROOT, folder, "compile_commands.json")).filter((file) => existsSync(file))) {
    for (const [, name] of readFileSync(file, "utf8").matchAll(/\/node_modules\/((?:@[^/\s]+\/)?[^/\s"\\]+)/g)) names.add(name);
  }
  return [...names].sort().map(npmPackage);
}

function npmPackage(name) {
  const { version, license, homepage } = JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"));
  return { name, version, license, homepage, purl: `pkg:npm/${name}@${version}` };
}

function spdxPackage({ name, version, license, sha256, homepage, comment, purl }) {
  return {
    SPDXID: `SPDXRef-${name.replace(/[^A-Za-z0-9.-]/g, "-")}`,
    name,
    versionInfo: version ?? "NOASSERTION",
    downloadLocation: /^https?:/.test(homepage ?? "") ? homepage : "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: license ?? "NOASSERTION",
    licenseDeclared: license ?? "NOASSERTION",
    copyrightText: "NOASSERTION",
    ...(comment && { comment }),
    ...(sha256 && { checksums: [{ algorithm: "SHA256", checksumValue: sha256 }] }),
    ...(purl && { externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }] }),
  };
}

function compiler() {
  const text = ask(process.env.CXX ?? (IS_CROSS ? `${TARGET.triplet}-g++` : "c++"), ["--version"]).split("\n")[0];
  return { name: "c++", version: text, license: "NOASSERTION" };
}

/** What is linked, by name; each component once. */
export function components() {
  const found = new Map();
  for (const file of linkedFiles()) {
    const row = rowOf(file);
    // A start file and an archive of one source are one component.
    if (!found.has(row[1])) found.set(row[1], component(file, row));
  }
  const headers = headerPackages();
  if (found.size === 0 || headers.length === 0) throw new StepFailed("the build has left no linker's maps and command lines");
  return [...[...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), ...headers];
}

/** The document, as text; the same for the same sources and tools. */
export function sbom({ version, commit }) {
  const own = { name: "runt", version, license: "Apache-2.0", purl: `pkg:generic/runt@${version}?vcs_commit=${commit}` };
  const linked = components();
  const tools = [compiler(), ...TOOLS.map(npmPackage)];
  const packages = [own, ...linked, ...tools].map(spdxPackage);
  const digest = createHash("sha256").update(JSON.stringify(packages)).digest("hex");
  const relationship = (from, type, to) => ({ spdxElementId: from, relationshipType: type, relatedSpdxElement: to });
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `runt-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/runt-${version}-${digest}`,
    creationInfo: {
      created: new Date(sourceTime() * 1000).toISOString().replace(".000Z", "Z"),
      creators: ["Tool: scripts/sbom.mjs"],
    },
    documentDescribes: ["SPDXRef-runt"],
    packages,
    relationships: [
      relationship("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-runt"),
      ...packages.slice(1, 1 + linked.length).map(({ SPDXID }) => relationship("SPDXRef-runt", "STATIC_LINK", SPDXID)),
      ...packages.slice(1 + linked.length).map(({ SPDXID }) => relationship(SPDXID, "BUILD_TOOL_OF", "SPDXRef-runt")),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
