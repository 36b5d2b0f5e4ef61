// SPDX-License-Identifier: Apache-2.0
// Which system calls a runtime itself needs once its seccomp filter holds.
//
//   node conformance/seccomp_calls/reduce.mjs [OPTION...] NAME=RUNTIME...
//
// Starts with a profile that allows every system call, and takes calls away as long as a container still starts, until none is
// left that can be spared. The container's program makes two that no runtime makes, so what is left is the runtime's. Prints a
// table. Needs root, gcc, and a machine on which the runtimes work; takes minutes for a runtime that is slow to start.
//
//   --who WHO,WHO...     root, user (1000) and userns (root of a user namespace); default all
//   --notify no,yes      without a rule that notifies, and with one; default both
//   --way WAY,WAY...     create (and start), run, exec; default all
//   --action ACTION      what happens to all other calls; default SCMP_ACT_ERRNO
//   --among CALL,CALL... starts with these calls, which is quicker; it says so if they are not enough
//   --refuse CALL,CALL...  instead of the lists: which of these calls the runtime cannot do without, each refused alone
//
// PATIENCE: milliseconds after which a call of the runtime has failed; one whose system call was refused may wait for ever.
// TIMES: how often a set has to work; a runtime with threads needs some calls only sometimes.
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
const PATIENCE = Number(process.env.PATIENCE ?? 4000);
const TIMES = Number(process.env.TIMES ?? 2);
/** How often a smaller set may fail before a call is one that is needed. */
const CHANCES = 3;

const words = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = words.indexOf(name);
  return at < 0 ? otherwise : words.splice(at, 2)[1];
};
const list = (name, otherwise) =>
  option(name, otherwise)
    .split(",")
    .filter((word) => word !== "");

/** First id on the host of the user namespace. */
const HOST_ID = 100000;
const IDS = [{ containerID: 0, hostID: HOST_ID, size: 65536 }];
/** Whose process it is: its ids, and what its config.json has besides. */
const WHO = {
  root: { id: 0, namespaces: [], maps: {} },
  user: { id: 1000, namespaces: [], maps: {} },
  userns: { id: 0, namespaces: ["user"], maps: { uidMappings: IDS, gidMappings: IDS } },
};

