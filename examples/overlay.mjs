// A hundred containers on one root file system: each writes to a layer of its own over it, all read the same
// files (and the same page cache).
//
//   node overlay.mjs ROOTFS [COUNT]
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Container, newConfig } from "@runt-oci/runt";

const run = promisify(execFile);
const [rootfs = "rootfs", count = "100"] = process.argv.slice(2);

async function makeBundle(home, number) {
  const bundle = join(home, String(number));
  const [upper, work, merged] = ["upper", "work", "rootfs"].map((name) => join(bundle, name));
  for (const folder of [upper, work, merged]) await mkdir(folder, { recursive: true });
  const layers = `lowerdir=${resolve(rootfs)},upperdir=${upper},workdir=${work}`;
  await run("mount", ["-t", "overlay", "overlay", "-o", layers, merged]);
  const config = newConfig();
  const args = ["sh", "-c", `echo ${number} > /number`];
  const process = { ...config.process, terminal: false, args };
  await writeFile(join(bundle, "config.json"), JSON.stringify({ ...config, process, root: { path: merged } }));
  return { bundle, upper, merged };
}

async function number(home, at) {
  const { bundle, upper, merged } = await makeBundle(home, at);
  try {
    const box = await Container.run({ bundle, stdio: ["ignore", "inherit", "inherit"] });
    const { exitCode } = await box.wait();
    await box.delete();
    if (exitCode !== 0) throw new Error(`container ${at} ended with ${exitCode}`);
    return Number(await readFile(join(upper, "number"), "utf8"));
  } finally {
    await run("umount", [merged]);
  }
}

// The upper layers cannot lie on another overlay, which /tmp may be.
const home = await mkdtemp(join(tmpdir(), "overlay-"));
await run("mount", ["-t", "tmpfs", "tmpfs", home]);
try {
  const all = await Promise.allSettled(Array.from({ length: Number(count) }, (_, at) => number(home, at)));
  for (const { reason } of all) if (reason !== undefined) throw reason;
  console.log(`${all.length} containers wrote ${new Set(all.map(({ value }) => value)).size} numbers`);
} finally {
  await run("umount", [home]);
  await rm(home, { recursive: true });
}
