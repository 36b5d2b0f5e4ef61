import t from "tap";
import { resolve } from "node:path";
import { helper } from "./helpers.ts";
import { runtOnly } from "./runtime.ts";

/** What kernels before 5.6, 5.12 and 6.6 lack, and surrounding containers with old seccomp filters forbid. */
export const CALLS = "openat2,mount_setattr,fchmodat2";

/** Words before a program that make it run without `calls`: they answer ENOSYS, or EPERM after the prefix `EPERM:`. */
export function without(calls = CALLS): string[] {
  return [helper("helpers/without.c"), calls];
}

const FILES = ["security/advisories", "security/hostile_root", "security/processes", "security/exec", "cases/mounts", "cases/namespaces", "cases/paths", "cases/root"];

/** The scenarios in which the calls matter, on a runtime without them. `how` is the prefix of {@link without}. */
export function scenariosWithout(how: "" | "EPERM:"): void {
  const skip = runtOnly("what it does without the calls is its own affair");
  for (const name of FILES) {
    const file = resolve(import.meta.dirname, `../${name}.test.js`);
    void t.test(`${name}, without ${how}${CALLS}`, { skip, timeout: 180_000 }, async (tt) => {
      const env = { ...process.env, RUNTIME_WRAP: without(`${how}${CALLS}`).join(" ") };
      await tt.spawn(process.execPath, [file], { env, timeout: 180_000 }, name);
    });
  }
}
