// SPDX-License-Identifier: Apache-2.0
// Each source file says its licence in its first lines.
//
//   node scripts/spdx.mjs            says which files do not, and ends with status 1 if there is one
//   node scripts/spdx.mjs --write    adds the line to them
//
// Generated files get theirs from what generates them; JSON, pictures and texts for people are under LICENSE without a line.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { ROOT } from "./prepare.mjs";
import { ask } from "./steps.mjs";

const LINE = "SPDX-License-Identifier: Apache-2.0";
/** How a comment begins and ends, by what a file's name ends with. */
const COMMENTS = {
  ".ts": ["// ", ""],
  ".mts": ["// ", ""],
  ".js": ["// ", ""],
  ".mjs": ["// ", ""],
  ".c": ["/* ", " */"],
  ".h": ["// ", ""],
  ".cc": ["// ", ""],
  ".sh": ["# ", ""],
  ".yml": ["# ", ""],
  ".py": ["# ", ""],
  ".cmake": ["# ", ""],
};
const BY_NAME = { "CMakeLists.txt": ["# ", ""], ".ci/run": ["# ", ""], postinst: ["# ", ""], prerm: ["# ", ""] };
/** Somebody else's text, what a generator writes and compares, and examples, which docs/library.md shows as they are. */
const LEFT_OUT = [/^examples\//, /^licenses\//, /\.gen\.(ts|h)$/, /(^|\/)generated\//, /^native\/test\/kernel_numbers_test\.cc$/];

function comment(file) {
  return BY_NAME[file] ?? BY_NAME[file.slice(file.lastIndexOf("/") + 1)] ?? COMMENTS[extname(file)];
}

function sources() {
  const listed = ask("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).split("\0");
  return listed.filter(
    (file) =>
      file !== "" &&
      existsSync(join(ROOT, file)) &&
      comment(file) !== undefined &&
      !LEFT_OUT.some((pattern) => pattern.test(file)),
  );
}

/** The text with the line at its top, behind what has to come first: "#!" and a directive of the compiler. */
export function withLine(text, [begin, end]) {
  const lines = text.split("\n");
  const at = lines[0]?.startsWith("#!") ? 1 : 0;
  lines.splice(at, 0, `${begin}${LINE}${end}`);
  return lines.join("\n");
}

function main() {
  const missing = sources().filter(
    (file) =>
      !readFileSync(join(ROOT, file), "utf8")
        .split("\n")
        .slice(0, 5)
        .some((line) => line.includes(LINE)),
  );
  for (const file of missing) {
    if (process.argv.includes("--write"))
      writeFileSync(join(ROOT, file), withLine(readFileSync(join(ROOT, file), "utf8"), comment(file)));
    else console.log(`${file}: no line "${LINE}"`);
  }
  console.log(`${missing.length} files ${process.argv.includes("--write") ? "have got the line" : "lack the line"}`);
  if (missing.length > 0 && !process.argv.includes("--write")) process.exitCode = 1;
}

if (process.argv[1] === import.meta.filename) main();
