import t from "tap";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { scenario } from "../harness/box.ts";
import { helper } from "../harness/helpers.ts";
import { PROJECT, runtOnly } from "../harness/runtime.ts";

/** What kernels before 5.6, 5.12 and 6.6 lack, and surrounding containers with old seccomp filters forbid. */
const CALLS = "openat2,mount_setattr,fchmodat2";
/** What came before Linux 5.9, the oldest that runt starts on: there is no other way, so that no attack can make runt take it. */
const NEEDED = ["open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "close_range"];

const skip = runtOnly("what it does without the calls is its own affair");
const without = (calls = CALLS): string[] => [helper("helpers/without.c"), calls];

scenario("the calls are really missing: a recursive option, which needs one, is an error that names it", (t, box) => {
  const done = box.run(
    (config) => void config.mounts.push({ destination: "/var", type: "bind", source: box.folder(), options: ["rbind", "rro"] }),
    [],
    { wrap: without() },
  );
  t.equal(done.status, 1);
  t.match(done.stderr, /mount_setattr.*function not implemented/);
  t.same(box.leftovers(), []);
}, { skip });

scenario("paths through links, and made ones, stay inside the root", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["sh", "-c", "cat /on/made/here/file"];
    const source = box.folder();
    writeFileSync(join(source, "file"), "seen\n");
    config.mounts.push({ destination: "/way/up/made/here", type: "bind", source, options: ["bind", "ro", "nosuid"] });
  });
  mkdirSync(join(bundle.rootfs, "inside"));
  symlinkSync("/way/on", join(bundle.rootfs, "up"));
  mkdirSync(join(bundle.rootfs, "way"));
  symlinkSync("../../../../up/../on", join(bundle.rootfs, "way/up"));
  symlinkSync("/inside", join(bundle.rootfs, "way/on"));
  for (const wrap of [without(), []]) {
    const done = box.call(["run", "--bundle", bundle.dir, box.id()], { wrap });
    t.equal(done.stdout, "seen\n", done.stderr);
  }
}, { skip });

for (const call of NEEDED) {
  scenario(`without ${call}, which every kernel has that runt starts on: an error that names it, nothing left behind`, (t, box) => {
    const done = box.run((config) => void (config.linux.maskedPaths = ["/proc/acpi", "/etc"]), [], { wrap: without(call) });
    t.equal(done.status, 1);
    t.match(done.stderr, new RegExp(`${call}.*function not implemented`));
    t.same(box.leftovers(), []);
  }, { skip });
}

const FILES = ["security/advisories", "security/hostile_root", "security/processes", "security/exec", "cases/mounts", "cases/namespaces", "cases/paths", "cases/root"];

for (const name of FILES) {
  const file = resolve(import.meta.dirname, `../${name}.test.js`);
  void t.test(`${name}, without ${CALLS}`, { skip, timeout: 180_000 }, async (tt) => {
    const env = { ...process.env, RUNTIME_WRAP: without().join(" ") };
    await tt.spawn(process.execPath, [file], { env, timeout: 180_000 }, name);
  });
}

const nativeTest = join(PROJECT, "build/native-test/native/native_test");
void t.test(`the tests of init, without ${CALLS}`, {
  skip: skip || (existsSync(nativeTest) ? false : "npm test -- native builds them"),
  timeout: 180_000,
}, async (tt) => {
  const [program = "", calls = ""] = without();
  await tt.spawn(program, [calls, nativeTest], { timeout: 180_000 }, "native");
});
