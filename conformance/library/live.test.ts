// SPDX-License-Identifier: Apache-2.0
// Mounts and devices that a program adds to a container while it runs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BufferedOptions,
  Container,
  type ExecResult,
  type LinuxSeccomp,
  makeContext,
  seccompDiff,
  seccompExplain,
  Top,
} from "../../lib/index.ts";
import { type Edit, scenario } from "../harness/box.ts";
import { all, options, refused, skip } from "./made.ts";

scenario(
  "mounts: added, listed, taken away",
  async (t, box) => {
    const source = box.path("source");
    mkdirSync(source);
    writeFileSync(join(source, "word"), "from the host");
    const writable = options(box, ["sleep", "1000"], (config) => void (config.root.readonly = false));
    const container = await Container.run({ ...writable, stdio: "ignore" });
    const cat = async (): Promise<string> => {
      const child = await container.spawn(["cat", "/added/word"], { stdio: ["ignore", "pipe", "ignore"] });
      const text = await all(child.stdout);
      await child.wait();
      return text;
    };
    t.equal(await cat(), "");
    await container.addMounts([{ destination: "/added", type: "bind", source, options: ["bind", "ro"] }]);
    t.equal(await cat(), "from the host");
    t.match(await container.mounts(), [{ destination: "/added", source, mounted: true }]);
    const wrong = await refused(
      container.addMounts([
        { destination: "/other", type: "tmpfs" },
        { destination: "/x", source: 5 as never },
      ]),
    );
    t.equal(wrong.code, "CONFIG_INVALID");
    t.match(wrong.message, /\/1\/source: found 5/);
    t.equal((await container.mounts()).length, 1, "of a list with a mistake nothing is added");
    await container.removeMounts(["/added"]);
    t.same(await container.mounts(), []);
    t.equal(await cat(), "");
    t.equal((await refused(container.removeMounts(["/added"]))).code, "CONFIG_INVALID");
    t.equal((await refused(container.addMounts({} as never))).code, "USAGE");
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "devices: added, listed, taken away",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const reads = async (): Promise<number | undefined> => {
      const child = await container.spawn(["sh", "-c", "head -c 1 /dev/again > /dev/null"], { stdio: "ignore" });
      return (await child.wait()).exitCode;
    };
    t.not(await reads(), 0);
    await container.addDevices([{ host: "/dev/zero", path: "/dev/again", access: "rw" }]);
    t.equal(await reads(), 0);
    t.match(await container.devices(), [{ path: "/dev/again", type: "c", major: 1, minor: 5 }]);
    await container.removeDevices(["/dev/again"]);
    t.same(await container.devices(), []);
    t.not(await reads(), 0);
    const wrong = await refused(container.addDevices([{ hots: "/dev/zero" } as never]));
    t.equal(wrong.code, "USAGE");
    t.match(wrong.message, /did you mean "host"/);
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "recorded system calls are a profile, under which the container does the same",
  async (t, box) => {
    const file = box.path("profile.json");
    const script = ["sh", "-c", "mkdir /dev/shm/x && echo made"];
    const run = (more: object, edit: Edit = () => undefined): Promise<ExecResult> => {
      return Container.run({ ...options(box, script, edit), ...more, buffer: true } as BufferedOptions);
    };
    const first = await run({ recordSeccomp: file });
    t.equal(first.stdout, "made\n");
    const profile = JSON.parse(readFileSync(file, "utf8")) as LinuxSeccomp;
    t.equal(seccompExplain(profile, "mkdir").allowed, true);
    t.equal(seccompExplain(profile, "mount").allowed, false);
    t.same(seccompDiff(profile, profile).first, []);
    const again = await run({}, (config) => void (config.linux.seccomp = profile as never));
    t.equal(again.stdout, "made\n");
    const wrong = await refused(run({ recordSeccomp: file }));
    t.equal(wrong.code, "USAGE");
    t.match(wrong.message, /the file exists/);
    const typo = await refused(run({ recordSeccomp: { fiel: "x" } }));
    t.equal(typo.code, "USAGE");
    t.match(typo.message, /recordSeccomp/);
  },
  { skip },
);

scenario(
  "what containers use, by Top",
  async (t, box) => {
    const made = options(box, ["sleep", "1000"]);
    const container = await Container.run({ ...made, stdio: "ignore" });
    const top = new Top(makeContext({ root: box.root }), []);
    try {
      const [row] = top.sample();
      t.same([row?.id, row?.status], [container.id, "running"]);
    } finally {
      top.close();
    }
    await container.delete({ force: true });
  },
  { skip },
);
