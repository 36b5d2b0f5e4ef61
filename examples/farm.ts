// One image for a hundred containers: each writes to a layer of its own, all read the same files (and the same page cache). The first
// argument is a directory with a root file system, or an image as `docker save` or `skopeo copy` write it.
//
//   skopeo copy docker://alpine:3 oci-archive:alpine.tar
//   node farm.js alpine.tar [COUNT] [STORE]
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Container, Rootfs } from "@runt-oci/runt";

const [source = "rootfs", count = "100", store = "/var/lib/runt/layers"] = process.argv.slice(2);

async function isRoot(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory() && (await stat(join(path, "bin")).catch(() => undefined)) !== undefined;
}

const rootfs = (await isRoot(source)) ? source : await Rootfs.fromImage(source, { store });

async function number(at: number): Promise<number> {
  await using box = await Container.run({
    rootfs,
    overlay: true,
    args: ["sleep", "1000"],
    limits: { memory: "32m", pids: 16 },
    stdio: "ignore",
  });
  await box.$`sh -c ${`echo ${at} > /number`}`;
  const { stdout } = await box.$`cat /number`;
  return Number(stdout);
}

/** Twenty at a time. */
const numbers: number[] = [];
const left = Array.from({ length: Number(count) }, (_, at) => at);
await Promise.all(
  Array.from({ length: 20 }, async () => {
    for (let at = left.shift(); at !== undefined; at = left.shift()) numbers.push(await number(at));
  }),
);
console.log(`${numbers.length} containers wrote ${new Set(numbers).size} numbers`);
