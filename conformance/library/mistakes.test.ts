// SPDX-License-Identifier: Apache-2.0
// What a newcomer writes, and the sentence that says what to write instead.
import { createReadStream, createWriteStream } from "node:fs";
import { PassThrough } from "node:stream";
import * as library from "../../lib/index.ts";
import { Container, makeContext, Rootfs, RuntimeError } from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { options, refused, skip } from "./made.ts";

/** A call as a program in JavaScript makes it, which no types have checked. */
type Untyped = (...values: readonly unknown[]) => Promise<unknown>;

/** The sentence of a mistake. */
async function sentence(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "USAGE") return error.message;
    throw error;
  }
  return "it was no mistake";
}

scenario(
  "making a container",
  async (t, box) => {
    const made = options(box, ["true"]) as unknown as Record<string, unknown>;
    const run = Container.run.bind(Container) as unknown as Untyped;
    const rootfs = { rootfs: "/", args: ["true"] };
    const mistakes: readonly (readonly [given: unknown, sentence: string | RegExp])[] = [
      [undefined, "run: found undefined, it must be an object of options, such as { rootfs, args }, { bundle } or { config }"],
      ["/srv/box", 'run: found "/srv/box", it must be an object of options, such as { rootfs, args }, { bundle } or { config }'],
      [{}, /^run: it is not said what the container is made of: \{ rootfs, args \}/],
      [{ ...made, id: 5 }, "run: id: found 5, it must be a string"],
      [{ ...made, signal: {} }, /^run: signal: found an object, it must be an AbortSignal, such as/],
      [{ ...made, memory: 5 }, 'run: unknown option "memory": write limits: { memory }'],
      [{ ...made, termnal: true }, 'run: unknown option "termnal": did you mean "terminal"?'],
      [
        { ...made, stdio: "wrong" },
        'run: stdio: found "wrong", it must be "pipe", "inherit", "ignore", a descriptor or a stream of Node.js',
      ],
      [{ ...made, stdio: ["pipe", "pip"] }, /^run: stdio\[1\]: found "pip"/],
      [{ ...made, timeout: "5s" }, 'run: timeout: found "5s", it must be a number of milliseconds, above 0'],
      [{ ...made, rootfs: "/" }, /^run: "rootfs" and "bundle" do not go together/],
      [{ ...rootfs, image: "alpine" }, 'run: unknown option "image": write rootfs: await Rootfs.fromImage(path)'],
      [
        { ...rootfs, limits: { memory: "lots" } },
        'run: limits.memory: found "lots", it must be a number of bytes above 0, or a text such as "64m" or "1.5g"',
      ],
      [{ ...rootfs, limits: { mem: "1g" } }, 'run: limits: unknown option "mem": write memory'],
      [{ ...rootfs, network: "bridge" }, 'run: network: found "bridge", it must be "none" or "host"'],
      [{ ...rootfs, args: "ls -l" }, /^run: args: found "ls -l", it must be a list of the program and its arguments/],
      [{ ...rootfs, args: ["sh", 3] }, "run: args[1]: found 3, it must be a string"],
      [{ ...rootfs, env: { FOO: 1 } }, "run: env.FOO: found 1, it must be a string"],
      [{ ...rootfs, env: ["FOO"] }, /^run: env: "FOO": a variable has a name/],
      [{ ...rootfs, user: "nobody-here" }, /there is no user "nobody-here" in \/etc\/passwd/],
      [{ ...rootfs, limits: { resources: { memmory: {} } } }, /unknown property "memmory": did you mean "memory"\?/],
      [{ rootfs: "/" }, /^run: args: the program and its arguments are needed/],
      [
        { config: { ociVersion: "1.2.0", root: { path: "rootfs" } } },
        /^run: config: root.path "rootfs": without "bundle" it must be an absolute path/,
      ],
    ];
    for (const [given, wanted] of mistakes) {
      const told = await sentence(() => run(typeof given === "object" ? { root: box.root, ...given } : given));
      if (typeof wanted === "string") t.equal(told, wanted);
      else t.match(told, wanted);
    }
    t.same(box.leftovers(), []);
  },
  { skip },
);

