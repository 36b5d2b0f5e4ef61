// SPDX-License-Identifier: Apache-2.0
// An image of busybox in the place of those that suites fetch from a registry.
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstLine, sh } from "./run.mjs";

export const BUSYBOX = "/bin/busybox";
const FOLDERS = [
  "bin",
  "dev",
  "etc",
  "home",
  "proc",
  "root",
  "run",
  "sys",
  "tmp",
  "usr/bin",
  "usr/sbin",
  "var/run",
  "var/tmp",
  "var/www",
];
const USERS = [
  "root:x:0:0:root:/root:/bin/sh",
  "bin:x:1:1:bin:/bin:/bin/false",
  "www-data:x:33:33:www-data:/:/bin/false",
  "nobody:x:65534:65534:nobody:/:/bin/false",
];
const GROUPS = ["root:x:0:root", "bin:x:1:", "tty:x:5:", "www-data:x:33:", "nobody:x:65534:"];

/**
 * A root file system with busybox's programs.
 *
 * @param link makes a program of busybox; with linkSync each is a file of its own, which can be masked
 * @returns `root`
 */
export function makeRoot(root, link = (_from, path) => symlinkSync("/bin/busybox", path)) {
  for (const folder of FOLDERS) mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ["tmp", "var/tmp"]) chmodSync(join(root, folder), 0o1777);
  cpSync(BUSYBOX, join(root, "bin/busybox"), { dereference: true });
  for (const applet of sh(`${BUSYBOX} --list`).stdout.trim().split("\n")) {
    if (applet !== "busybox") link(join(root, "bin/busybox"), join(root, "bin", applet));
  }
  for (const name of ["env", "id", "printenv"]) symlinkSync("/bin/busybox", join(root, "usr/bin", name));
  writeFileSync(join(root, "etc/passwd"), `${USERS.join("\n")}\n`);
  writeFileSync(join(root, "etc/group"), `${GROUPS.join("\n")}\n`);
  writeFileSync(join(root, "etc/os-release"), 'NAME="Alpine Linux"\nID=alpine\n');
  return root;
}

/** @throws Error */
export function pack(root, archive, names = ".") {
  const packed = sh(`tar -C '${root}' -cf '${archive}' ${names}`);
  if (packed.status !== 0) throw new Error(`tar: ${firstLine(packed.stderr)}`);
}

/** An archive as "docker save" writes it, of one layer under all of `tags`. @throws Error */
export function makeArchive(work, archive, tags, config) {
  const folder = join(work, "archive");
  mkdirSync(folder);
  pack(makeRoot(join(work, "image")), join(folder, "layer.tar"));
  const digest = createHash("sha256")
    .update(readFileSync(join(folder, "layer.tar")))
    .digest("hex");
  const rootfs = { type: "layers", diff_ids: [`sha256:${digest}`] };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ architecture: "amd64", os: "linux", config, rootfs }));
  writeFileSync(
    join(folder, "manifest.json"),
    JSON.stringify([{ Config: "config.json", RepoTags: tags, Layers: ["layer.tar"] }]),
  );
  pack(folder, archive, "manifest.json config.json layer.tar");
}
