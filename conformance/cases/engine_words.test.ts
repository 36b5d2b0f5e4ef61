// SPDX-License-Identifier: Apache-2.0
/** With which exit code docker and podman end after an error: they look for words in it. */
import { chmodSync } from "node:fs";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import { runtOnly } from "../harness/runtime.ts";

/** What docker's client and podman take for the program's error; the words of EPERM, for which podman alone looks, are left out. */
const WORDS: readonly (readonly [RegExp, number])[] = [
  [/executable file not found|no such file or directory|no such file|system cannot find the file specified/i, 127],
  [/permission denied|is a directory/i, 126],
];

function codeOf(text: string): number {
  return WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? 125;
}

const bind = (source: string, destination: string) => ({ source, destination, type: "bind", options: ["bind"] });
const hook = (path: string) => [{ path }];

/** What is wrong with a container, but for its program. */
const OTHERS: Readonly<Record<string, (box: Box) => Edit>> = {
  "the source of a bind mount is missing": () => (config) => void config.mounts.push(bind("/no/such/source", "/mnt")),
  "the source of a bind mount lies below a file": () => (config) => void config.mounts.push(bind("/etc/passwd/x", "/mnt")),
  "the target of a mount lies below a file": () => (config) =>
    void config.mounts.push({ type: "tmpfs", source: "tmpfs", destination: "/etc/passwd/x" }),
  "a file system that the kernel lacks": () => (config) =>
    void config.mounts.push({ type: "nofs", source: "x", destination: "/mnt" }),
  "the file of a namespace is missing": () => (config) =>
    void config.linux.namespaces?.push({ type: "network", path: "/no/such/netns" }),
  "a prestart hook is missing": () => (config) => void (config.hooks = { prestart: hook("/no/such/hook") }),
  "a createContainer hook is missing": () => (config) => void (config.hooks = { createContainer: hook("/no/such/hook") }),
  "a startContainer hook is missing": () => (config) => void (config.hooks = { startContainer: hook("/no/such/hook") }),
  "a hook is no program": () => (config) => void (config.hooks = { createRuntime: hook("/etc/passwd") }),
  "a hook is a directory": () => (config) => void (config.hooks = { createContainer: hook("/etc") }),
  "a setting that the kernel lacks": () => (config) => void (config.linux.sysctl = { "net.no.such": "1" }),
  "the listener of a filter is missing": () => (config) => {
    const syscalls = [{ names: ["swapon"], action: "SCMP_ACT_NOTIFY" }];
    config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls, listenerPath: "/no/such/socket" };
  },
  "a masked path goes through a file": () => (config) => void (config.linux.maskedPaths = ["/etc/passwd/x"]),
  "a cgroup that cannot be": () => (config) =>
    void (config.linux.resources = { unified: { "no.such": "1" }, cpu: { cpus: "4000-4001" } }),
  "the root file system is missing": () => (config) => void (config.root = { path: "/no/such/root" }),
  "the root file system is a file": () => (config) => void (config.root = { path: "/etc/passwd" }),
};

for (const [title, edit] of Object.entries(OTHERS)) {
  scenario(
    `125: ${title}`,
    (t, box) => {
      const done = box.run(edit(box));
      t.equal(done.status, 1, done.output);
      t.equal(codeOf(done.stderr), 125, done.stderr);
      t.same(box.leftovers(), []);
    },
    { skip: runtOnly("engines end with 126 or 127 after some of its errors") },
  );
}

/** A program that cannot be started, and the code of a shell. */
const PROGRAMS: Readonly<Record<string, readonly [number, readonly string[]]>> = {
  "a name that PATH does not have": [127, ["no-such-program"]],
  "a path that is missing": [127, ["/no/such/program"]],
  "a file that may not be executed": [126, ["/etc/passwd"]],
  "a directory": [126, ["/etc"]],
  "a script whose interpreter is missing": [127, ["/made/orphan"]],
};

for (const [title, [code, args]] of Object.entries(PROGRAMS)) {
  for (const command of ["run", "exec"] as const) {
    scenario(`${code}: ${title}, ${command}`, (t, box) => {
      const orphan = box.file("#!/no/such/interpreter\n");
      chmodSync(orphan, 0o755);
      const edit: Edit = (config) => {
        config.mounts.push(
          { type: "tmpfs", source: "tmpfs", destination: "/made", options: ["mode=755"] },
          bind(orphan, "/made/orphan"),
        );
        config.process.args = command === "run" ? [...args] : ["sleep", "1000"];
      };
      const done = command === "run" ? box.run(edit) : box.call(["exec", box.running(edit).id, ...args]);
      t.not(done.status, 0);
      t.equal(codeOf(done.stderr), code, done.stderr);
    });
  }
}
