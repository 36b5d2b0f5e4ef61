// Which system calls a runtime itself needs once its seccomp filter holds.
//
//   node conformance/seccomp_calls/reduce.mjs [--action ACTION] [--user UID] [--among CALL,CALL...] [--print] NAME=RUNTIME...
//
// Starts with a profile that allows every system call, and takes calls away as long as a container still starts, until none is
// left that can be spared. The container's program makes two that no runtime makes, so what is left is the runtime's. Prints a table, or
// with --print the lists alone. Needs root, gcc, and a machine on which the runtimes work; takes minutes for a runtime that is
// slow to start. ACTION is what happens to all other calls; default SCMP_ACT_ERRNO. --among starts with these calls, which is
// quicker; it says so if they are not enough.
import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
/** A runtime whose call was refused may wait for ever; milliseconds. */
const PATIENCE = Number(process.env.PATIENCE ?? 8000);
/** How often a set has to work: a runtime with threads needs some calls only sometimes. */
const TIMES = Number(process.env.TIMES ?? 2);

const words = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = words.indexOf(name);
  return at < 0 ? otherwise : words.splice(at, 2)[1];
};
const action = option("--action", "SCMP_ACT_ERRNO");
const user = Number(option("--user", "1000"));
const plain = words.includes("--print");
const runtimes = words.filter((word) => word.includes("=")).map((word) => word.split(/=(.*)/s));

const among = option("--among", "");
const calls = among !== "" ? among.split(",") : [...readFileSync(HEADER, "utf8").matchAll(/^#define __NR_(\w+) /gm)].map(([, name]) => name);
const place = mkdtempSync(join(tmpdir(), "seccomp-calls-"));
const bundle = join(place, "bundle");
let ids = 0;

function makeBundle() {
  for (const name of ["proc", "dev", "sys", "tmp"]) mkdirSync(join(bundle, "rootfs", name), { recursive: true });
  chmodSync(join(bundle, "rootfs/tmp"), 0o777);
  const source = join(import.meta.dirname, "../helpers/least.c");
  const compiled = spawnSync("gcc", ["-static", "-nostdlib", "-O1", "-o", join(bundle, "rootfs/least"), source], { encoding: "utf8" });
  if (compiled.status !== 0) throw new Error(`gcc: ${compiled.stderr}`);
}

/** A config.json whose filter lets `allowed` through. */
function config(allowed, noNewPrivileges, args) {
  return {
    ociVersion: "1.0.2",
    root: { path: "rootfs" },
    process: { args, cwd: "/", env: ["HOME=/"], user: { uid: user, gid: user }, noNewPrivileges, capabilities: {} },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: {
      namespaces: ["pid", "mount", "ipc", "uts"].map((type) => ({ type })),
      seccomp: {
        defaultAction: action,
        architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [{ names: [...allowed], action: "SCMP_ACT_ALLOW" }],
      },
    },
  };
}

function write(allowed, noNewPrivileges, args = ["/least"]) {
  const document = config(allowed, noNewPrivileges, args);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(document));
  writeFileSync(join(place, "process.json"), JSON.stringify({ ...document.process, args: ["/least"] }));
}

/** What the program leaves behind. */
const made = join(bundle, "rootfs/tmp/made");

/** Whether the program has run; nobody waits for one that was started. */
function isMade() {
  for (let left = 50; left > 0; left--) {
    if (lstatSync(made, { throwIfNoEntry: false }) !== undefined) return true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  return false;
}

/** Whether `steps`, each the words of a call of the runtime, all end well; nothing of the container is left. */
function attempt(runtime, steps) {
  const id = `calls-${process.pid}-${++ids}`;
  const call = (line) =>
    spawnSync(runtime, ["--root", join(place, "state"), ...line.map((word) => (word === "ID" ? id : word))], {
      cwd: bundle, stdio: process.env.VERBOSE ? "inherit" : "ignore", timeout: PATIENCE, killSignal: "SIGKILL",
    }).status === 0;
  rmSync(made, { force: true });
  const well = steps.every(call) && isMade();
  call(["delete", "--force", "ID"]);
  return well;
}

/** The ways to start something; each says which calls the program makes, and tries a set of allowed ones. */
const WAYS = {
  "create, start": {
    own: ["symlink", "exit_group"],
    try: (runtime) => attempt(runtime, [["create", "ID"], ["start", "ID"]]),
    args: ["/least"],
  },
  run: { own: ["symlink", "exit_group"], try: (runtime) => attempt(runtime, [["run", "ID"]]), args: ["/least"] },
  exec: {
    own: ["symlink", "exit_group", "pause"],
    try: (runtime) =>
      attempt(runtime, [["run", "--detach", "ID"], ["exec", "--process", join(place, "process.json"), "ID"]]),
    args: ["/least", "wait"],
  },
};

function works(runtime, way, noNewPrivileges, allowed) {
  write(new Set([...WAYS[way].own, ...allowed]), noNewPrivileges, WAYS[way].args);
  for (let time = 0; time < TIMES; time++) if (!WAYS[way].try(runtime)) return false;
  return true;
}

/** A smallest part of `candidates` with which, beside `others`, all is well. */
function needed(isEnough, candidates, others) {
  if (isEnough(others)) return [];
  if (candidates.length === 1) return candidates;
  const half = candidates.length >> 1;
  const [one, two] = [candidates.slice(0, half), candidates.slice(half)];
  const ofOne = needed(isEnough, one, [...others, ...two]);
  return [...ofOne, ...needed(isEnough, two, [...others, ...ofOne])];
}

function measure(runtime, noNewPrivileges) {
  const found = {};
  for (const way in WAYS) {
    // What exec needs is told apart from what its container needed to start.
    const before = way === "exec" ? found.run : [];
    const isEnough = (allowed) => works(runtime, way, noNewPrivileges, allowed);
    if (!isEnough(calls)) throw new Error(`${runtime}: ${way} fails with every call allowed`);
    const rest = calls.filter((name) => !before.includes(name) && !WAYS[way].own.includes(name));
    found[way] = needed(isEnough, rest, before).sort();
  }
  return found;
}

try {
  makeBundle();
  if (!plain) console.log("| runtime | noNewPrivileges | `create` and `start` | `run` | `exec`, besides those of `run` |\n|---|---|---|---|---|");
  for (const [name, runtime] of runtimes) {
    for (const noNewPrivileges of [true, false]) {
      const found = measure(runtime, noNewPrivileges);
      const cells = Object.values(found).map((list) => list.map((call) => `\`${call}\``).join(" ") || "none");
      if (plain) for (const way in found) console.log(`${name} ${noNewPrivileges} ${way}: ${found[way].join(" ")}`);
      else console.log(`| ${name} | ${noNewPrivileges} | ${cells.join(" | ")} |`);
    }
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