scenario(
  "a terminal that one side does not know of",
  async (t, box) => {
    const with_ = options(box, ["true"], (config) => (config.process.terminal = true));
    const without = options(box, ["true"]);
    const wanted = {
      code: "CONFIG_INVALID",
      message: 'process.terminal is true in config.json: give the option "terminal: true" for a terminal, or make it false',
    };
    t.match(await refused(Container.run(with_)), wanted);
    t.match(await refused(Container.create({ ...without, terminal: true })), {
      code: "USAGE",
      message:
        '"terminal: true" was given, but process.terminal is not true in config.json: make it true, or leave the option out',
    });
    const noBundle = await refused(Container.run({ bundle: box.folder(), root: box.root }));
    t.match(noBundle, {
      code: "CONFIG_INVALID",
      message: /for a root file system alone give \{ rootfs, args \} in the place of \{ bundle \}/,
    });
  },
  { skip },
);

scenario(
  "working with a container",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const exec = container.exec.bind(container) as unknown as Untyped;
    const spawn = container.spawn.bind(container) as unknown as Untyped;
    const mistakes: readonly (readonly [work: () => unknown, sentence: string | RegExp])[] = [
      [() => exec(undefined), 'exec: found undefined, it must be a list of arguments such as ["ls", "-l"]'],
      [() => exec({}), /^exec: args: found undefined, it must be a list of the program/],
      [() => exec({ args: "true" }), /^exec: args: found "true", it must be a list of the program/],
      [() => exec([]), /^exec: args: it is empty/],
      [() => exec(["sh", 3]), "exec: args[1]: found 3, it must be a string"],
      [() => exec({ args: ["id"], usr: "nobody" }), 'exec: unknown option "usr": did you mean "user"?'],
      [() => exec(["id"], { user: {} as unknown, timout: 5 }), 'exec: unknown option "timout": did you mean "timeout"?'],
      [() => exec(["id"], { input: 5 }), "exec: input: found 5, it must be a string or bytes"],
      [() => exec(["id"], { cwd: "tmp" }), 'exec: cwd: found "tmp", it must be an absolute path'],
      [() => exec(["id"], { user: "nobody-here" }), /there is no user "nobody-here" in \/etc\/passwd/],
      [() => spawn("ls -l"), /^spawn: args: found "ls -l"/],
      [
        () => (container.update as unknown as Untyped)({ memmory: {} }),
        'update: unknown property "memmory": did you mean "memory"?',
      ],
      [() => (container.update as unknown as Untyped)(), "update: found undefined, it must be an object"],
      [() => (container.kill as unknown as Untyped).call(container, "TERM"), 'unknown signal "TERM": did you mean "SIGTERM"?'],
      [() => (container.kill as unknown as Untyped).call(container, {}), "unknown signal an object"],
      [
        () => (container.delete as unknown as Untyped).call(container, { forced: true }),
        'delete: unknown option "forced": did you mean "force"?',
      ],
      [
        () => (container.wait as unknown as Untyped).call(container, AbortSignal.timeout(1)),
        "wait: found an object of class AbortSignal, it must be an object of options: write { signal }",
      ],
      [
        () => (container.events as unknown as Untyped).call(container, { interval: 0 }),
        "events: interval: found 0, it must be a number of milliseconds, above 0",
      ],
      [() => (container.resize as unknown as Untyped).call(container, { cols: 80, rows: 25 }), /^resize: unknown option "cols"/],
      [() => container.resize({ columns: 80, rows: 25 }), "resize: the process has no terminal"],
      [
        () => (container.$ as unknown as Untyped)`ls ${{}}`,
        "$: value 1 of the command: found an object, it must be a string, a number or a list of those",
      ],
      [() => container.$``, /^\$: the command is empty/],
      [
        () => (container.checkpoint as unknown as Untyped).call(container, {}),
        "checkpoint: imagePath: a directory for the images is needed",
      ],
      [() => (Container.open as unknown as Untyped)(), "open: the id of a container is needed"],
      [
        () => (Container.list as unknown as Untyped).call(Container, "/run/runt"),
        'list: found "/run/runt", it must be an object of options',
      ],
      [() => (makeContext as unknown as Untyped)({ rot: "/run" }), 'makeContext: unknown option "rot": did you mean "root"?'],
    ];
    for (const [work, wanted] of mistakes) {
      const told = await sentence(work);
      if (typeof wanted === "string") t.equal(told, wanted);
      else t.match(told, wanted);
    }
    t.same((await container.processes()).length, 1);
    await container.update({ memory: { limit: 32 << 20 } });
    t.match(await refused(container.update({ memory: { limit: "much" as unknown as number } })), {
      code: "CONFIG_INVALID",
      message: /memory.*limit/,
    });
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "streams of Node as standard streams, as with child_process",
  async (t, box) => {
    const path = box.path("out");
    const file = createWriteStream(path);
    const notOpen = await sentence(() => Container.run({ ...options(box, ["true"]), stdio: ["ignore", file, file] }));
    t.equal(
      notOpen,
      'stdio[1]: an object of class WriteStream has no descriptor, so a process cannot have it: it is not open yet: wait for its "open" event',
    );
    await new Promise((resolve) => file.once("open", resolve));
    const input = createReadStream("/etc/hostname");
    await new Promise((resolve) => input.once("open", resolve));
    const container = await Container.run({ ...options(box, ["cat"]), stdio: [input, file, process.stderr] });
    t.equal((await container.wait()).exitCode, 0);
    await container.delete();
    file.end();
    input.destroy();
    const { readFileSync } = await import("node:fs");
    t.equal(readFileSync(path, "utf8"), readFileSync("/etc/hostname", "utf8"));
    const through = new PassThrough();
    const none = await sentence(() => Container.run({ ...options(box, ["true"]), stdio: ["ignore", through, "ignore"] }));
    t.match(
      none,
      /^stdio\[1\]: an object of class PassThrough has no descriptor, so a process cannot have it: say "pipe" and connect the two/,
    );
  },
  { skip },
);

