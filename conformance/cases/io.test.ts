// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { scenario, type State } from "../harness/box.ts";
import { openFiles, readText, waitFor } from "../harness/host.ts";
import { IS_RUNT, KIND } from "../harness/runtime.ts";

scenario("--pid-file: the pid without a newline, and nothing else in the directory", (t, box) => {
  const folder = box.folder("pids");
  const id = box.id();
  const done = box.call(["create", "--bundle", box.bundle().dir, "--pid-file", `${folder}/pid`, id]);
  t.equal(done.status, 0, done.output);
  const text = readFileSync(`${folder}/pid`, "utf8");
  t.match(text, /^\d+$/);
  t.equal(Number(text), (JSON.parse(box.call(["state", id]).stdout) as State).pid);
  t.same(readdirSync(folder), ["pid"]);
});

scenario("--pid-file: an older one is replaced", (t, box) => {
  const path = box.file("a longer text than any pid\n");
  const done = box.run((config) => void (config.process.args = ["true"]), ["--pid-file", path]);
  t.equal(done.status, 0);
  t.match(readFileSync(path, "utf8"), /^\d+$/);
});

scenario("--pid-file: a directory that does not exist is an error, and nothing is left", (t, box) => {
  const done = box.tryCreate(box.bundle(), ["--pid-file", "/no/such/dir/pid"]);
  t.equal(done.status, 1);
  t.match(done.stderr, /\/no\/such\/dir/);
  t.same(box.leftovers(), []);
});

scenario("a file of root's that is read from as stdin stays root's, whoever the container's user is", (t, box) => {
  const secret = box.file("secret\n");
  chmodSync(secret, 0o600);
  const wrap = ["sh", "-c", `exec "$@" < ${secret}`, "sh"];
  const done = box.run(
    (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.args = ["sh", "-c", "cat; chmod 666 /proc/self/fd/0; echo changed > /proc/self/fd/0"];
    },
    [],
    { wrap },
  );
  t.match(done.stdout, "secret\n", done.output);
  const { uid, mode } = statSync(secret);
  t.same([uid, mode & 0o777, readText(secret)], [0, 0o600, "secret\n"]);
});

scenario("stdin, stdout and stderr are those of the runtime", (t, box) => {
  const done = box.run((config) => void (config.process.args = ["sh", "-c", "cat; echo error >&2"]), [], {
    input: "from outside\n".repeat(10_000),
  });
  t.equal(done.stdout, "from outside\n".repeat(10_000));
  t.equal(done.stderr, "error\n");
});

scenario("descriptors that the caller leaks do not get into the container", (t, box) => {
  const bundle = box.bundle((config) => void (config.process.args = ["ls", "/proc/self/fd"]));
  const done = box.run(bundle, [], { wrap: ["sh", "-c", 'exec 3</etc 5</ 9>/dev/null; exec "$@"', "sh"] });
  // The last one is the directory that ls reads.
  t.equal(done.stdout, "0\n1\n2\n3\n", done.stderr);
});

scenario("they do not stay open in the process that waits for start either", (t, box) => {
  const secret = box.folder("secret");
  const container = box.create(() => undefined, [], { wrap: ["sh", "-c", `exec 7<${secret}; exec "$@"`, "sh"] });
  if (IS_RUNT) {
    const files = openFiles(container.pid);
    t.ok(files.length >= 3, "the standard streams are open");
    t.notOk(files.includes(secret));
  }
  t.equal(container.start().status, 0);
});

scenario("--preserve-fds N passes 3 to 2+N, and no more", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["sh", "-c", "cat <&3; cat <&4; ls /proc/self/fd | tr '\\n' ' '"];
  });
  const [three, four] = [box.file("three\n"), box.file("four\n")];
  const wrap = ["sh", "-c", `exec 3<${three} 4<${four} 5</etc; exec "$@"`, "sh"];
  const done = box.run(bundle, ["--preserve-fds", "2"], { wrap });
  t.match(done.stdout, /^three\nfour\n0 1 2 3 4 5 $/, done.stderr);
});

scenario(
  "--preserve-fds: one that is not open is an error",
  (t, box) => {
    const done = box.run(box.bundle(), ["--preserve-fds", "2"]);
    t.equal(done.status, 1);
    t.match(done.stderr, /preserve.?fds|file descriptor|fd/i);
    t.same(box.leftovers(), []);
  },
  { skip: IS_RUNT ? false : `${KIND}: varies` },
);

