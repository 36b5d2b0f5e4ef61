// SPDX-License-Identifier: Apache-2.0
/** The configurations of containerd that docs/engines.md shows, each as a whole file. CONTAINERD names a containerd 2.x. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT, RUNTIME } from "../harness/runtime.ts";
import { Cri, CRI_PACKAGES } from "./cri.ts";
import { engine } from "./engine.ts";
import { IN_ROOT, type Playground } from "./playground.ts";

/** runc stays the default beside runt. */
const PACKAGES = [...CRI_PACKAGES, "runc"];
const DAEMON = process.env["CONTAINERD"] ?? "containerd";
const PAGE = readFileSync(join(PROJECT, "docs/engines.md"), "utf8");
const INSTALLED = "/usr/local/sbin/runt";

/** The indented blocks of a page, in their order. */
function blocks(text: string): string[] {
  return [...text.matchAll(/(?:^(?: {4}.*)?\n)+/gm)]
    .map(([block]) => block.replaceAll(/^ {4}/gm, "").trim())
    .filter((block) => block !== "");
}

/** The one block of the page that has all of `words`. */
function block(...words: string[]): string {
  const found = blocks(PAGE).filter((text) => words.every((word) => text.includes(word)));
  if (found.length !== 1) throw new Error(`docs/engines.md has ${found.length} blocks with ${words.join(" and ")}`);
  return found[0] ?? "";
}

/** What the playground needs besides: its places, and an image that nobody has to fetch. */
const PLACES: Readonly<Record<number, (pg: Playground) => string>> = {
  2: ({ dir }) => `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:latest"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${dir}/cni"
`,
  3: ({ dir }) => `
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/pause:latest"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "${dir}/cni"
`,
};

/** The page's file for a version of the format, with the runtime under test in its place, and the playground's lines. */
function file(pg: Playground, version: 2 | 3, words: readonly string[]): string {
  const text = block(`version = ${version}`, ...words);
  if (!text.includes(INSTALLED)) throw new Error(`docs/engines.md does not name ${INSTALLED}`);
  const runtime = join(pg.dir, "recorded");
  writeFileSync(runtime, `#!/bin/sh\necho "$@" >>${pg.dir}/calls\nexec ${RUNTIME} "$@"\n`);
  chmodSync(runtime, 0o755);
  const [first = "", ...rest] = text.replaceAll(INSTALLED, runtime).split("\n");
  const own = `root = "${pg.dir}/containerd"\nstate = "/run/containerd"\n[grpc]\n  address = "${pg.dir}/containerd.sock"\n`;
  return `${first}\n${own}${rest.join("\n")}\n${PLACES[version]?.(pg) ?? ""}`;
}

function major(daemon: string): number {
  const [program = "", ...rest] = [...IN_ROOT, daemon];
  const done = spawnSync(program, [...rest, "--version"], { encoding: "utf8" });
  return Number(/\bv?(\d+)\.\d+\.\d+/.exec((done.stdout ?? "").split(" ").slice(2).join(" "))?.[1] ?? 0);
}

/** Which versions of the file a containerd takes. */
const TAKEN: Readonly<Record<number, readonly (2 | 3)[]>> = { 1: [2], 2: [2, 3] };

for (const version of TAKEN[major(DAEMON)] ?? []) {
  engine(
    `docs/engines.md, version = ${version}, runt as a class, containerd ${major(DAEMON)}`,
    PACKAGES,
    (pg) => new Cri(pg, { config: file(pg, version, []), daemon: DAEMON }),
    {
      async "a pod of the class, and a container in it, are runt's"(t, cri) {
        const pod = await cri.runPod({}, "runt");
        const id = await cri.run(pod, "one", ["sleep", "1000"]);
        t.equal((await cri.exec(id, ["echo", "inside"])).stdout, "inside\n");
        const calls = readFileSync(join(cri.pg.dir, "calls"), "utf8");
        t.match(calls, / create .*\n/);
        t.match(calls, / exec .*\n/);
        await cri.remove(pod);
      },
      async "a pod without a class is runc's as before"(t, cri) {
        const before = readFileSync(join(cri.pg.dir, "calls"), "utf8");
        await cri.remove(await cri.runPod());
        await t.rejects(cri.runPod({}, "none"), "no such class");
        t.equal(readFileSync(join(cri.pg.dir, "calls"), "utf8"), before);
      },
    },
  );
  engine(
    `docs/engines.md, version = ${version}, runt as the default, containerd ${major(DAEMON)}`,
    PACKAGES,
    (pg) => {
      const table =
        version === 2 ? `plugins."io.containerd.grpc.v1.cri".containerd` : `plugins."io.containerd.cri.v1.runtime".containerd`;
      const more = `\n[${table}]\n  default_runtime_name = "runt"\n`;
      if (!PAGE.includes(`[${table}]`)) throw new Error(`docs/engines.md has no [${table}]`);
      return new Cri(pg, { config: `${file(pg, version, [])}${more}`, daemon: DAEMON });
    },
    {
      async "a pod without a class is runt's"(t, cri) {
        const pod = await cri.runPod();
        // containerd closes the connection of a container that ends while it is stopped, whatever the runtime.
        await cri.ended(await cri.run(pod, "one", ["true"]));
        t.ok(existsSync(join(cri.pg.dir, "calls")));
        await cri.remove(pod);
      },
    },
  );
}
