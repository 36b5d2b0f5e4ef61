// SPDX-License-Identifier: Apache-2.0
/** The layers of lib/: nothing imports upward or sideways, in the folders of lib and inside those; no cycle; no large folder. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import t from "tap";

type Layers = readonly (readonly string[])[];

/** Lowest first; those in one row may not import one another. */
const LAYERS: Layers = [
  ["errors.ts", "log.ts"],
  ["kernel"],
  ["sys"],
  ["dbus", "spec"],
  ["plan", "seccomp", "cgroups"],
  ["init"],
  ["runtime"],
  ["cli", "library", "shim"],
  ["index.ts"],
];
/** The same inside a folder. A folder that is not here has files alone. */
const INSIDE: Readonly<Record<string, Layers>> = {
  cli: [
    ["boolean.ts", "duration.ts", "matching.ts", "paths.ts", "result.ts", "output"],
    ["root.ts", "bundle_paths.ts", "log_format.ts"],
    ["log.ts", "command.ts"],
    ["global_options.ts", "shared_options.ts", "tracer.ts"],
    ["argv.ts", "context.ts", "help"],
    ["commands"],
    ["main.ts"],
  ],
  cgroups: [
    ["cgroup.ts"],
    ["place"],
    ["files"],
    ["v1"],
    ["v2"],
    ["open.ts"],
    ["systemd", "disabled.ts"],
    ["live_devices.ts"],
    ["usage.ts"],
  ],
  runtime: [
    ["record.ts", "options.ts"],
    ["host", "bundle.ts"],
    ["container"],
    ["foreground"],
    ["launch"],
    ["exec"],
    ["criu", "operations", "live"],
    ["check"],
  ],
  shim: [["proto", "loop.ts"]],
  spec: [["types.ts", "capabilities.ts", "annotations.ts", "clean_path.ts"], ["json"], ["schema"], ["rules"], ["documents"]],
};
/** What decides only: no file system, no clock, no process. `spec` and `plan` get facts passed in. */
const PURE = ["spec", "plan"];
/** Source files in one folder, at most. */
const LARGEST = 20;

const lib = fileURLToPath(new URL("../../../lib/", import.meta.url));
const files = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter(
  (path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.endsWith(".d.ts"),
);
const imports = new Map(files.map((path) => [path, importsOf(path)]));

function importsOf(path: string): readonly string[] {
  const source = readFileSync(lib + path, "utf8");
  return [...source.matchAll(/^(?:import|export)\b[^;"]*\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/gm)].map(
    ([, fixed = "", lazy = ""]) => fixed + lazy,
  );
}

/** The files of lib that a file imports. */
function own(path: string): readonly string[] {
  return (imports.get(path) ?? []).filter((each) => each.startsWith(".")).map((each) => join(dirname(path), each));
}

function level(layers: Layers, name: string): number {
  return layers.findIndex((row) => row.includes(name));
}

/** Imports of `layers` that do not go down; `depth` is the place of a layer's name in a path. */
function upward(layers: Layers, depth: number, within = ""): string[] {
  const wrong: string[] = [];
  for (const path of files.filter((each) => each.startsWith(within))) {
    for (const target of own(path).filter((each) => each.startsWith(within))) {
      const [from = "", to = ""] = [path, target].map((each) => each.split("/")[depth]);
      if (from !== to && level(layers, from) >= 0 && level(layers, to) >= level(layers, from))
        wrong.push(`${path} imports ${target}`);
    }
  }
  return wrong;
}

t.test("every folder of lib/ is a layer", async (t) => {
  t.same(
    files.filter((path) => level(LAYERS, path.split("/")[0] ?? "") < 0),
    [],
  );
});

t.test("the program needs nothing but its own files: its engine has no modules", async (t) => {
  const wrong: string[] = [];
  for (const path of files) {
    if (path.startsWith("library/")) continue; // for Node.js; the program has nothing of it
    for (const specifier of imports.get(path) ?? []) if (!specifier.startsWith(".")) wrong.push(`${path} imports ${specifier}`);
  }
  t.same(wrong, []);
});

t.test("imports go down", async (t) => {
  t.same(upward(LAYERS, 0), []);
  for (const [folder, layers] of Object.entries(INSIDE)) t.same(upward(layers, 1, `${folder}/`), [], folder);
});

t.test("no import is a cycle", async (t) => {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) t.fail([...above.slice(above.indexOf(path)), path].join(" imports "));
    if (done.has(path) || above.includes(path)) return;
    for (const target of own(path)) visit(target, [...above, path]);
    done.add(path);
  };
  for (const path of files) visit(path, []);
  t.equal(done.size >= files.length, true);
});

t.test("imports are static: the snapshot has all modules loaded", async (t) => {
  const wrong = files.filter((path) => !path.startsWith("library/") && /\bimport\(/.test(readFileSync(lib + path, "utf8")));
  t.same(wrong, []);
});

t.test("no folder is too large to look through", async (t) => {
  const sizes = new Map<string, number>();
  for (const path of files) sizes.set(dirname(path), (sizes.get(dirname(path)) ?? 0) + 1);
  t.same(
    [...sizes].filter(([, size]) => size > LARGEST),
    [],
  );
});

t.test("spec and plan are pure", async (t) => {
  const wrong = files.filter((path) => {
    if (!PURE.includes(path.split("/")[0] ?? "")) return false;
    const source = readFileSync(lib + path, "utf8");
    return /from "node:|sys\/(native|files)|\bprocess\.(pid|get|argv|exit|platform|arch)|Date\.now|new Date\(\)/.test(source);
  });
  t.same(wrong, []);
});
