// SPDX-License-Identifier: Apache-2.0
/** The surface of the program's engine: what lib uses of it, what native/engine/engine.d.ts says, what the engine has. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (path: string): string => readFileSync(root + path, "utf8");
const sources = readdirSync(`${root}lib`, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.startsWith("library/"))
  .map((path) => read(`lib/${path}`));

/** Names in `environment.h`: the variables that the program hands to JavaScript. */
function passedOn(): string[] {
  const [, list = ""] = /kPassed\[\] = \{([^}]*)\}/.exec(read("native/engine/environment.h")) ?? [];
  return [...list.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name).sort();
}

/** Names that lib looks up in an environment; those that the build or the engine makes up begin with RUNT_. */
function lookedUp(): string[] {
  const names = new Set<string>();
  for (const source of sources) {
    for (const [, name = ""] of source.matchAll(/\b(?:env|environment)\["([A-Z_]+)"\]/g)) names.add(name);
  }
  return [...names].filter((name) => !name.startsWith("RUNT_")).sort();
}

t.test("each variable of the environment that lib reads reaches the program, and no other", async (t) => {
  t.same(passedOn(), lookedUp());
});

/** Members that an interface or a class of engine.d.ts declares. */
function declared(kind: string): string[] {
  const [, body = ""] =
    new RegExp(`(?:interface|declare class) ${kind} \\{\\n([\\s\\S]*?)\\n\\}`).exec(read("native/engine/engine.d.ts")) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:?]/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "constructor")
    .sort();
}

/** Parts of the language that native/engine/snapshot.cc leaves out. */
const ABSENT = ["Atomics", "FinalizationRegistry", "Function", "Proxy", "SharedArrayBuffer", "WeakRef", "eval"];

const program = `${root}build/engine-tests/tests0`;
const skip = existsSync(program) ? false : "the test program of the engine is not built: `npm test -- engine` builds it";

t.test("the engine has what engine.d.ts declares, and nothing else", { skip }, async (t) => {
  const found = JSON.parse(execFileSync(program, ["--globals"], { encoding: "utf8" })) as Readonly<
    Record<string, readonly string[]>
  >;
  const methods = (name: string): string[] => (found[name] ?? []).filter((each) => each !== "constructor");
  t.same(methods("process"), declared("EngineProcess"));
  t.same(methods("TextEncoder"), declared("TextEncoder"));
  for (const absent of ABSENT) t.notOk(found["all"]?.includes(absent), `${absent} is absent`);
  t.ok(found["all"]?.includes("Promise"), "what the language has otherwise is there");
  t.same(
    [...methods("TextDecoder"), ...(found["decoder"] ?? []).filter((each) => each === "fatal")].sort(),
    declared("TextDecoder"),
  );
});
