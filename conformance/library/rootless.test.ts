// SPDX-License-Identifier: Apache-2.0
// The library of a user without privileges: a user namespace, in which he is root.
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { skip } from "./made.ts";

const LIBRARY = fileURLToPath(new URL("../../lib/index.js", import.meta.url));
const UID = 65534;

const PROGRAM = `
  import { Container } from ${JSON.stringify(LIBRARY)};
  const [, root, rootfs] = process.argv;
  const script = "id -u; tr -s ' ' < /proc/self/uid_map; touch /x && echo wrote; ls /sys/class/net; wc -l < /proc/1/mountinfo";
  const said = [];
  const tell = async (what, work) => said.push([what, await work().catch(({ code, message }) => ({ code, message }))]);
  const made = { root, rootfs };
  const out = async (more) => (await Container.run({ ...made, args: ["sh", "-c", script], buffer: true, ...more })).stdout;
  await tell("plain", () => out({}));
  await tell("overlay", () => out({ overlay: true }));
  await tell("again", async () => (await Container.run({ ...made, args: ["ls", "/x"], overlay: true, buffer: true })).exitCode);
  await tell("host", async () => (await out({ network: "host" })).includes("wrote"));
  await tell("user", () => out({ user: "1000:1000" }));
  await tell("limit", () => out({ limits: { memory: "32m" } }));
  await tell("life", async () => {
    const box = await Container.run({ ...made, args: ["sh", "-c", "read line; exit 6"], stdio: ["pipe", "ignore", "ignore"] });
    const { stdout } = await box.exec(["id", "-u"]);
    const { stdout: killed, ...rest } = await box.exec(["sleep", "1000"], { timeout: 100 });
    const listed = (await Container.states({ root })).length;
    box.stdin.end("\\n");
    const end = await box.wait();
    await box.delete();
    return { stdout, timedOut: rest.timedOut, listed, end, left: (await Container.states({ root })).length };
  });
  console.log(JSON.stringify(said));
`;

/** A reason why a user cannot make user namespaces here, or `false`. */
function withoutNamespaces(): string | false {
  const made = spawnSync("unshare", ["--user", "--map-root-user", "true"], { uid: UID, gid: UID, encoding: "utf8" });
  return made.status === 0 ? false : `a user cannot make user namespaces here: ${made.stderr.trim()}`;
}

scenario(
  "containers without privileges: read-only roots, overlays, exec, ends",
  (t, box) => {
    const [rootfs, root] = [box.folder("rootfs"), box.folder("state")];
    makeRootfs(rootfs);
    chmodSync(box.dir, 0o755);
    chownSync(root, UID, UID);
    const done = spawnSync(process.execPath, ["--input-type=module", "-e", PROGRAM, "--", root, rootfs], {
      encoding: "utf8",
      uid: UID,
      gid: UID,
      env: { PATH: process.env["PATH"] ?? "" },
    });
    t.equal(done.stderr, "");
    const said = Object.fromEntries(JSON.parse(done.stdout) as [string, unknown][]);
    t.match(said["plain"], /^0\n 0 65534 1\nlo\n\d+\n$/, "root of a user namespace, and its own network");
    t.match(said["overlay"], /^0\n 0 65534 1\nwrote\nlo\n\d+\n$/, "a writable layer");
    t.equal(said["again"], 1, "each has a layer of its own");
    t.notOk(said["host"], "without an overlay nothing can be written");
    t.match(said["user"], {
      code: "CONFIG_INVALID",
      message: /^config: 2 problems:\nconfig: \/process\/user\/uid: found 1000, which/,
    });
    if (typeof said["limit"] === "object")
      t.match(said["limit"], { code: "HOST_UNABLE", message: /memory/ }, "a limit needs a cgroup");
    t.match(said["life"], { stdout: "0\n", timedOut: true, listed: 1, end: { exitCode: 6, oomKilled: false }, left: 0 });
  },
  { skip: skip !== false ? skip : withoutNamespaces() },
);
