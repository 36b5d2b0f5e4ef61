// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { manualPages } from "./manual.ts";
import { COMMANDS } from "../commands/registry.ts";
import { GLOBAL_OPTIONS } from "../global_options.ts";

const FOLDER = new URL("../../../../../dist/share/man/man8/", import.meta.url).pathname;
const pages = manualPages(COMMANDS);

t.test("the build has written them", async (t) => {
  t.same(readdirSync(FOLDER).sort(), [...pages.keys()].sort());
  for (const [name, text] of pages) t.equal(readFileSync(FOLDER + name, "utf8"), text, name);
});

t.test("each command, and each of its options, is there", async (t) => {
  for (const { name, options, examples } of COMMANDS.values()) {
    const page = pages.get(`runt-${name}.8`) ?? "";
    t.match(page, `.SH NAME\nrunt\\-${name} \\-\n`);
    t.match(pages.get("runt.8"), `.BR runt\\-${name} (8)\n`);
    for (const option of options) {
      const flag = `\\fB\\-\\-${option.name.replaceAll("-", "\\-")}\\fR`;
      t.equal(page.includes(flag), option.hidden !== true, `${name} ${option.name}`);
    }
    const [example = "no example"] = examples;
    t.match(page, example.replaceAll("-", "\\-").replaceAll("'", "\\(aq"));
  }
  for (const { name } of GLOBAL_OPTIONS) {
    const flag = `\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR`;
    t.equal((pages.get("runt.8") ?? "").includes(flag), name !== "criu", name);
  }
});

t.test("the shim's page has every flag that the shim takes", async (t) => {
  const page = pages.get("containerd-shim-runt-v2.8") ?? "";
  for (const flag of ["namespace", "id", "address", "bundle", "publish-binary", "debug", "v", "info"]) {
    t.match(page, new RegExp(`^\\.B \\\\-${flag}( |$)`, "m"), flag);
  }
  for (const command of ["start", "delete"]) t.match(page, `.TP\n.B ${command}\n`);
});

t.test("they are clean", { skip: has("mandoc") ? false : "mandoc is not installed" }, async (t) => {
  for (const [name, text] of pages) {
    const { stdout } = spawnSync("mandoc", ["-T", "lint", "-W", "warning"], { input: text, encoding: "utf8" });
    t.equal(stdout, "", name);
  }
});

t.test("man shows them", { skip: has("man") ? false : "man is not installed" }, async (t) => {
  const env = { ...process.env, MANWIDTH: "100", LC_ALL: "C", MANROFFSEQ: "" };
  const { stdout, stderr, status } = spawnSync("man", ["--warnings", "-l", `${FOLDER}runt-exec.8`], { env, encoding: "utf8" });
  t.strictSame([status, stderr], [0, ""]);
  t.match(stdout, /^ +-e, --env NAME=value\n +add NAME=value to the environment; may be given several times$/m);
  t.match(stdout, /^ +# runt exec --tty --user 1000:1000 --env TERM=xterm web sh$/m);
});

function has(program: string): boolean {
  return spawnSync("/bin/sh", ["-c", `command -v ${program}`]).status === 0;
}
