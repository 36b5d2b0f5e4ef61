// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { parseMountinfo, type MountInfo } from "../harness/host.ts";
import { notFor } from "../harness/runtime.ts";

/** A host of its own: shared mounts, and at `folder` a tmpfs with another one in `sub`, mounted with `options`. */
function treeHost(folder: string, options = "rw"): string[] {
  const again = (path: string): string => `mount -o remount,bind,${options} ${path}`;
  const script = [
    `mount -t tmpfs top ${folder}`,
    `mkdir ${folder}/sub`,
    `mount -t tmpfs low ${folder}/sub`,
    again(`${folder}/sub`),
    again(folder),
    'exec "$@"',
  ].join(" && ");
  return ["unshare", "-m", "--propagation", "shared", "sh", "-c", script, "sh"];
}

/** Mounts at /mnt and /mnt/sub of a container that binds the tree with `words`. */
function bindTree(box: Box, words: string[], hostOptions = "rw"): [MountInfo, MountInfo | undefined] {
  const folder = box.folder("tree");
  const text = box.sh(
    "cat /proc/self/mountinfo",
    (config) => {
      config.mounts.push({ destination: "/mnt", type: "bind", source: folder, options: words });
    },
    { wrap: treeHost(folder, hostOptions) },
  );
  const find = (target: string): MountInfo | undefined => parseMountinfo(text).findLast((each) => each.target === target);
  const top = find("/mnt");
  if (top === undefined) throw new Error(`no mount at /mnt in:\n${text}`);
  return [top, find(join("/mnt", "sub"))];
}

scenario(
  "bind takes the mount alone, rbind what is mounted in it too",
  (t, box) => {
    t.equal(bindTree(box, ["bind"])[1], undefined);
    t.not(bindTree(box, ["rbind"])[1], undefined);
  },
  { proves: ["mounts[].options"] },
);

scenario("an option without r is for the top mount alone", (t, box) => {
  const [top, sub] = bindTree(box, ["rbind", "ro", "nosuid", "noexec"]);
  for (const word of ["ro", "nosuid", "noexec"]) {
    t.ok(top.options.includes(word), word);
    t.notOk(sub?.options.includes(word), `${word} in sub`);
  }
});

const RECURSIVE: readonly (readonly [string, string])[] = [
  ["rro", "ro"],
  ["rnosuid", "nosuid"],
  ["rnodev", "nodev"],
  ["rnoexec", "noexec"],
  ["rnoatime", "noatime"],
  ["rnodiratime", "nodiratime"],
  ["rrelatime", "relatime"],
];

for (const [option, shown] of RECURSIVE) {
  scenario(
    `${option}: ${shown} everywhere`,
    (t, box) => {
      for (const mount of bindTree(box, ["rbind", option])) t.ok(mount?.options.includes(shown), String(mount?.target));
    },
    { proves: ["mounts[].options"] },
  );
}

const UNDONE: readonly (readonly [string, string])[] = [
  ["rrw", "ro"],
  ["rsuid", "nosuid"],
  ["rdev", "nodev"],
  ["rexec", "noexec"],
  ["rdiratime", "nodiratime"],
];

for (const [option, hidden] of UNDONE) {
  scenario(
    `${option}: ${hidden} nowhere`,
    (t, box) => {
      for (const mount of bindTree(box, ["rbind", option], hidden))
        t.notOk(mount?.options.includes(hidden), String(mount?.target));
    },
    { proves: ["mounts[].options"] },
  );
}

scenario(
  "rstrictatime, ratime, rnorelatime and rnostrictatime are accepted",
  (t, box) => {
    for (const mount of bindTree(box, ["rbind", "rstrictatime"])) {
      t.notOk(mount?.options.includes("relatime"), String(mount?.target));
    }
    for (const option of ["ratime", "rnorelatime", "rnostrictatime"]) {
      for (const mount of bindTree(box, ["rbind", option])) t.notOk(mount?.options.includes("noatime"), option);
    }
  },
  { skip: notFor("runc", "1.1 gets the recursive atime options wrong") },
);

scenario(
  "rnosymfollow everywhere, rsymfollow nowhere",
  (t, box) => {
    for (const mount of bindTree(box, ["rbind", "rnosymfollow"])) t.ok(mount?.options.includes("nosymfollow"));
    for (const mount of bindTree(box, ["rbind", "rsymfollow"])) t.notOk(mount?.options.includes("nosymfollow"));
  },
  { skip: notFor("runc", "1.1 does not know it") },
);

const PROPAGATION: readonly (readonly [string, RegExp, boolean])[] = [
  ["private", /^$/, false],
  ["rprivate", /^$/, true],
  ["slave", /^master:\d+$/, false],
  ["rslave", /^master:\d+$/, true],
  ["shared", /shared:/, false],
  ["rshared", /shared:/, true],
  ["unbindable", /unbindable/, false],
  ["runbindable", /unbindable/, true],
];

for (const [option, shown, recursive] of PROPAGATION) {
  scenario(
    `propagation: ${option}`,
    (t, box) => {
      const [top, sub] = bindTree(box, ["rbind", option]);
      t.match(top.propagation.join(" "), shown);
      if (recursive) t.match(sub?.propagation.join(" ") ?? "no mount", shown, "in sub");
    },
    { proves: ["mounts[].options"] },
  );
}

scenario("without an option the mounts are private, or slaves: nothing goes back to the host", (t, box) => {
  for (const mount of bindTree(box, ["rbind"])) t.notMatch(mount?.propagation.join(" ") ?? "no mount", /shared|no mount/);
});

scenario("rslave: what the host mounts later appears in the container", (t, box) => {
  const folder = box.folder("tree");
  const bundle = box.bundle((config) => {
    config.mounts.push({ destination: "/mnt", type: "bind", source: folder, options: ["rbind", "rslave"] });
    const wait = "i=0; until [ -e /mnt/later/file ] || [ $i = 100 ]; do sleep 0.05; i=$((i+1)); done";
    config.process.args = ["sh", "-c", `${wait}; cat /mnt/later/file`];
  });
  const id = box.id();
  const script = `mount --bind ${folder} ${folder} && mkdir ${folder}/later && "$@" & pid=$!
    until grep -q ' /mnt ' /proc/[0-9]*/task/*/mountinfo 2>/dev/null || [ ! -d /proc/$pid ]; do sleep 0.05; done
    mount -t tmpfs late ${folder}/later && echo late > ${folder}/later/file; wait $pid`;
  const done = box.call(["run", "--bundle", bundle.dir, id], {
    wrap: ["unshare", "-m", "--propagation", "shared", "sh", "-c", script, "sh"],
  });
  t.equal(done.stdout, "late\n", done.stderr);
});
