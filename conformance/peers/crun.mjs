// SPDX-License-Identifier: Apache-2.0
// crun's own Python tests, from a clone of containers/crun.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstLine, sh } from "./run.mjs";

export const repository = "containers/crun";
/** A file by which a clone of it is known. */
export const mark = "tests/tests_utils.py";
export const peer = "crun";
/** cgroup v1 alone: beside a unified mount crun takes the host for one of v2 or v1, and runt for a hybrid. */
export const cgroupV1Alone = true;
/** PYTHON names a newer one: tests of network devices need 3.12. */
const PYTHON = process.env.PYTHON ?? "/usr/bin/python3";
/** A test says nothing for so long only if it hangs. */
const STALL_MS = 60_000;

/** @returns the reason why nothing of it can run, or undefined */
export function missing() {
  if (sh(`${PYTHON} -c pass`).status !== 0) return `${PYTHON} is missing`;
  if (sh("command -v cc").status !== 0)
    return "a C compiler is missing; it builds the program that the tests run in the container";
  return undefined;
}

/** Builds the program that the tests put into the root file system, outside of the clone. @throws Error */
export function prepare(clone, work) {
  writeFileSync(join(work, "config.h"), "#define HAVE_ERROR_H 1\n#define HAVE_LINUX_IOPRIO_H 1\n");
  const compile = `cc -O2 -static -w -I'${work}' -o '${work}/init' '${clone}/tests/init.c'`;
  const withSeccomp = sh(`${compile} -DHAVE_SECCOMP -lseccomp`);
  if (withSeccomp.status !== 0) {
    const plain = sh(compile);
    if (plain.status !== 0) throw new Error(`tests/init.c: ${firstLine(plain.stderr)}`);
  }
  mkdirSync(join(work, "python"));
  cpSync(join(import.meta.dirname, "libmount.py"), join(work, "python/libmount.py"));
}

export function files(clone) {
  return readdirSync(join(clone, "tests"))
    .filter((name) => /^test_.*\.py$/.test(name))
    .sort();
}

/** The names of a file's tests, in their order. */
export function testsOf(clone, file) {
  const text = readFileSync(join(clone, "tests", file), "utf8");
  const after = text.slice(text.lastIndexOf("\nall_tests = {"));
  const table = after.slice(0, after.indexOf("\n}"));
  return [...table.matchAll(/["']([^"']+)["']\s*:/g)].map(([, name]) => name);
}

/** The command that runs one file in `directory`, and what is in its environment. */
export function command(clone, work, file, runtime, names) {
  const python = `exec ${PYTHON} '${join(clone, "tests", file)}'`;
  const needsTerminal = file === "test_tty.py";
  return {
    words: needsTerminal ? ["script", "-qec", python, "/dev/null"] : ["sh", "-c", python],
    keepsInput: needsTerminal,
    env: {
      OCI_RUNTIME: runtime,
      // Names with spaces cannot be chosen.
      ...(names.length === testsOf(clone, file).length ? {} : { RUN_TESTS: names.join(" ") }),
      INIT: join(work, "init"),
      // A libmount of the machine comes first.
      PYTHONPATH: hasLibmount() ? "" : join(work, "python"),
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
    },
    stallMs: STALL_MS,
  };
}

/** Cgroups that the tests leave behind, empty; one of them would be in the way of runc's suite. */
const LEFT = ["test-tmp*", "test-v1-exec-cgroup-*", "test"];

export function cleanUp() {
  const places = LEFT.flatMap((name) => [`/sys/fs/cgroup/*/${name}`, `/sys/fs/cgroup/${name}`]);
  sh(`for at in ${places.join(" ")}; do [ -d "$at" ] && find "$at" -depth -type d -exec rmdir {} \\;; done`);
}

/** A test of "delete" freezes a container by a cgroup that no runtime knows, and leaves it behind. */
const FROZEN = "/sys/fs/cgroup/freezer/frozen";

export function release() {
  if (!existsSync(FROZEN)) return;
  sh(`echo THAWED > ${FROZEN}/freezer.state; for i in 1 2 3 4 5; do rmdir ${FROZEN} && break; sleep 0.2; done`);
}

let libmount;
function hasLibmount() {
  libmount ??= sh(`${PYTHON} -c 'import libmount'`).status === 0;
  return libmount;
}
