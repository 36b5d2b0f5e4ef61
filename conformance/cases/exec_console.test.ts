// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { scenario, type Box, type Container } from "../harness/box.ts";
import { addNamespaces } from "../harness/config.ts";
import { listen } from "../harness/console.ts";
import { exec, processFile } from "../harness/exec.ts";
import { readText, waitFor } from "../harness/host.ts";
import { ENVIRONMENT, notFor, RUNTIME } from "../harness/runtime.ts";

/** `exec --tty` under a terminal that script(1) makes; what that terminal showed. */
function execInTerminal(box: Box, { id }: Container, script: string, input = "typed\n"): { status: number; text: string } {
  const command = `${RUNTIME} --root ${box.root} exec -t ${id} sh -c '${script}'`;
  const done = spawnSync("script", ["-qec", `stty rows 31 cols 97; ${command}`, "/dev/null"], {
    encoding: "utf8",
    input,
    env: ENVIRONMENT,
    timeout: 20_000,
  });
  return { status: done.status ?? -1, text: done.stdout.replaceAll("\r\n", "\n") };
}

scenario("--detach --tty and a console socket: the terminal is of the container's devpts", (t, box) => {
  const container = box.running();
  const console = listen(box);
  const flags = ["--detach", "--tty", "--console-socket", console.socket];
  const done = exec(box, container, ["sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && echo all three"], flags);
  t.equal(done.status, 0, done.output);
  t.ok(
    waitFor(() => console.text().endsWith("all three\n")),
    console.text(),
  );
  t.match(console.text(), /^\/dev\/pts\/0$/m);
});

scenario(
  "--process with terminal and consoleSize, in a user namespace",
  (t, box) => {
    const container = box.running((config) => {
      addNamespaces(config, "user");
      const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.uidMappings = map;
      config.linux.gidMappings = map;
    });
    const console = listen(box);
    const file = processFile(box, {
      terminal: true,
      consoleSize: { height: 33, width: 111 },
      user: { uid: 1000, gid: 1000 },
      args: ["sh", "-c", "stty size; stat -c %u $(tty); echo end"],
    });
    const done = box.call(["exec", "--process", file, "--detach", "--console-socket", console.socket, container.id]);
    t.equal(done.status, 0, done.output);
    t.ok(
      waitFor(() => console.text().endsWith("end\n")),
      console.text(),
    );
    t.match(console.text(), "33 111\n1000\n");
  },
  { proves: ["process.terminal", "process.consoleSize"] },
);

scenario("what is wrong with terminals is said, and nothing is started", (t, box) => {
  const container = box.running();
  const console = listen(box);
  const cases: readonly [string[], RegExp][] = [
    [["-t", "-d"], /cannot allocate tty if run. will detach without setting console socket/],
    [["-d", "--console-socket", console.socket], /cannot use console socket if run. will not detach or allocate tty/],
    [["-t", "--console-socket", console.socket], /cannot use console socket if run. will not detach or allocate tty/],
    [["-t", "-d", "--console-socket", "/no/such/socket"], /\/no\/such\/socket/],
  ];
  for (const [flags, words] of cases) {
    const done = exec(box, container, ["true"], flags);
    t.equal(done.status, 255, flags.join(" "));
    t.match(done.stderr, words, flags.join(" "));
  }
});

scenario(
  "--tty in the foreground, and no terminal: an error at once",
  (t, box) => {
    const container = box.running();
    const done = exec(box, container, ["sleep", "60"], ["-t"], { wrap: ["setsid", "--wait"], timeout: 20_000 });
    t.equal(done.status, 255, done.output);
    t.match(done.stderr, /open \/dev\/tty: no such device or address/);
    t.equal(box.call(["ps", "--format", "json", container.id]).stdout.trim(), `[${container.pid}]`, "nothing was started");
  },
  { skip: notFor("crun", "runs without") },
);

scenario("--tty in the foreground of a terminal: input, exit status, size", (t, box) => {
  const container = box.running();
  const done = execInTerminal(box, container, "tty; read line; echo got $line; exit 7");
  t.equal(done.status, 7, done.text);
  t.match(done.text, /\/dev\/pts\/0\n/);
  t.match(done.text, /got typed\n/);
  t.match(execInTerminal(box, container, "sleep 0.3; stty size").text, "31 97\n");
});

scenario("--tty with stdin from somewhere else: the size is that of the terminal on stdout", (t, box) => {
  const { id } = box.running();
  const command = `echo "sleep 0.3; stty size; exit 7" | ${RUNTIME} --root ${box.root} exec -t ${id} sh`;
  const done = spawnSync("script", ["-qec", `stty rows 31 cols 97; ${command}`, "/dev/null"], {
    encoding: "utf8",
    env: ENVIRONMENT,
    timeout: 20_000,
  });
  t.equal(done.status, 7, done.stdout);
  t.match(done.stdout.replaceAll("\r\n", "\n"), "\n31 97\n");
});

interface Typed {
  /** What the terminal showed. */
  text(): string;
  /** Waits until it has shown that. */
  shows(text: string): boolean;
  type(text: string): Promise<void>;
  readonly ended: Promise<number>;
  /** Name of the terminal that the runtime has. */
  readonly tty: () => string;
}

/** The same, with somebody at the keyboard. */
function typeAtTerminal(box: Box, { id }: Container, script: string): Typed {
  const out = box.path("out");
  writeFileSync(out, "");
  const command = `stty rows 20 cols 40; tty > ${out}.tty; ${RUNTIME} --root ${box.root} exec -t ${id} sh -c '${script}'`;
  const child = spawn("script", ["-qefc", command, out], { stdio: ["pipe", "ignore", "inherit"], env: ENVIRONMENT });
  box.atClose(() => child.kill("SIGKILL"));
  const ended = new Promise<number>((settle) => child.on("exit", (code) => settle(code ?? -1)));
  const text = (): string => readText(out).replaceAll("\r\n", "\n");
  return {
    text,
    ended,
    shows: (words) => waitFor(() => text().includes(words)),
    type: (words) => new Promise((settle) => child.stdin.write(words, () => settle())),
    tty: () => readText(`${out}.tty`).trim(),
  };
}

scenario("--tty in the foreground: ^C goes to the process", async (t, box) => {
  const terminal = typeAtTerminal(box, box.running(), 'trap "echo stopped; exit 4" INT; echo wait; while :; do sleep 0.05; done');
  t.ok(terminal.shows("wait\n"), terminal.text());
  await terminal.type("\x03");
  t.equal(await terminal.ended, 4, terminal.text());
  t.match(terminal.text(), "stopped\n");
});

scenario("--tty in the foreground: a new size of the terminal is the process's", async (t, box) => {
  const terminal = typeAtTerminal(box, box.running(), "sleep 0.3; stty size; read x; stty size; echo end");
  t.ok(terminal.shows("20 40\n"), terminal.text());
  spawnSync("stty", ["-F", terminal.tty(), "rows", "50", "cols", "90"]);
  await new Promise((settle) => setTimeout(settle, 300));
  await terminal.type("\n");
  await terminal.ended;
  t.match(terminal.text(), "50 90\nend\n");
});

scenario("--tty with pipes: says so, or works", (t, box) => {
  const container = box.running();
  const done = exec(box, container, ["sh", "-c", "tty; echo fine"], ["--tty"], { input: "" });
  if (done.status === 0) t.match(done.stdout.replaceAll("\r", ""), "/dev/pts/0\nfine\n");
  else t.match(done.stderr, /terminal|tty|console|inappropriate ioctl/i);
});
