// SPDX-License-Identifier: Apache-2.0
/**
 * The numbers of `lib/kernel` as a test in C++ that compares them with the headers of the kernel and of libc:
 * `native/test/kernel_numbers_test.cc`, as text. `npm run generate` writes it, and a test fails when the committed file differs.
 */
import { Errno } from "../../lib/kernel/errno.ts";
import * as numbers from "../../lib/kernel/numbers.ts";
import * as openFlags from "../../lib/kernel/open_flags.ts";
import * as planNumbers from "../../lib/kernel/plan_numbers.ts";

const HEADERS = [
  "errno.h",
  "fcntl.h",
  "linux/capability.h",
  "linux/mount.h",
  "linux/nsfs.h",
  "linux/prctl.h",
  "linux/sched.h",
  "linux/seccomp.h",
  "poll.h",
  "signal.h",
  "sys/epoll.h",
  "sys/file.h",
  "sys/inotify.h",
  "sys/resource.h",
  "sys/socket.h",
  "sys/stat.h",
  "unistd.h",
];

/** What no header has, because it is internal to the kernel. */
const IN_NO_HEADER: readonly string[] = ["PF_FORKNOEXEC"];
/** What differs by architecture; the generated file is the same on each. */
const BY_ARCHITECTURE: readonly string[] = ["O_DIRECTORY", "O_NOFOLLOW"];

/** Each name with its number, once. */
export function kernelNumbers(): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const values of [numbers, openFlags, planNumbers, planNumbers.RLIMITS, Errno]) {
    for (const [name, value] of Object.entries(values as Readonly<Record<string, unknown>>)) {
      if (typeof value === "number") found[name] = value;
    }
  }
  for (const name of [...IN_NO_HEADER, ...BY_ARCHITECTURE]) delete found[name];
  return found;
}

/** The whole file. */
export function kernelNumbersTest(): string {
  const names = Object.entries(kernelNumbers()).sort(([one], [other]) => (one < other ? -1 : 1));
  return [
    "// Generated from lib/kernel by `npm run generate`; changes made here are lost.",
    "",
    ...HEADERS.map((header) => `#include <${header}>`),
    "",
    '#include "suites.h"',
    '#include "tap.h"',
    "",
    "// A name that no header has is a mistake in lib/kernel, or wants a header here.",
    ...names.flatMap(([name]) => [`#ifndef ${name}`, `#error "${name} is in no header"`, "#endif"]),
    "",
    "namespace runt::test {",
    "",
    "void TestKernelNumbers() {",
    "  constexpr struct {",
    "    const char* name;",
    "    long ours;",
    "    long theirs;",
    "  } kNumbers[] = {",
    ...names.map(([name, value]) => `      {"${name}", ${value}, static_cast<long>(${name})},`),
    "  };",
    "  for (const auto& number : kNumbers) Equal(number.ours, number.theirs, number.name);",
    "}",
    "",
    "}  // namespace runt::test",
    "",
  ].join("\n");
}
