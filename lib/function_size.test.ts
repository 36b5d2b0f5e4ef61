// SPDX-License-Identifier: Apache-2.0
/** Functions fit on a screen: at most 80 lines in lib, 100 in native. */
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import ts from "typescript";

const LONGEST_IN_LIB = 80;
const LONGEST_IN_NATIVE = 100;

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A function, and how many lines it has. */
interface Size {
  readonly name: string;
  readonly lines: number;
}

function filesOf(folder: string, isWanted: (path: string) => boolean): string[] {
  const paths = readdirSync(root + folder, { recursive: true, encoding: "utf8" });
  return paths.filter(isWanted).map((path) => `${folder}/${path}`);
}

/** The functions of a TypeScript file, those inside of others too. */
function functionsOf(path: string, text: string): Size[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Size[] = [];
  const lineOf = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  const look = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const start = node.getStart(source);
      found.push({ name: `${path}:${lineOf(start) + 1}`, lines: lineOf(node.end) - lineOf(start) + 1 });
    }
    ts.forEachChild(node, look);
  };
  look(source);
  return found;
}

/** What a block of C++ may begin with that is no function; a lambda is a part of the function around it. */
const NO_FUNCTION =
  /^\s*(?:namespace|extern|struct|class|enum|union|if|for|while|switch|else|do|case|#|\/\/|\})|^[^(]*=|\[[&=\]]|^[^(]*$/;

/** The functions of a C++ file, as clang-format lays them out: the last brace stands below the first character of the head. */
function nativeFunctionsOf(path: string, text: string): Size[] {
  const found: Size[] = [];
  const lines = text.split("\n");
  const indentOf = (line = ""): number => line.search(/\S/);
  for (const [index, line] of lines.entries()) {
    if (!line.endsWith("{")) continue;
    let start = index;
    while (start > 0 && indentOf(lines[start]) > 2) start--;
    if (index - start > 8 || NO_FUNCTION.test(lines.slice(start, index + 1).join(" "))) continue;
    const end = lines.indexOf(`${" ".repeat(indentOf(lines[start]))}}`, index);
    if (end >= 0) found.push({ name: `${path}:${start + 1}`, lines: end - start + 1 });
  }
  return found;
}

function tooLong(functions: readonly Size[], most: number): string[] {
  return functions.filter(({ lines }) => lines > most).map(({ name, lines }) => `${name}: ${lines} lines`);
}

t.test(`no function of lib has more than ${LONGEST_IN_LIB} lines`, async (t) => {
  const files = filesOf(
    "lib",
    (path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.includes("generated/") && !path.endsWith(".gen.ts"),
  );
  const functions = files.flatMap((path) => functionsOf(path, readFileSync(root + path, "utf8")));
  t.ok(functions.length > 1000, `${functions.length} functions were found`);
  t.same(tooLong(functions, LONGEST_IN_LIB), []);
});

t.test(`no function of native has more than ${LONGEST_IN_NATIVE} lines`, async (t) => {
  const files = filesOf(
    "native",
    (path) => /\.(cc|h)$/.test(path) && !path.includes(".gen.") && !path.includes("kernel_numbers_test"),
  );
  const functions = files.flatMap((path) => nativeFunctionsOf(path, readFileSync(root + path, "utf8")));
  t.ok(functions.length > 500, `${functions.length} functions were found`);
  t.same(tooLong(functions, LONGEST_IN_NATIVE), []);
});

t.test("what is too long is found", async (t) => {
  const body = "  one();\n".repeat(80);
  t.same(
    functionsOf("a.ts", `const one = () => {\n${body}};\nfunction two(): void {\n}\n`).map(({ lines }) => lines),
    [82, 2],
  );
  const native = `namespace a {\n\nvoid One(int a,\n         int b) {\n${body}}\n\nclass B {\n  void Two() {\n  }\n};\n`;
  t.same(
    nativeFunctionsOf("a.cc", native).map(({ lines }) => lines),
    [83, 2],
  );
});
