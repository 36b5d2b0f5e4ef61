// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { scenario, type Box } from "../harness/box.ts";
import type { Config } from "../harness/config.ts";
import { listen } from "../harness/console.ts";
import { readText, waitFor } from "../harness/host.ts";
import { ENVIRONMENT, notFor, RUNTIME, runtOnly } from "../harness/runtime.ts";

function terminal(config: Config, script: string): void {
  config.process.terminal = true;
  config.process.args = ["sh", "-c", script];
}

scenario(
  "a console socket gets the terminal's master, and its name",
  (t, box) => {
    const console = listen(box);
    const container = box.create(
      (config) => terminal(config, "tty; tty < /dev/console; test -t 0 && test -t 1 && test -t 2 && echo all three"),
      ["--console-socket", console.socket],
    );
    container.start();
    container.until("stopped");
    t.ok(
      waitFor(() => console.text().endsWith("all three\n")),
      console.text(),
    );
    const [, name, ...lines] = console.text().split("\n");
    t.match(name, /^name .*(\/dev\/(pts\/\d+|ptmx)|pts)/);
    t.match(lines[0], /^\/dev\/(pts\/0|console)$/);
    t.equal(lines[2], "all three");
  },
  { proves: ["process.terminal"] },
);

scenario("what is typed reaches the program, and ^C its process group", async (t, box) => {
  const console = listen(box);
  const container = box.create(
    (config) =>
      terminal(config, "read line; echo got $line; trap 'echo stopped; exit' INT; echo wait; while :; do sleep 0.05; done"),
    ["--console-socket", console.socket],
  );
  container.start();
  console.write("hello\n");
  for (let tries = 0; tries < 200 && !console.text().includes("wait\n"); tries += 1) await pause();
  t.match(console.text(), "got hello\n", "the terminal is the controlling one");
  console.write("\x03");
  for (let tries = 0; tries < 200 && !console.text().includes("stopped\n"); tries += 1) await pause();
  t.match(console.text(), "stopped\n");
  container.until("stopped");
});

/** A short wait in which the event loop runs: writes to a pipe need it. */
function pause(): Promise<void> {
  return new Promise((settle) => setTimeout(settle, 20));
}

scenario(
  "consoleSize",
  (t, box) => {
    const console = listen(box);
    const container = box.create(
      (config) => {
        terminal(config, "stty size");
        config.process.consoleSize = { height: 33, width: 111 };
      },
      ["--console-socket", console.socket],
    );
    container.start();
    container.until("stopped");
    t.ok(
      waitFor(() => console.text().includes("33 111\n")),
      console.text(),
    );
  },
  { proves: ["process.consoleSize"] },
);

scenario("consoleSize without a terminal is ignored", (t, box) => {
  for (const terminal of [false, undefined]) {
    const out = box.sh("test -t 0 || echo none", (config) => {
      if (terminal === undefined) delete config.process.terminal;
      config.process.consoleSize = { height: 33, width: 111 };
    });
    t.equal(out, "none\n");
  }
});

scenario("the terminal belongs to the user of the process", (t, box) => {
  const console = listen(box);
  const container = box.create(
    (config) => {
      terminal(config, "stat -c %u $(tty); echo x > $(tty) && echo opened");
      config.process.user = { uid: 1000, gid: 1000 };
    },
    ["--console-socket", console.socket],
  );
  container.start();
  container.until("stopped");
  t.ok(
    waitFor(() => console.text().includes("1000\nx\nopened\n")),
    console.text(),
  );
});

scenario("run --detach with a console socket", (t, box) => {
  const console = listen(box);
  const bundle = box.bundle((config) => terminal(config, "echo detached"));
  const done = box.call(["run", "-d", "--bundle", bundle.dir, "--console-socket", console.socket, box.id()]);
  t.equal(done.status, 0, done.output);
  t.ok(
    waitFor(() => console.text().includes("detached\n")),
    console.text(),
  );
});

scenario("terminal true, and create without a console socket, is an error", (t, box) => {
  const bundle = box.bundle((config) => terminal(config, "true"));
  const done = box.tryCreate(bundle);
  t.equal(done.status, 1);
  t.match(done.stderr, /console socket/);
  t.same(box.leftovers(), []);
});

scenario("terminal false, and a console socket, is an error", (t, box) => {
  const console = listen(box);
  const done = box.tryCreate(box.bundle(), ["--console-socket", console.socket]);
  t.equal(done.status, 1);
  t.match(done.stderr, /console socket/);
  t.same(
    box.leftovers().filter((each) => !each.includes("helpers/console")),
    [],
  );
});

scenario("a console socket that does not exist is an error", (t, box) => {
  const bundle = box.bundle((config) => terminal(config, "true"));
  const done = box.tryCreate(bundle, ["--console-socket", "/no/such/socket"]);
  t.equal(done.status, 1);
  t.match(done.stderr, /\/no\/such\/socket/);
  t.same(box.leftovers(), []);
});

