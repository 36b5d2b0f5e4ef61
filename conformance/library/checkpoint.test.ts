// SPDX-License-Identifier: Apache-2.0
// Container.checkpoint and Container.restore.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Container } from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { options, refused, skip } from "./made.ts";

const LIBRARY = fileURLToPath(new URL("../../lib/index.js", import.meta.url));

/** A reason to skip what needs CRIU, or `false`. */
function withoutCriu(): string | false {
  const asked = spawnSync("criu", ["check"], { encoding: "utf8" });
  if (asked.error !== undefined) return "CRIU is not installed";
  return asked.status === 0 ? false : `criu check: ${asked.stderr.trim().split("\n").at(-1) ?? ""}`;
}

type Untyped = (...values: readonly unknown[]) => Promise<unknown>;

scenario(
  "options that cannot be",
  async (t, box) => {
    const running = options(box, ["sleep", "1000"]);
    const container = await Container.run({ ...running, stdio: "ignore" });
    const save = container.checkpoint.bind(container) as unknown as Untyped;
    const bring = Container.restore.bind(Container) as unknown as Untyped;
    const images = { imagePath: box.path("images") };
    const saved = box.folder("images");
    writeFileSync(join(saved, "descriptors.json"), '["","",""]');
    const made = { id: "x", bundle: box.dir, root: box.root, imagePath: saved };
    const wrong: readonly (readonly [work: Untyped, given: unknown, code: string, words: string | RegExp])[] = [
      [save, undefined, "USAGE", "checkpoint: found undefined, it must be an object of options"],
      [save, {}, "USAGE", "checkpoint: imagePath: a directory for the images is needed"],
      [save, { ...images, leaveRuning: true }, "USAGE", 'checkpoint: unknown option "leaveRuning": did you mean "leaveRunning"?'],
      [
        save,
        { ...images, manageCgroupsMode: "loud" },
        "USAGE",
        /^checkpoint: manageCgroupsMode: found "loud", it must be "ignore"/,
      ],
      [save, { ...images, emptyNs: ["user"] }, "USAGE", 'checkpoint: emptyNs[0]: found "user", it must be "network"'],
      [save, { ...images, pageServer: { adress: "" } }, "USAGE", /^checkpoint: pageServer: unknown option "adress"/],
      [save, { ...images, parentPath: "/x" }, "USAGE", /--parent-path must be relative/],
      [save, { ...images, parentPath: "nowhere" }, "USAGE", /invalid --parent-path/],
      [save, { ...images, statusFd: 77 }, "USAGE", /invalid --status-fd argument 77/],
      [bring, undefined, "USAGE", "restore: found undefined, it must be an object of options"],
      [bring, {}, "USAGE", "restore: id: it is missing"],
      [bring, { id: "x" }, "USAGE", "restore: bundle: it is missing"],
      [bring, { id: "x", bundle: "/" }, "USAGE", "restore: imagePath: it is missing"],
      [bring, { ...made, detach: true }, "USAGE", /^restore: unknown option "detach"/],
      [bring, { ...made, id: container.id, bundle: running.bundle }, "CONTAINER_EXISTS", /exists/],
      [bring, { ...made, bundle: "/nowhere" }, "CONFIG_INVALID", /JSON specification file config.json not found/],
    ];
    for (const [work, given, code, words] of wrong) {
      const error = await refused(work(given));
      t.equal(error.code, code, error.message);
      t.match(error.message, words);
    }
    t.equal((await container.state()).status, "running", "it goes on");
    t.notOk(existsSync(box.path("images")));
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "a container that is only created, or has stopped, cannot be saved",
  async (t, box) => {
    const container = await Container.create({ ...options(box, ["true"]), stdio: "ignore" });
    const save = async (): Promise<string> => (await refused(container.checkpoint({ imagePath: box.path("images") }))).message;
    t.match(await save(), /cannot be checkpointed in created state/);
    await container.start();
    await container.wait();
    t.match(await save(), /cannot be checkpointed in stopped state/);
    await container.delete();
    t.equal((await refused(container.checkpoint({ imagePath: box.path("images") }))).code, "CONTAINER_NOT_FOUND");
  },
  { skip },
);

const WITHOUT = `
  import { Container } from ${JSON.stringify(LIBRARY)};
  const [, options, images] = process.argv;
  const said = (error) => ({ code: error.code, message: error.message });
  const box = await Container.run({ ...JSON.parse(options), stdio: ["pipe", "pipe", "ignore"] });
  const saved = await box.checkpoint({ imagePath: images }).catch(said);
  box.stdin.end("still there");
  let text = "";
  for await (const chunk of box.stdout) text += chunk;
  await box.wait();
  await box.delete();
  const { id, bundle, root } = JSON.parse(options);
  const restored = await Container.restore({ id, bundle, root, imagePath: images }).catch(said);
  console.log(JSON.stringify({ saved, text, restored, left: await Container.states({ root }) }));
`;

scenario(
  "without CRIU both say so, and nothing has changed",
  (t, box) => {
    const images = box.folder("images");
    spawnSync("sh", ["-c", `echo '["","",""]' > ${images}/descriptors.json`]);
    const given = JSON.stringify(options(box, ["cat"]));
    const done = spawnSync(process.execPath, ["--input-type=module", "-e", WITHOUT, "--", given, images], {
      encoding: "utf8",
      env: { ...process.env, PATH: "/nowhere" },
    });
    t.equal(done.stderr, "");
    const words = /^.*checkpoint and restore need CRIU: no executable "criu" in PATH \(\/nowhere\)/;
    t.match(JSON.parse(done.stdout), {
      saved: { code: "HOST_UNABLE", message: words },
      text: "still there",
      restored: { code: "HOST_UNABLE", message: words },
      left: [],
    });
  },
  { skip },
);

scenario(
  "a container is saved and comes back, and its end is known",
  async (t, box) => {
    const script = "i=0; while :; do i=$((i+1)); echo $i > /count.new; mv /count.new /count; sleep 0.05; done";
    const made = options(box, ["sh", "-c", script], (config) => {
      config.root.readonly = false;
    });
    const container = await Container.run({ ...made, stdio: "ignore" });
    const imagePath = box.path("images");
    await sleep(300);
    await container.checkpoint({ imagePath, leaveRunning: true });
    t.equal((await container.state()).status, "running");
    await container.checkpoint({ imagePath });
    t.same(await Container.states({ root: box.root }), []);
    const { id = "", bundle = "" } = made;
    const back = await Container.restore({ id, bundle, root: box.root, imagePath });
    t.equal((await back.exec(["cat", "/count"])).exitCode, 0);
    await back.kill("SIGKILL");
    t.match(await back.wait(), { exitCode: 137, signal: 9, killedBy: "kill" });
    await back.delete();
  },
  { skip: skip !== false ? skip : withoutCriu() },
);
