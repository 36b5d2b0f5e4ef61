/** The layers of lib/: nothing imports upward or sideways. */
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";

/** Lowest first; those in one row may not import one another. */
const LAYERS: readonly (readonly string[])[] = [
  ["errors.ts", "log.ts"],
  ["sys"],
  ["spec"],
  ["plan", "seccomp", "cgroups"],
  ["init"],
  ["runtime"],
  ["commands", "library"],
  ["cli", "index.ts"],
];
/** What decides only: no file system, no clock, no process. `spec` and `plan` get facts passed in. */
const PURE = ["spec", "plan"];

const lib = fileURLToPath(new URL("../../../lib/", import.meta.url));
const level = (name: string): number => LAYERS.findIndex((row) => row.includes(name));
const layerOf = (path: string): string => path.split("/")[0] ?? "";

const files = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter(
  (path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.endsWith(".d.ts"),
);

t.test("every folder of lib/ is a layer", async (t) => {
  t.same(files.filter((path) => level(layerOf(path)) < 0), []);
});

/** Writes a part of cli when the table changes; the program does not import it. */
const GENERATOR = "cli/option_lists.ts";

t.test("the program needs nothing but its own files: its engine has no modules", async (t) => {
  const wrong: string[] = [];
  for (const path of files) {
    if (layerOf(path) === "library") continue; // for Node.js; the program has nothing of it
    const source = readFileSync(lib + path, "utf8");
    const imports = [...source.matchAll(/^(?:import|export)\b[^;"]*\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/gm)];
    for (const [, fixed = "", lazy = ""] of imports) {
      const specifier = fixed + lazy;
      const isOwn = specifier.startsWith(".") && !specifier.endsWith("/option_lists.ts");
      if (!isOwn && path !== GENERATOR) wrong.push(`${path} imports ${specifier}`);
    }
  }
  t.same(wrong, []);
});

t.test("imports go down", async (t) => {
  const wrong: string[] = [];
  for (const path of files) {
    const source = readFileSync(lib + path, "utf8");
    for (const [, specifier] of source.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const target = new URL(specifier ?? "", `file:///${path}`).pathname.slice(1);
      const [from, to] = [layerOf(path), layerOf(target)];
      if (from !== to && level(to) >= level(from)) wrong.push(`${path} imports ${target}`);
    }
  }
  t.same(wrong, []);
});

t.test("spec and plan are pure", async (t) => {
  const wrong = files.filter((path) => {
    if (!PURE.includes(layerOf(path))) return false;
    const source = readFileSync(lib + path, "utf8");
    return /from "node:|sys\/(native|files)|\bprocess\.(pid|get|argv|exit|platform|arch)|Date\.now|new Date\(\)/.test(source);
  });
  t.same(wrong, []);
});