const action = option("--action", "SCMP_ACT_ERRNO");
const people = list("--who", Object.keys(WHO).join(","));
const notifies = list("--notify", "no,yes").map((word) => word === "yes");
const ways = list("--way", "create,run,exec");
const refused = list("--refuse", "");
const among = list("--among", "");
const runtimes = words.filter((word) => word.includes("=")).map((word) => word.split(/=(.*)/s));
const ALL = [...readFileSync(HEADER, "utf8").matchAll(/^#define __NR_(\w+) /gm)].map(([, name]) => name);

const place = mkdtempSync(join(tmpdir(), "seccomp-calls-"));
chmodSync(place, 0o755);
const bundle = join(place, "bundle");
const socket = join(place, "agent.sock");
let ids = 0;

/** Compiles a helper of the tests; @returns its path */
function helper(name, to, ...flags) {
  const source = join(import.meta.dirname, `../helpers/${name}.c`);
  const compiled = spawnSync("gcc", ["-static", "-O1", ...flags, "-o", to, source], { encoding: "utf8" });
  if (compiled.status !== 0) throw new Error(`gcc: ${compiled.stderr}`);
  return to;
}

function makeBundle() {
  for (const name of ["proc", "dev", "sys", "tmp"]) mkdirSync(join(bundle, "rootfs", name), { recursive: true });
  // Root of the user namespace makes the mount points and the devices.
  for (const name of ["", "proc", "dev", "sys", "tmp"]) chownSync(join(bundle, "rootfs", name), HOST_ID, HOST_ID);
  chmodSync(join(bundle, "rootfs/tmp"), 0o777);
  helper("least", join(bundle, "rootfs/least"), "-nostdlib");
}

/** An agent takes one container's listener; @returns what ends it */
function startAgent() {
  const agent = spawn(join(place, "agent"), [socket, join(place, "agent.out")], { stdio: "ignore" });
  const ended = new Promise((settle) => agent.once("exit", settle));
  for (let left = 200; left > 0 && !existsSync(socket); left--) pause(10);
  return async () => {
    agent.kill("SIGKILL");
    await ended;
    rmSync(socket, { force: true });
  };
}

function pause(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** A config.json whose filter lets `allowed` through. */
function config({ who, noNewPrivileges, notify }, allowed, args) {
  const { id, namespaces, maps } = WHO[who];
  const rules = [{ names: [...allowed], action: "SCMP_ACT_ALLOW" }];
  if (notify) rules.push({ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" });
  return {
    ociVersion: "1.0.2",
    root: { path: "rootfs" },
    process: { args, cwd: "/", env: ["HOME=/"], user: { uid: id, gid: id }, noNewPrivileges, capabilities: {} },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
    ],
    linux: {
      namespaces: ["pid", "mount", "ipc", "uts", ...namespaces].map((type) => ({ type })),
      ...maps,
      seccomp: {
        defaultAction: action,
        architectures: ["SCMP_ARCH_X86_64"],
        syscalls: rules,
        ...(notify ? { listenerPath: socket } : {}),
      },
    },
  };
}

function write(kind, allowed, args) {
  const document = config(kind, allowed, args);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(document));
  writeFileSync(join(place, "process.json"), JSON.stringify({ ...document.process, args: ["/least"] }));
}

/** What the program leaves behind. */
const made = join(bundle, "rootfs/tmp/made");

/** Whether the program has run; nobody waits for one that was started. */
function isMade() {
  for (let left = 50; left > 0; left--) {
    if (lstatSync(made, { throwIfNoEntry: false }) !== undefined) return true;
    pause(20);
  }
  return false;
}

/** Whether `steps`, each the words of a call of the runtime, all end well; nothing of the container is left. */
async function attempt(runtime, notify, steps) {
  const id = `calls-${process.pid}-${++ids}`;
  const call = (line) =>
    spawnSync(runtime, ["--root", join(place, "state"), ...line.map((word) => (word === "ID" ? id : word))], {
      cwd: bundle,
      stdio: process.env.VERBOSE ? "inherit" : "ignore",
      timeout: PATIENCE,
      killSignal: "SIGKILL",
    }).status === 0;
  rmSync(made, { force: true });
  const endAgent = notify ? startAgent() : async () => undefined;
  try {
    return steps.every(call) && isMade();
  } finally {
    call(["delete", "--force", "ID"]);
    await endAgent();
  }
}

/** The ways to start something: the calls that the program itself makes, its arguments, and the calls of the runtime. */
const WAYS = {
  create: {
    own: ["symlink", "exit_group"],
    args: ["/least"],
    steps: [
      ["create", "ID"],
      ["start", "ID"],
    ],
  },
  run: { own: ["symlink", "exit_group"], args: ["/least"], steps: [["run", "ID"]] },
  exec: {
    own: ["symlink", "exit_group", "pause"],
    args: ["/least", "wait"],
    steps: [
      ["run", "--detach", "ID"],
      ["exec", "--process", join(place, "process.json"), "ID"],
    ],
  },
};
const TITLES = { create: "`create` and `start`", run: "`run`", exec: "`exec`, besides those of `run`" };

async function works(runtime, kind, way, allowed) {
  write(kind, new Set([...WAYS[way].own, ...allowed]), WAYS[way].args);
  for (let time = 0; time < TIMES; time++) if (!(await attempt(runtime, kind.notify, WAYS[way].steps))) return false;
  return true;
}

/** A smallest part of `candidates` with which, beside `others`, all is well. */
async function needed(isEnough, candidates, others) {
  if (await isEnough(others)) return [];
  if (candidates.length <= 1) return candidates;
  const half = candidates.length >> 1;
  const [one, two] = [candidates.slice(0, half), candidates.slice(half)];
  const ofOne = await needed(isEnough, one, [...others, ...two]);
  return [...ofOne, ...(await needed(isEnough, two, [...others, ...ofOne]))];
}

/** `names` without those that only an attempt which failed by chance has kept. */
async function withoutChance(isEnough, names, others) {
  let left = names;
  for (const name of names) {
    const rest = left.filter((other) => other !== name);
    let isSpared = false;
    for (let chance = 0; chance < CHANCES && !isSpared; chance++) isSpared = await isEnough([...others, ...rest]);
    if (isSpared) left = rest;
  }
  return left;
}

/** @param known what the runtime needed in other ways: the search starts there if it is enough */
async function measure(runtime, kind, known) {
  const found = {};
  const all = among.length > 0 ? among : ALL;
  for (const way of ways) {
    // What exec needs is told apart from what its container needed to start.
    const before = way === "exec" ? (found.run ?? []) : [];
    const isEnough = (allowed) => works(runtime, kind, way, allowed);
    const isNew = (name) => !before.includes(name) && !WAYS[way].own.includes(name);
    const first = known.size > 0 && (await isEnough([...known])) ? [...known] : all;
    if (first === all && !(await isEnough(all))) throw new Error(`${runtime}: ${way} fails with every call allowed`);
    const names = await needed(isEnough, first.filter(isNew), before);
    found[way] = (await withoutChance(isEnough, names, before)).sort();
    for (const name of found[way]) known.add(name);
  }
  return ways.map((way) => found[way]);
}

/** Those of `refused` without which the runtime does not start, whatever else is allowed. */
async function missed(runtime, kind) {
  const lists = [];
  for (const way of ways) {
    const names = [];
    for (const name of refused) {
      const allowed = ALL.filter((other) => other !== name || WAYS[way].own.includes(name));
      if (!(await works(runtime, kind, way, allowed))) names.push(name);
    }
    lists.push(names);
  }
  return lists;
}

function cellsOf(lists) {
  return lists.map((names) => names.map((call) => `\`${call}\``).join(" ") || "none").join(" | ");
}

/** Every combination that was asked for. */
function kinds() {
  const of = (who, noNewPrivileges) => notifies.map((notify) => ({ who, noNewPrivileges, notify }));
  return people.flatMap((who) => [true, false].flatMap((noNewPrivileges) => of(who, noNewPrivileges)));
}

try {
  makeBundle();
  helper("seccomp_agent", join(place, "agent"));
  console.log(`| runtime | process | noNewPrivileges | NOTIFY | ${ways.map((way) => TITLES[way]).join(" | ")} |`);
  console.log(`|${"---|".repeat(4 + ways.length)}`);
  for (const [name, runtime] of runtimes) {
    const known = new Set();
    for (const kind of kinds()) {
      const titles = `${name} | ${kind.who} | ${kind.noNewPrivileges} | ${kind.notify ? "yes" : "no"}`;
      try {
        const lists = refused.length > 0 ? await missed(runtime, kind) : await measure(runtime, kind, known);
        console.log(`| ${titles} | ${cellsOf(lists)} |`);
      } catch (error) {
        console.log(`| ${titles} | ${error.message} |${" |".repeat(ways.length - 1)}`);
      }
    }
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
