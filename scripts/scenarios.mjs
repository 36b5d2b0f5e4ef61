// SPDX-License-Identifier: Apache-2.0
// What the scripts share that make tables of the scenarios of conformance/: one test file's TAP, and a part of a document.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environment, ROOT } from "./prepare.mjs";

/**
 * TAP of one test file.
 *
 * @param file relative to the checkout
 * @param options.runtime RUNTIME of the scenarios
 * @param options.env further variables
 * @param options.wrap words before the command
 * @returns what it printed, and its exit status or the signal that ended it
 */
export async function tapOf(file, { runtime, timeoutMs, env = {}, wrap = [] }) {
  const compiled = join(ROOT, "build/js", file.replace(/\.ts$/, ".js"));
  const words = [...wrap, process.execPath, "--enable-source-maps", compiled];
  const child = spawn(words[0], words.slice(1), {
    cwd: ROOT,
    env: { ...environment(), TAP: "1", TAP_TIMEOUT: String(timeoutMs / 1000), RUNTIME: runtime, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const status = await new Promise((settle) => child.on("close", (code, signal) => settle(code ?? signal)));
  clearTimeout(timer);
  return { out, status };
}

/** A text for a cell of a Markdown table. */
export function cell(text) {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

/** Name of a runtime, for the head of a column. */
export function titleOf(runtime) {
  return runtime.split("/").at(-1);
}

/** The text between the marks of {@link replacePart}. */
export function partOf(path, name) {
  const [, text] =
    new RegExp(`<!-- ${name}: begin -->\\n\\n([\\s\\S]*?)\\n\\n<!-- ${name}: end -->`).exec(readFileSync(path, "utf8")) ?? [];
  if (text === undefined) throw new Error(`${path} lacks the marks of ${name}`);
  return text;
}

/** Puts a text between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->` of a document. */
export function replacePart(path, name, text) {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, rest] = readFileSync(path, "utf8").split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${path} lacks the marks ${begin} and ${end}`);
  writeFileSync(path, `${before}${begin}\n\n${text}\n\n${end}${after}`);
}
