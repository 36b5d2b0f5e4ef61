// npm run bench [-- --rounds N] [-- --runtimes runt,crun,runc,floor]: compares runt with crun, runc and plain C.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureNpmPackages, environment, PACKAGES, prepare, ROOT } from "./prepare.mjs";

if (process.getuid?.() !== 0) {
  console.error("bench: this needs root, for cgroups and a mount namespace: sudo npm run bench");
  process.exit(1);
}
prepare({ packages: [...PACKAGES.bench, ...PACKAGES.demo] });
if (!ensureNpmPackages()) process.exit(1);
const program = join(ROOT, "build/js/conformance/bench/bench.js");
if (!existsSync(join(ROOT, "dist/bin/runt")) || !existsSync(program)) {
  const built = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: ROOT, stdio: "inherit" });
  if (built.status !== 0) process.exit(1);
}
const script = join(ROOT, "conformance/bench/hide_unified.sh");
const done = spawnSync("sh", [script, process.execPath, program, ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: "inherit",
  env: environment(),
});
process.exit(done.status ?? 1);
