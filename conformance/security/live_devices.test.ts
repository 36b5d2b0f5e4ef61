// SPDX-License-Identifier: Apache-2.0
/** Devices are added to a container that exchanges directories meanwhile. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { helper } from "../harness/helpers.ts";
import { parseMountinfo, readText } from "../harness/host.ts";
import { mapUsers } from "../harness/live.ts";
import { runtOnly } from "../harness/runtime.ts";

const noNodes =
  spawnSync("sh", ["-c", "mknod /dev/shm/runt-race-$$ c 1 3 && rm /dev/shm/runt-race-$$"]).status === 0
    ? false
    : "mknod is not permitted here";
const skip = runtOnly("has no command for it") || noNodes;
const ROUNDS = Number(process.env["RUNT_RACE_ROUNDS"] ?? 60);
const FIRST_ID = 100_000;

function swapping(box: Box, one: string, other: string): () => Promise<void> {
  const child = spawn(helper("helpers/swap.c"), [one, other], { stdio: "ignore" });
  box.atClose(() => child.kill("SIGKILL"));
  return async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
}

for (const user of [false, true]) {
  scenario(
    `directories and files trade places with links while devices are added and removed${user ? " (user namespace)" : ""}`,
    async (t, box) => {
      const container = box.running((config) => {
        config.root.readonly = false;
        // Not /dev, whose tmpfs the swapping programs would not reach.
        if (user) mapUsers(config);
      });
      const { rootfs } = container.bundle;
      const host = box.folder("host");
      for (const name of ["null", "victim"]) writeFileSync(join(host, name), "the host's\n");
      mkdirSync(join(rootfs, "place"));
      symlinkSync(`../../../../../../../../..${host}`, join(rootfs, "link"));
      mkdirSync(join(rootfs, "files"));
      writeFileSync(join(rootfs, "files/one"), "the container's\n");
      symlinkSync(join(host, "victim"), join(rootfs, "files/two"));
      if (user) for (const name of [".", "place", "files"]) chownSync(join(rootfs, name), FIRST_ID, FIRST_ID);
      const stops = [
        swapping(box, join(rootfs, "place"), join(rootfs, "link")),
        swapping(box, join(rootfs, "files/one"), join(rootfs, "files/two")),
      ];
      const mounted = (): string[] =>
        parseMountinfo(readText("/proc/self/mountinfo"))
          .map((each) => each.target)
          .filter((each) => each.includes(box.marker));
      const ours = mounted();
      const device = `${statSync("/dev/null").mode} ${statSync("/dev/null").uid} ${statSync("/dev/null").gid}`;
      let added = 0;
      let refused = 0;
      for (let round = 0; round < ROUNDS; round++) {
        // Something is in the way of the second and third: the name of a file, a link, or what the container puts there.
        const path = ["/place/null", "/files/one", "/files/two"][round % 3] ?? "";
        const done = box.call(["devices", "add", "--mode", "0600", "--uid", "5", container.id, `/dev/null:${path}`]);
        if (done.status !== 0) {
          refused += 1;
          t.match(done.stderr, "level=error", done.output);
          continue;
        }
        added += 1;
        const gone = box.call(["devices", "remove", container.id, path]);
        t.equal(gone.status, 0, gone.output);
      }
      for (const stop of stops) await stop();
      t.ok(added > 0, `${added} were added, ${refused} refused`);
      t.same(readdirSync(host).sort(), ["null", "victim"], "nothing was made on the host, and nothing removed");
      for (const name of ["null", "victim"]) {
        t.equal(readText(join(host, name)), "the host's\n");
        t.equal(statSync(join(host, name)).uid, 0, "nor given to anybody");
      }
      t.equal(`${statSync("/dev/null").mode} ${statSync("/dev/null").uid} ${statSync("/dev/null").gid}`, device);
      t.ok(existsSync("/dev/null"));
      t.same(mounted(), ours, "nothing was mounted on the host");
      t.equal(box.call(["devices", "list", container.id]).stdout.trim().split("\n").length, 1, "none is left in the list");
    },
    { skip, timeout: 240_000 },
  );
}