scenario(
  "one signal for many waits is no leak",
  async (t, box) => {
    const warnings: string[] = [];
    const hear = (warning: Error): void => void warnings.push(String(warning));
    process.on("warning", hear);
    const { signal } = new AbortController();
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore", signal });
    const given = new AbortController();
    const waits = Array.from({ length: 30 }, () => refused(container.wait({ signal: given.signal })));
    const execs = Array.from({ length: 15 }, () => container.exec(["true"], { signal }));
    t.same(
      (await Promise.all(execs)).map(({ exitCode }) => exitCode),
      new Array(15).fill(0),
    );
    given.abort();
    t.same(
      (await Promise.all(waits)).map(({ code }) => code),
      new Array(30).fill("ABORTED"),
    );
    await new Promise(setImmediate);
    process.off("warning", hear);
    t.same(warnings, []);
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "the functions beside Container",
  async (t, box) => {
    const context = makeContext({ root: box.root });
    const all = library as unknown as Readonly<Record<string, Untyped>>;
    const made = { id: "x", bundle: "/nowhere" };
    const criu = { id: "x", imagePath: "/nowhere" };
    const mistakes: readonly (readonly [name: string, values: readonly unknown[], sentence: string | RegExp])[] = [
      ["defaultSeccomp", ["x86_64"], 'defaultSeccomp: arch: found "x86_64", it must be "x64" or "arm64"'],
      ["makeContext", [{ rot: "/" }], 'makeContext: unknown option "rot": did you mean "root"?'],
      ["makeContext", [{ log: console.log }], /^makeContext: log: found a function, it must be an object with the functions/],
      ["create", [], "create: context: found undefined, it must be an object of options"],
      ["create", [{ root: box.root }, made], "create: context.log: it is missing"],
      ["create", [context], "create: found undefined, it must be an object of options"],
      ["create", [context, { id: "x" }], "create: bundle: it is missing"],
      ["create", [context, { ...made, pidfile: "x" }], 'create: unknown option "pidfile": did you mean "pidFile"?'],
      ["create", [context, { ...made, stdio: ["pipe"] }], /^create: stdio\[0\]: found "pipe", it must be a whole number/],
      ["create", [context, { ...made, stdio: [0, 1] }], "create: stdio: it has 2 entries, there are three streams"],
      ["run", [context, { ...made, detatch: true }], 'run: unknown option "detatch": did you mean "detach"?'],
      ["run", [context, { ...made, keep: 1 }], "run: keep: found 1, it must be true or false"],
      ["start", [context], "start: id: found undefined, it must be the id of a container"],
      ["exec", [context, { id: "x" }], "exec: process: it is missing"],
      ["exec", [context, { id: "x", process: ["ls"] }], /^exec: process: found a list of 1, it must be an object such as/],
      ["exec", [context, { id: "x", process: { arg: ["ls"] } }], 'exec: process: unknown option "arg": did you mean "args"?'],
      ["exec", [context, { id: "x", process: { cwd: "/" } }], "exec: process.args: it is missing"],
      ["exec", [context, { id: "x", process: { file: 5 } }], "exec: process.file: found 5, it must be a string"],
      ["exec", [context, { id: "x", process: { text: "{}" } }], "exec: process.from: it is missing"],
      ["kill", [context, "x", "SIGTREM"], 'unknown signal "SIGTREM": did you mean "SIGTERM"?'],
      ["kill", [context, "x", 15, true], "kill: options: found true, it must be an object of options"],
      ["remove", [context, "x", { forced: true }], 'remove: options: unknown option "forced": did you mean "force"?'],
      ["wait", [context, 5], "wait: id: found 5, it must be the id of a container"],
      ["events", [context, "x", "1s"], 'events: interval: found "1s", it must be a number above 0'],
      ["events", [context, "x", 1000], "events: tell: found undefined, it must be a function"],
      ["pause", ["x"], 'pause: context: found "x", it must be an object of options'],
      ["resume", [context, {}], "resume: id: found an object, it must be the id of a container"],
      ["update", [context, "x", { memmory: {} }], /^update: unknown property "memmory": did you mean "memory"\?/],
      ["update", [context, "x", {}, { l3: "" }], /^update: rdt: unknown option "l3"/],
      ["state", [], /^state: context: found undefined/],
      ["list", [], /^list: context: found undefined/],
      ["stats", [context, null], "stats: id: found null, it must be the id of a container"],
      ["processes", [context, ["x"]], "processes: id: found a list of 1, it must be the id of a container"],
      ["planBundle", [context, "/srv/box"], 'planBundle: found "/srv/box", it must be an object of options'],
      ["newConfig", [true], "newConfig: found true, it must be an object of options"],
      ["newConfig", [{ rootles: true }], 'newConfig: unknown option "rootles": did you mean "rootless"?'],
      ["checkpoint", [context, { id: "x" }], "checkpoint: imagePath: it is missing"],
      [
        "checkpoint",
        [context, { ...criu, leaveRuning: true }],
        'checkpoint: unknown option "leaveRuning": did you mean "leaveRunning"?',
      ],
      [
        "checkpoint",
        [context, { ...criu, pageServer: "1.2.3.4" }],
        'checkpoint: pageServer: found "1.2.3.4", it must be { address, port }',
      ],
      ["restore", [context, criu], "restore: bundle: it is missing"],
      ["restore", [context, { ...made, ...criu, emptyNs: ["net"] }], /^restore: emptyNs\[0\]: found "net", it must be "network"/],
      ["addMounts", [context, "x", []], "addMounts: read: found a list of 0, it must be a function"],
      [
        "removeMounts",
        [context, "x", "/mnt"],
        'removeMounts: destinations: found "/mnt", it must be a list of paths in the container',
      ],
      ["listMounts", [context], "listMounts: id: found undefined, it must be the id of a container"],
      [
        "addDevices",
        [context, "x", [{ hots: "/dev/fuse" }]],
        'addDevices: requests[0]: unknown option "hots": did you mean "host"?',
      ],
      ["removeDevices", [context, "x", [5]], "removeDevices: names[0]: found 5, it must be a string"],
      ["listDevices", [context, 1], "listDevices: id: found 1, it must be the id of a container"],
      ["seccompDiff", [{ defaultAction: "SCMP_ACT_ALLOW" }, "b"], /^seccompDiff: second: found "b", it must be an object/],
      ["seccompExplain", [{ defaultAction: "SCMP_ACT_ALLOW" }, 5], "seccompExplain: call: found 5, it must be a string"],
      ["parseConfig", [{}, "config.json"], "parseConfig: text: found an object, it must be a string"],
      ["checkConfig", [Buffer.from("{}")], /^checkConfig: text: found an object of class Buffer, it must be a string/],
    ];
    for (const [name, values, wanted] of mistakes) {
      const said = await sentence(() => all[name]?.(...values));
      if (typeof wanted === "string") t.equal(said, wanted, name);
      else t.match(said, wanted, name);
    }
    const functions = Object.entries(library).filter(([, each]) => typeof each === "function" && !/^class\b/.test(String(each)));
    const unchecked = functions.map(([name]) => name).filter((name) => !mistakes.some(([each]) => each === name));
    t.same(unchecked, ["features"], "the one without arguments");
    t.match(context, { root: box.root, systemdCgroup: false, rootless: "auto" });
    t.equal(makeContext(JSON.parse("{}") as object).root, "/run/runt");
    t.equal(makeContext({ root: undefined } as unknown as object).root, "/run/runt", "what is undefined is not there");
  },
  { skip },
);

scenario(
  "ten more",
  async (t, box) => {
    const rootfs = { rootfs: "/", args: ["true"], root: box.root };
    const run = Container.run.bind(Container) as unknown as Untyped;
    const made =
      (of: unknown): Untyped =>
      async () =>
        new (of as new (options: unknown) => unknown)(rootfs);
    const running = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const child = await running.spawn(["sleep", "1000"], { stdio: "ignore" });
    const mistakes: readonly (readonly [work: () => unknown, sentence: string | RegExp])[] = [
      [made(Container), "new Container(): write await Container.run(options), create(options) or open(id)"],
      [made(Rootfs), "new Rootfs(): write await Rootfs.fromImage(path)"],
      [() => run({ ...rootfs, input: "x" }), 'run: input: it goes with "buffer: true"; without that there is stdin'],
      [() => run({ ...rootfs, reject: true }), 'run: reject: it goes with "buffer: true"; without that there is wait()'],
      [
        () => (Container.create as unknown as Untyped)({ ...rootfs, buffer: true }),
        "create: buffer: run() alone waits for the outputs",
      ],
      [
        () => run({ ...rootfs, capabilities: ["NET_ADMIN"] }),
        'run: capabilities[0]: no capability is called "NET_ADMIN": did you mean "CAP_NET_ADMIN"?',
      ],
      [
        () => running.exec(["true"], { capabilities: ["cap_net_admn"] }),
        'exec: capabilities[0]: no capability is called "cap_net_admn": did you mean "CAP_NET_ADMIN"?',
      ],
      [() => run({ ...rootfs, user: { uid: 5 } }), /^run: user: found an object, it must be a number, a text such as/],
      [
        () => (running.$ as unknown as Untyped)("ls"),
        '$: found "ls": write $`ls` as a template, or exec() with a list of arguments',
      ],
      [
        () => Rootfs.fromImage("alpine:3", { store: box.path("store") }),
        /^fromImage: there is no \S+\/alpine:3: if it is the name of an image, "skopeo copy docker:\/\/alpine:3 /,
      ],
      [() => Rootfs.fromImage("/nowhere.tar", { store: box.path("store") }), "fromImage: there is no /nowhere.tar"],
      [() => (child.resize as unknown as Untyped).call(child, 5, 5), "resize: found 5, it must be an object { rows, columns }"],
    ];
    for (const [work, wanted] of mistakes) {
      const said = await sentence(work);
      if (typeof wanted === "string") t.equal(said, wanted);
      else t.match(said, wanted);
    }
    const still = await refused(running.delete());
    t.equal(still.code, "WRONG_STATE");
    t.match(still.message, /that is not stopped: running: wait\(\) for its end, or delete\(\{ force: true \}\)$/);
    const limit = await refused((running.update as unknown as Untyped).call(running, { memory: { limit: "64m" } }));
    t.match(
      limit.message,
      /^update: \/memory\/limit: found "64m", must be an integer/,
      "no line of a text that nobody has written",
    );
    await running.delete({ force: true });
  },
  { skip },
);
