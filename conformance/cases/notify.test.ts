// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import { addNamespaces } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { readText, waitFor } from "../harness/host.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

/** A service manager: the environment for the runtime, and what it was told. */
function manager(box: Box): { env: Record<string, string>; text: () => string } {
  const socket = box.path("notify");
  const out = box.path("told");
  const fd = openSync(out, "a");
  const child = spawn(helper("helpers/notify.c"), ["receive", socket], { stdio: ["ignore", fd, "inherit"] });
  closeSync(fd);
  box.atClose(() => child.kill("SIGKILL"));
  if (!waitFor(() => readText(out) === "ready\n")) throw new Error("the service manager did not start");
  return { env: { NOTIFY_SOCKET: socket }, text: () => readText(out).replace("ready\n", "") };
}

/** A program that runs `script`, in which `notify` is at hand. */
function service(script: string, edit: Edit = () => undefined): Edit {
  return (config) => {
    config.root.readonly = false;
    config.process.args = ["sh", "-c", script];
    config.mounts.push({ destination: "/notify", type: "bind", source: helper("helpers/notify.c"), options: ["bind"] });
    edit(config);
  };
}

scenario("start waits until the program is ready, and tells the service manager", (t, box) => {
  const { env, text } = manager(box);
  const container = box.create(service("sleep 0.3; /notify send 'READY=1|STATUS=x'; exec sleep 1000"), [], { env });
  t.equal(text(), "");
  const done = box.call(["start", container.id], { env });
  t.equal(done.status, 0, done.output);
  t.ok(
    waitFor(() => text().includes("MAINPID")),
    text(),
  );
  const barrier = IS_RUNT ? "BARRIER=1 (1)\n" : "";
  t.equal(
    text(),
    `READY=1 (0)\nMAINPID=${container.pid} (0)\n${barrier}`,
    "nothing else is handed on; runc 1.1 knows no barrier",
  );
  t.equal(container.kill("KILL").status, 0);
  container.until("stopped");
  t.equal(container.remove().status, 0);
});

scenario("start ends with a container that ends without being ready", (t, box) => {
  const { env, text } = manager(box);
  const container = box.create(service("/notify send STATUS=starting; sleep 0.2"), [], { env });
  const done = box.call(["start", container.id], { env });
  t.equal(done.status, 0, done.output);
  t.equal(text(), "");
  t.equal(container.remove().status, 0);
});

scenario("run --detach, as a user of the container", (t, box) => {
  const { env, text } = manager(box);
  const bundle = box.bundle(
    service("/notify send READY=1; exec sleep 1000", (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
    }),
  );
  const pidFile = box.path("pid");
  const done = box.call(["run", "--detach", "--pid-file", pidFile, "--bundle", bundle.dir, box.id()], { env });
  t.equal(done.status, 0, done.output);
  t.ok(
    waitFor(() => text().includes("MAINPID")),
    text(),
  );
  t.equal(text().split("\n").slice(0, 2).join(" "), `READY=1 (0) MAINPID=${readText(pidFile)} (0)`);
});

scenario("run --detach, in a user namespace that cannot reach the state directory", (t, box) => {
  const { env, text } = manager(box);
  const bundle = box.bundle(
    service("/notify send READY=1; exec sleep 1000", (config) => {
      addNamespaces(config, "user");
      const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.uidMappings = map;
      config.linux.gidMappings = map;
      config.process.user = { uid: 1000, gid: 1000 };
    }),
  );
  // Root of the user namespace may make nothing in this root file system.
  mkdirSync(join(bundle.rootfs, "run/notify"), { recursive: true });
  writeFileSync(join(bundle.rootfs, "notify"), "");
  const done = box.call(["run", "--detach", "--bundle", bundle.dir, box.id()], { env });
  t.equal(done.status, 0, done.output);
  t.ok(
    waitFor(() => text().includes("MAINPID")),
    text(),
  );
  t.match(text(), /^READY=1 /);
});

scenario("run in the foreground: the runtime is the main process", async (t, box) => {
  const { env, text } = manager(box);
  const bundle = box.bundle(service("/notify send READY=1; sleep 0.5; exit 5"));
  const running = box.begin(["run", "--bundle", bundle.dir, box.id()], { env });
  const done = await running.ended;
  t.equal(done.status, 5, done.output);
  t.match(text(), new RegExp(`^READY=1 \\(0\\)\nMAINPID=${running.child.pid} \\(0\\)\n`));
});

scenario(
  "run in the foreground of a program that never is ready",
  (t, box) => {
    const { env, text } = manager(box);
    t.equal(box.run(service("exit 6"), [], { env, timeout: 5000 }).status, 6);
    t.equal(text(), "");
  },
  { skip: notFor("runc", "waits for ever") },
);

scenario("without NOTIFY_SOCKET the program has none", (t, box) => {
  t.equal(box.sh("echo [$NOTIFY_SOCKET]; test -e /run/notify || echo none"), "[]\nnone\n");
});

/** A socket of the host's that is full, or, with `gone`, one that nobody reads any more. */
function deaf(box: Box, gone: boolean): Record<string, string> {
  const socket = box.path("notify");
  const out = box.path("deaf");
  const fd = openSync(out, "a");
  const child = spawn(helper("helpers/deaf.c"), ["dgram", socket], { stdio: ["ignore", fd, "inherit"] });
  closeSync(fd);
  box.atClose(() => child.kill("SIGKILL"));
  if (!waitFor(() => readText(out) === "ready\n")) throw new Error("the socket was not made");
  if (gone) child.kill("SIGKILL");
  return { NOTIFY_SOCKET: socket };
}

for (const gone of [true, false]) {
  const what = gone ? "is gone" : "is full";
  scenario(
    `run in the foreground goes on where NOTIFY_SOCKET ${what}`,
    async (t, box) => {
      const id = box.id();
      const bundle = box.bundle(service("/notify send READY=1; trap 'exit 7' TERM; while :; do sleep 0.05; done"));
      const running = box.begin(["run", "--bundle", bundle.dir, id], { env: deaf(box, gone) });
      const isReady = (): boolean => box.call(["state", id]).stdout.includes('"running"');
      t.ok(waitFor(isReady));
      await new Promise((settle) => setTimeout(settle, 500));
      t.ok(isReady(), "the container runs");
      running.child.kill("SIGTERM");
      const done = await running.ended;
      t.equal(done.status, 7, `signals and the status get through: ${done.output}`);
      if (gone) t.match(done.stderr, /level=warning msg="cannot tell NOTIFY_SOCKET/);
    },
    { skip: notFor("runc", "fails") },
  );

  scenario(
    `run --detach and start go on where NOTIFY_SOCKET ${what}`,
    (t, box) => {
      const env = deaf(box, gone);
      const id = box.id();
      const bundle = box.bundle(service("/notify send READY=1; exec sleep 1000"));
      const done = box.call(["run", "--detach", "--bundle", bundle.dir, id], { env });
      t.equal(done.status, 0, done.output);
      t.match(done.stderr, /level=warning msg="cannot tell NOTIFY_SOCKET/);
      t.match(box.call(["state", id]).stdout, '"running"');
      const container = box.create(service("/notify send READY=1; exec sleep 1000"), [], { env });
      const started = box.call(["start", container.id], { env });
      t.equal(started.status, 0, started.output);
      t.equal(container.state().status, "running");
    },
    { skip: notFor("runc", "fails") },
  );
}