/** `run` under a terminal, made by script(1); stdout is what that terminal showed. */
function runInTerminal(
  box: Box,
  script: string,
  edit: (config: Config) => void = () => undefined,
): { status: number; text: string } {
  const bundle = box.bundle((config) => {
    terminal(config, script);
    edit(config);
  });
  const command = [RUNTIME, "--root", box.root, "run", "--bundle", bundle.dir, box.id()].join(" ");
  const done = spawnSync("script", ["-qec", `stty rows 31 cols 97; ${command}`, "/dev/null"], {
    encoding: "utf8",
    input: "typed\n",
    env: ENVIRONMENT,
    timeout: 20_000,
  });
  return { status: done.status ?? -1, text: done.stdout.replaceAll("\r\n", "\n") };
}

scenario("run in the foreground of a terminal", (t, box) => {
  const done = runInTerminal(box, "tty; read line; echo got $line; exit 7");
  t.equal(done.status, 7, done.text);
  t.match(done.text, /\/dev\/(pts\/0|console)\n/);
  t.match(done.text, /got typed\n/);
  t.same(box.leftovers(), []);
});

scenario("run in the foreground: the terminal has the size of the outer one", (t, box) => {
  t.match(runInTerminal(box, "sleep 0.3; stty size").text, "31 97\n");
});

/** A session without a controlling terminal, as cron, CI and ssh without -t have it. */
const NO_TERMINAL = ["setsid", "--wait"];

scenario(
  "run in the foreground, and no terminal: an error at once",
  (t, box) => {
    for (const input of [undefined, ""]) {
      const done = box.run((config) => terminal(config, "sleep 60"), [], {
        wrap: NO_TERMINAL,
        timeout: 20_000,
        ...(input === undefined ? {} : { input }),
      });
      t.equal(done.status, 1, done.output);
      t.match(done.stderr, /open \/dev\/tty: no such device or address|tty: inappropriate ioctl/);
      t.equal(done.stdout, "");
    }
    t.same(box.leftovers(), []);
  },
  { skip: notFor("crun", "runs without") },
);

scenario(
  "run in the foreground with all streams elsewhere: the controlling terminal is enough, and has the size",
  (t, box) => {
    const bundle = box.bundle((config) => terminal(config, "sleep 0.3; stty size"));
    const out = box.path("out");
    const command = `${RUNTIME} --root ${box.root} run --bundle ${bundle.dir} ${box.id()} < /dev/null > ${out} 2>&1`;
    const done = spawnSync("script", ["-qec", `stty rows 31 cols 97; ${command}`, "/dev/null"], {
      encoding: "utf8",
      env: ENVIRONMENT,
      timeout: 20_000,
    });
    t.equal(done.status, 0, done.stdout);
    t.match(readText(out), "31 97");
  },
  { skip: notFor("crun", "takes the size from stdin") },
);

scenario(
  "SIGTERM ends a run in the foreground, also where the program would not notice",
  async (t, box) => {
    const scripts = {
      "no handler": "echo ready; while :; do sleep 0.05; done",
      ignored: "trap '' TERM; echo ready; while :; do sleep 0.05; done",
      handled: "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done",
    };
    for (const [name, script] of Object.entries(scripts)) {
      const bundle = box.bundle((config) => void (config.process.args = ["sh", "-c", script]));
      const running = box.begin(["run", "--bundle", bundle.dir, box.id()]);
      t.ok(
        waitFor(() => readText(running.stdoutPath) === "ready\n"),
        name,
      );
      running.child.kill("SIGTERM");
      const { status } = await running.ended;
      t.equal(status, name === "handled" ? 7 : 137, name);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("passes the signal on, and the kernel drops it for the first process of a pid namespace") },
);

scenario("the console works in a user namespace", (t, box) => {
  const console = listen(box);
  const container = box.create(
    (config) => {
      terminal(config, "tty; echo $(stat -c %u $(tty))");
      config.linux.namespaces.push({ type: "user" });
      const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.uidMappings = map;
      config.linux.gidMappings = map;
    },
    ["--console-socket", console.socket],
  );
  container.start();
  container.until("stopped");
  t.ok(
    waitFor(() => /\/dev\/(pts\/0|console)\n0\n$/.test(console.text())),
    console.text(),
  );
});

scenario(
  "/dev/console is a terminal only if the process has one",
  (t, box) => {
    t.equal(box.sh("test -c /dev/console && echo there || echo none"), "none\n");
  },
  { skip: notFor("crun", "makes it always") },
);

scenario(
  "run with its output in a file: lines end with a line feed alone",
  (t, box) => {
    const bundle = box.bundle((config) => terminal(config, "tty; echo two"));
    const out = box.path("out");
    const command = `${RUNTIME} --root ${box.root} run --bundle ${bundle.dir} ${box.id()} > ${out}`;
    const done = spawnSync("script", ["-qec", command, "/dev/null"], { encoding: "utf8", env: ENVIRONMENT, timeout: 20_000 });
    t.equal(done.status, 0, done.stdout);
    // Somewhere stands what the terminal has echoed of the end of its input: NUL or EOT.
    t.match(readText(out).replaceAll(/\^[@D]|\x08/g, ""), /\/dev\/pts\/0\ntwo\n$/);
  },
  { skip: notFor("runc", "1.1 wants a terminal of its own") || notFor("crun", "1.8 wants a terminal of its own") },
);
