// SPDX-License-Identifier: Apache-2.0
// For which architecture the scripts build, stage and pack: this machine's, or that of `--arch`. Of another one everything lies in
// folders of its own, so that a build for this machine stays as it is.
import { ask } from "./steps.mjs";

/** By what uname calls it: other names for it, Debian's and Node's, the ELF machine of its programs, and what builds it elsewhere. */
export const ARCHITECTURES = {
  x86_64: {
    debian: "amd64",
    node: "x64",
    elf: 62,
    triplet: "x86_64-linux-gnu",
    packages: ["g++-x86-64-linux-gnu", "qemu-user-static"],
  },
  aarch64: {
    debian: "arm64",
    node: "arm64",
    elf: 183,
    triplet: "aarch64-linux-gnu",
    packages: ["g++-aarch64-linux-gnu", "qemu-user-static"],
  },
};

function named(word) {
  const found = Object.entries(ARCHITECTURES).find(([name, { debian, node }]) => [name, debian, node].includes(word));
  if (found !== undefined) return { name: found[0], ...found[1] };
  console.error(`--arch ${word}: it is one of ${Object.keys(ARCHITECTURES).join(", ")}`);
  process.exit(1);
}

const index = process.argv.indexOf("--arch");
const own = named(ask("uname", ["-m"]));

/** What is built for. */
export const TARGET = index < 0 ? own : named(process.argv[index + 1] ?? "");

/** Whether it is another architecture than this machine's. */
export const IS_CROSS = TARGET.name !== own.name;

const suffix = IS_CROSS ? `-${TARGET.name}` : "";

/** Where everything is put, relative to the checkout. */
export const DIST = `dist${suffix}`;

/** A build directory of the architecture's own. */
export function buildFolder(name) {
  return `build/${name}${suffix}`;
}

/** Words for cmake-js. */
export const CMAKE_WORDS = IS_CROSS
  ? [
      ...["--cc", `${TARGET.triplet}-gcc`, "--cxx", `${TARGET.triplet}-g++`],
      ...["--CDCMAKE_SYSTEM_NAME=Linux", `--CDCMAKE_SYSTEM_PROCESSOR=${TARGET.name}`],
    ]
  : [];

/** The command line of a program that was built: an emulator runs another architecture's. */
export function runnable(program, args) {
  return IS_CROSS ? [`qemu-${TARGET.name}-static`, ["-L", `/usr/${TARGET.triplet}`, program, ...args]] : [program, args];
}
