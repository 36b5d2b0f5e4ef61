// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Bundle } from "../harness/box.ts";
import { exec } from "../harness/exec.ts";
import { IS_RUNT, RUNTIME, runtOnly } from "../harness/runtime.ts";

function script(bundle: Bundle, name: string, text: string): string {
  writeFileSync(join(bundle.rootfs, "bin", name), text, { mode: 0o755 });
  return `/bin/${name}`;
}

/** Programs that are there and cannot be executed, and what runt says of the reason. */
const CASES: readonly [name: string, text: string | undefined, reason: RegExp][] = [
  ["interpreter", "#!/no/such/shell -e\n", /of the interpreter of its first line, \\?"\/no\/such\/shell\\?"/],
  [
    "return",
    "#!/bin/sh\r\necho\r\n",
    /the interpreter of its first line, \\?"\/bin\/sh\\+r\\?": the script has lines that end in a carriage return/,
  ],
  ["nested", "#!/bin/interpreter\n", /of the interpreter of its first line, \\?"\/no\/such\/shell\\?"/],
  // The program of the host: its loader is not in the container.
  ["dynamic", undefined, /of the dynamic loader, \\?"\/lib[^"]*ld-[^"]*\\?"/],
];

scenario("a program whose interpreter or loader is missing: run, start and exec say which", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["sleep", "1000"];
  });
  for (const [name, text] of CASES) {
    if (text === undefined) copyFileSync("/bin/ls", join(bundle.rootfs, "bin", name));
    else {
      rmSync(join(bundle.rootfs, "bin", name), { force: true });
      script(bundle, name, text);
    }
  }
  const container = box.create(bundle);
  container.start();
  for (const [name, , reason] of CASES) {
    const program = `/bin/${name}`;
    const done = exec(box, container, [program]);
    // runc's exec has left before the execve.
    if (IS_RUNT) t.equal(done.status, 255, program);
    t.match(done.stderr, "no such file or directory", program);
    if (IS_RUNT) t.match(done.stderr, reason, `exec ${program}`);

    const ran = box.run((config) => {
      config.mounts.push({ destination: "/bin", type: "bind", source: join(bundle.rootfs, "bin"), options: ["bind"] });
      config.process.args = [program];
    });
    t.not(ran.status, 0, program);
    t.match(ran.stderr, "no such file or directory", program);
    if (IS_RUNT) t.match(ran.stderr, reason, `run ${program}`);
  }
  if (!IS_RUNT) return;
  const created = box.create((config) => {
    config.mounts.push({ destination: "/bin", type: "bind", source: join(bundle.rootfs, "bin"), options: ["bind"] });
    config.process.args = ["/bin/return"];
  });
  const started = created.start();
  t.equal(started.status, 1);
  t.match(started.stderr, /the interpreter of its first line, \\?"\/bin\/sh\\+r/);
});

scenario(
  "under the name runc: runc's line alone; with --debug, or in a log, the explanation",
  (t, box) => {
    const link = join(box.folder("link"), "runc");
    symlinkSync(RUNTIME, link);
    const bundle = box.bundle((config) => {
      config.process.args = ["/bin/broken"];
    });
    script(bundle, "broken", "#!/no/such/shell\n");
    const run = (...options: string[]) =>
      spawnSync(link, ["--root", box.root, ...options, "run", "-b", bundle.dir, box.id()], { encoding: "utf8" });
    const plain = run();
    t.equal(plain.status, 1);
    t.equal(plain.stderr, "exec /bin/broken: no such file or directory\n");
    const explained = /process\.args: exec \/bin\/broken: .* of the interpreter of its first line/;
    t.match(run("--debug").stderr, explained);
    const log = box.path("log");
    t.match(run("--log", log).stderr, explained);
    t.match(readFileSync(log, "utf8"), explained);
    t.match(
      spawnSync("script", ["-qec", `${link} --root ${box.root} run -b ${bundle.dir} ${box.id()}`, "/dev/null"], {
        encoding: "utf8",
      }).stdout,
      explained,
      "on a terminal",
    );
  },
  { skip: runtOnly("is what it is called") },
);

scenario("a file that is no program", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["sleep", "1000"];
  });
  script(bundle, "text", "no first line\n");
  script(bundle, "empty", "");
  const foreign = readFileSync("/bin/busybox");
  foreign.writeUInt16LE(243, 18);
  writeFileSync(join(bundle.rootfs, "bin/foreign"), foreign, { mode: 0o755 });
  const container = box.create(bundle);
  container.start();
  const done = exec(box, container, ["/bin/text"]);
  t.match(done.stderr, /exec format error/);
  for (const [name, reason] of [
    ["text", /exec format error: it is neither an ELF program nor a script/],
    ["empty", /exec format error: the file is empty/],
    ["foreign", /exec format error: it is a program for riscv64/],
  ] as const) {
    const tried = exec(box, container, [`/bin/${name}`]);
    t.match(tried.stderr, "exec format error", name);
    if (IS_RUNT) t.match(tried.stderr, reason, name);
  }
  t.equal(exec(box, container, ["/bin/sh", "-c", "/bin/text"]).status, 127, "a shell runs it as a script of its own");
});

scenario("the current directory: whole paths do without it", (t, box) => {
  const { dir } = box.bundle((config) => void (config.process.args = ["echo", "ran"]));
  const gone = box.folder("gone");
  const wrap = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', gone];
  const done = box.call(["run", "--bundle", dir, "--pid-file", box.path("pid"), box.id()], { wrap });
  t.equal(done.status, 0, done.output);
  t.equal(done.stdout, "ran\n");
  const relative = box.call(["run", "--bundle", "b", box.id()], { wrap: [...wrap.slice(0, 3), box.folder("gone")] });
  t.equal(relative.status, 1);
  if (IS_RUNT) t.match(relative.stderr, /b: the current directory, which it starts from, has been deleted/);
});
