// SPDX-License-Identifier: Apache-2.0
// docs/library.md and docs/api: they show what is there, as strict TypeScript that runs.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as library from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { KIND, RUNTIME } from "../harness/runtime.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { layout } from "./images.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const TSC = `${ROOT}node_modules/typescript/bin/tsc`;
const skip = KIND === "runt" ? false : "the library is runt's";

scenario("docs/library.md shows the examples as they are", (t) => {
  const page = readFileSync(`${ROOT}docs/library.md`, "utf8");
  for (const name of readdirSync(`${ROOT}examples`).filter((each) => each.endsWith(".ts"))) {
    t.ok(page.includes(`\`\`\`ts\n${readFileSync(`${ROOT}examples/${name}`, "utf8")}\`\`\``), name);
  }
});

/** The pieces of docs/library.md that are no whole programs, as one. */
function documented(): string {
  const source = readFileSync(`${ROOT}docs/library.md`, "utf8");
  const whole = readdirSync(`${ROOT}examples`)
    .filter((each) => each.endsWith(".ts"))
    .map((each) => readFileSync(`${ROOT}examples/${each}`, "utf8"));
  const blocks = [...source.matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, text]) => text ?? "")
    .filter((text) => !whole.includes(text));
  const names = new Set(
    blocks.flatMap((text) =>
      [...text.matchAll(/^import \{ (.*) \} from "@runt-oci\/runt";$/gm)].flatMap(([, list = ""]) => list.split(", ")),
    ),
  );
  const body = blocks.map((text) => `await (async () => {\n${text.replace(/^import .*\n/gm, "")}})();\n`).join("");
  return `import { ${[...names].join(", ")} } from "@runt-oci/runt";\n${body}`;
}

scenario(
  "what docs/library.md shows is strict TypeScript, and runs",
  async (t, box) => {
    const folder = `${ROOT}build/documented`;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    box.atClose(() => rmSync(folder, { recursive: true, force: true }));
    const rootfs = box.folder("rootfs");
    makeRootfs(rootfs);
    const text = documented()
      .replaceAll('"/srv/rootfs"', JSON.stringify(rootfs))
      .replaceAll('"/tmp/layers"', JSON.stringify(box.path("store")))
      .replaceAll(
        '"alpine.tar"',
        JSON.stringify(
          layout(box.folder("image"), {
            layers: [spawnSync("tar", ["-C", rootfs, "-cf", "-", "."], { maxBuffer: 1 << 28 }).stdout],
            config: { Cmd: ["echo", "of the image"] },
          }),
        ),
      );
    writeFileSync(join(folder, "documented.ts"), text);
    const config = {
      extends: "../../examples/tsconfig.json",
      compilerOptions: { rootDir: ".", outDir: "made" },
      include: ["documented.ts"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const checked = spawnSync(process.execPath, [TSC, "-p", folder], { cwd: ROOT, encoding: "utf8" });
    t.equal(checked.stdout, "");
    box.atClose(() => {
      const listed = spawnSync(RUNTIME, ["list", "--format", "json"], { encoding: "utf8" }).stdout;
      for (const { id, bundle } of (JSON.parse(listed) ?? []) as readonly { readonly id: string; readonly bundle: string }[]) {
        if (bundle.startsWith(`${box.dir}/`)) spawnSync(RUNTIME, ["delete", "--force", id]);
      }
    });
    const done = spawnSync(process.execPath, [join(folder, "made/documented.js")], {
      cwd: box.dir,
      encoding: "utf8",
      timeout: 60_000,
    });
    t.equal(done.stderr, "");
    t.equal(done.status, 0);
  },
  { skip },
);

scenario("docs/api has a page for everything that the library exports", (t) => {
  const index = readFileSync(`${ROOT}docs/api/README.md`, "utf8");
  for (const name of Object.keys(library))
    t.match(index, new RegExp(`^- \\[${name}\\]`, "m"), `${name}: "npm run reference" writes it`);
  const page = readFileSync(`${ROOT}docs/api/classes/Container.md`, "utf8");
  const methods = Object.getOwnPropertyNames(library.Container.prototype).filter((name) => !["constructor", "$"].includes(name));
  for (const name of methods)
    t.match(page, new RegExp(`^### ${name}\\(\\)`, "m"), `Container.${name}: "npm run reference" writes it`);
});
