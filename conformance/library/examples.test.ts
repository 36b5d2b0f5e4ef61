// The examples of docs/library.md, with Node and with Bun.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Box, scenario } from "../harness/box.ts";
import { KIND, RUNTIME } from "../harness/runtime.ts";
import { makeRootfs } from "../harness/rootfs.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const BUN = `${ROOT}node_modules/bun/bin/bun.exe`;
const ENGINES = [process.execPath, ...(existsSync(BUN) ? [BUN] : [])];
const skip = KIND === "runt" ? false : "the library is runt's";

/** What an example prints; in a mount namespace of its own, which takes its mounts along. */
function run(box: Box, engine: string, name: string, ...args: readonly string[]): string {
  const rootfs = box.path("rootfs");
  makeRootfs(rootfs);
  box.atClose(() => deleteThoseOf(box));
  const words = ["--mount", engine, `${ROOT}examples/${name}.mjs`, rootfs, ...args];
  return execFileSync("unshare", words, { encoding: "utf8", env: { ...process.env, TMPDIR: box.dir }, timeout: 60_000 });
}

/** What an example that was killed has left; it keeps its containers where the program does. */
function deleteThoseOf(box: Box): void {
  const listed = spawnSync(RUNTIME, ["list", "--format", "json"], { encoding: "utf8" }).stdout;
  for (const { id, bundle } of (JSON.parse(listed) ?? []) as readonly { readonly id: string; readonly bundle: string }[]) {
    if (bundle.startsWith(`${box.dir}/`)) spawnSync(RUNTIME, ["delete", "--force", id]);
  }
}

for (const engine of ENGINES) {
  const name = engine === BUN ? "Bun" : "Node";

  scenario(`${name}: a sandbox with limits and a time-out`, (t, box) => {
    const result = (script: string): unknown => JSON.parse(run(box, engine, "sandbox", script));
    const calm = { oomKilled: false, timedOut: false, stderr: "" };
    t.same(result("id -u; exit 2"), { ...calm, exitCode: 2, stdout: "65534\n" });
    t.match(result("sleep 100"), { exitCode: 137, signal: 9, timedOut: true });
    t.match(result("tail /dev/zero"), { exitCode: 137, signal: 9, oomKilled: true, timedOut: false });
    t.match(result("ip -o link | grep -vc LOOPBACK; touch /file"), { exitCode: 1, stdout: "0\n", stderr: /Read-only/ });
  }, { skip });

  scenario(`${name}: an overlay shared by 100 containers`, (t, box) => {
    t.equal(run(box, engine, "overlay", "100"), "100 containers wrote 100 numbers\n");
  }, { skip, timeout: 120_000 });

  scenario(`${name}: a pool of containers that wait`, (t, box) => {
    t.equal(run(box, engine, "pool", "6"), "012345".replace(/./g, "REQUEST $&\n"));
  }, { skip });
}

scenario("docs/library.md shows the examples as they are", (t) => {
  const page = readFileSync(`${ROOT}docs/library.md`, "utf8");
  for (const name of readdirSync(`${ROOT}examples`)) {
    t.ok(page.includes(`\`\`\`js\n${readFileSync(`${ROOT}examples/${name}`, "utf8")}\`\`\``), name);
  }
});

scenario("the types are the documented ones", (t, box) => {
  const source = readFileSync(`${ROOT}docs/library.md`, "utf8");
  const blocks = [...source.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text]) => text ?? "");
  t.ok(blocks.length > 0);
  const file = `${ROOT}build/documented.mts`;
  const declare = 'import { Container, RuntimeError, newConfig } from "@runt-oci/runt";\n';
  const body = blocks.map((text) => `{\n${text.replace(/^import .*\n/gm, "")}}\n`).join("");
  execFileSync("tee", [file], { input: declare + body + "void [RuntimeError, newConfig];\n", stdio: ["pipe", "ignore", "inherit"] });
  box.atClose(() => void spawnSync("rm", ["-f", file]));
  const flags = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2023", "--lib", "es2023,esnext.disposable"];
  const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
  const words = [tsc, ...flags, "--module", "nodenext", "--moduleResolution", "nodenext", "--types", "node", file];
  const done = spawnSync(process.execPath, words, { cwd: ROOT, encoding: "utf8" });
  t.equal(done.stdout, "");
});
