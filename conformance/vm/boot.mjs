// SPDX-License-Identifier: Apache-2.0
// Runs one command in a test machine that lives no longer than it.
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const MEMORY_MIB = 2048;
const POLL_MS = 100;
/** cgroup v2 alone, and AppArmor where the kernel has it. */
const PURE_V2 = ["security=apparmor", "apparmor=1", "cgroup_no_v1=all", "systemd.unified_cgroup_hierarchy=1"];

/** Where the guest's memory lies: a tmpfs where there is one that is large enough. */
function memoryFolder(memory) {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    if (bavail * bsize > (memory + 256) * 2 ** 20) return "/dev/shm";
  } catch {
    // There is none.
  }
  return tmpdir();
}

function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** The program that is the machine, and its words. */
function commandOf(machine, { work, project, words, memory }) {
  const target = ["audit=0", ...words, "systemd.unit=runt-vm.target"];
  if (machine.command !== undefined) return machine.command({ work, project, words: target });
  const uml = [
    ...[`ubd0=${work}/changes,${machine.image}`, "root=/dev/ubda", "rw", `mem=${memory}M`],
    ...["umid=runt", `uml_dir=${work}/uml/`, "con=null", "con0=null,fd:1", "ssl=null", "panic=-1", "seccomp=auto"],
    ...[...target, `runt.work=${work}`, `runt.modules=${machine.kernel}/modules`],
  ];
  const env = { PATH: process.env.PATH, TMPDIR: memoryFolder(memory), LD_LIBRARY_PATH: join(machine.kernel, "lib") };
  return { program: "./linux", words: uml, cwd: machine.kernel, env };
}

/**
 * Boots the machine, runs a shell script in it as root, and ends it.
 *
 * @param options.machine of `machine()`
 * @param options.project directory that the guest sees read-only under the same name; the script starts there
 * @param options.script the shell script; `/run/work` is a directory that the host sees
 * @param options.timeout seconds
 * @param options.kernelWords what the kernel's command line says of cgroups and of security modules
 * @param options.memory of the machine, in MiB; a machine with a `command` of its own has its own
 * @param options.onOutput is called with what the script has printed since the last call
 * @param options.look is called with the work directory now and then, and at the end
 * @returns `status` of the script; `undefined` if the machine gave none, with `why`
 */
export async function boot(options) {
  const { machine, project, script, timeout, kernelWords = PURE_V2, memory = MEMORY_MIB } = options;
  const { onOutput = () => {}, look = () => {} } = options;
  const work = mkdtempSync(join(tmpdir(), "runt-vm-"));
  let child;
  const end = () => {
    try {
      if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  const leave = () => {
    end();
    rmSync(work, { recursive: true, force: true });
  };
  // Of several machines the first one's ends the program, and the exit ends them all.
  const stop = (signal) => process.exit(signal === "SIGINT" ? 130 : 143);
  process.on("SIGINT", stop).on("SIGTERM", stop).on("exit", leave);
  try {
    mkdirSync(join(work, "uml"));
    writeFileSync(join(work, "command"), script);
    writeFileSync(join(work, "project"), project);
    writeFileSync(join(work, "output"), "");
    const { program, words, cwd, env } = commandOf(machine, { work, project, words: kernelWords, memory });
    child = spawn(program, words, {
      cwd,
      env,
      // A group of its own: the guest's processes are processes of the host, and end with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const console = createWriteStream(join(work, "console"));
    child.stdout.pipe(console);
    child.stderr.pipe(console);
    let gone;
    child.on("error", (error) => (gone = error.message));
    child.on("exit", (code, signal) => (gone = `ended with ${code ?? signal}`));
    const deadline = Date.now() + timeout * 1000;
    let shown = 0;
    const show = () => {
      const text = read(join(work, "output"));
      if (text.length > shown) onOutput(text.slice(shown));
      shown = text.length;
      look(work);
    };
    while (gone === undefined && Date.now() < deadline) {
      await sleep(POLL_MS);
      show();
    }
    const isLate = gone === undefined;
    end();
    show();
    const status = read(join(work, "status")).trim();
    if (status !== "") return { status: Number(status) };
    const last = read(join(work, "console")).trim().split("\n").slice(-15).join("\n");
    return { why: `${isLate ? `the machine was ended after ${timeout} s` : `the machine ${gone}`}; its console:\n${last}` };
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop).off("exit", leave);
    leave();
  }
}