scenario("run: the status of the program, 128 and the signal if one killed it", (t, box) => {
  for (const [script, status] of [
    ["exit 0", 0],
    ["exit 3", 3],
    ["exit 255", 255],
    // Process 1 of a pid namespace cannot be killed by itself: its child's status is passed on.
    ["sh -c 'kill -9 $$'", 137],
    ["sh -c 'kill -15 $$'", 143],
  ] as const) {
    const done = box.run((config) => void (config.process.args = ["sh", "-c", `${script}; exit $?`]));
    t.equal(done.status, status, script);
  }
  const bundle = box.bundle((config) => {
    config.process.args = ["sh", "-c", "kill -TERM $$"];
    config.linux.namespaces = config.linux.namespaces.filter((each) => each.type !== "pid");
  });
  t.equal(box.run(bundle).status, 143, "killed itself");
});

scenario("run in the foreground passes signals on", async (t, box) => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP"] as const) {
    const bundle = box.bundle((config) => {
      const traps = "trap 'exit 11' TERM; trap 'exit 12' INT; trap 'exit 13' USR1; trap 'exit 14' HUP";
      config.process.args = ["sh", "-c", `${traps}; echo ready; while :; do sleep 0.02; done`];
    });
    const running = box.begin(["run", "--bundle", bundle.dir, box.id()]);
    t.ok(waitFor(() => readText(running.stdoutPath) === "ready\n"));
    running.child.kill(signal);
    const done = await running.ended;
    t.equal(done.status, { SIGTERM: 11, SIGINT: 12, SIGUSR1: 13, SIGHUP: 14 }[signal], signal);
  }
});

scenario("--log, text: an error is in the file and on stderr", (t, box) => {
  const log = box.path("log");
  const done = box.call(["--log", log, "state", "unknown"]);
  t.equal(done.status, 1);
  t.match(readText(log), /^time="[-0-9]+T[:0-9]+(Z|[-+]\d\d:\d\d)" level=error msg="?.*container does not exist.*\n$/);
  t.match(done.stderr, "container does not exist");
});

scenario("--log-format json: one object a line, and one error", (t, box) => {
  const log = box.path("log");
  const bundle = box.bundle((config) => void (config.process.args = ["no-such-program"]));
  const done = box.call(["--log", log, "--log-format", "json", "create", "--bundle", bundle.dir, box.id()]);
  t.equal(done.status, 1);
  const lines = readText(log)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);
  const errors = lines.filter((each) => each["level"] === "error");
  t.equal(errors.length, 1);
  t.match(errors[0]?.["msg"], "executable file not found in $PATH");
  t.match(errors[0]?.["time"], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$/);
});

scenario("--log appends", (t, box) => {
  const log = box.file("before\n");
  box.call(["--log", log, "state", "unknown"]);
  t.match(readText(log), /^before\ntime=/);
});

scenario("--log-format: another value is an error", (t, box) => {
  const done = box.call(["--log-format", "xml", "list"]);
  t.equal(done.status, 1);
  t.match(done.output, /xml|log-format/);
});

scenario("nothing but the program writes to stdout and stderr", (t, box) => {
  const container = box.create((config) => void (config.process.args = ["true"]));
  t.equal(container.made.output, "");
  t.equal(container.start().output, "");
  container.until("stopped");
  t.equal(container.remove().output, "");
});

scenario("--version, --help", (t, box) => {
  const version = box.call(["--version"]);
  t.equal(version.status, 0);
  t.match(version.stdout, /^\S+ version \S+\n(commit: .*\n)?spec: 1\.\d+\.\d+/);
  for (const words of [["--help"], ["create", "--help"], ["help"]]) {
    const help = box.call(words);
    t.equal(help.status, 0, words.join(" "));
    t.match(help.stdout, /create/i);
  }
});

scenario("an unknown command or flag is an error", (t, box) => {
  t.not(box.call(["no-such-command"]).status, 0);
  const flag = box.call(["create", "--no-such-flag", "x"]);
  t.not(flag.status, 0);
  t.match(flag.output, "no-such-flag");
});
