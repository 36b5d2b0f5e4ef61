// SPDX-License-Identifier: Apache-2.0
/** The errors of runt with which engines end with 126 or 127, judged by the words that each engine looks for. */
import t from "tap";
import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { forEngines } from "./engine_words.ts";

/** Exit code of the engine for the runtime's message, 125 unless its words are there; podman's EPERM is left out. */
const ENGINES: Readonly<Record<string, readonly (readonly [RegExp, number])[]>> = {
  docker: [
    [/executable file not found|no such file or directory|system cannot find the file specified/, 127],
    [/permission denied|is a directory/, 126],
  ],
  podman: [
    [/permission denied/i, 126],
    [/executable file not found in|no such file or directory/i, 127],
    [/not found|no such file/i, 127],
  ],
};

function codes(error: RuntimeError): number[] {
  const { message } = forEngines(error);
  return Object.values(ENGINES).map((words) => words.find(([pattern]) => pattern.test(message))?.[1] ?? 125);
}

const NUMBERS = [Errno.ENOENT, Errno.EACCES, Errno.ENOTDIR, Errno.EISDIR];

/** Messages as they are made from an errno; one for each kind of step and of file that the runtime writes. */
const OTHERS: Readonly<Record<string, (reason: string) => string>> = {
  "/mounts/3": (reason) =>
    `unable to start container process: error during container init: error mounting "/a" to rootfs at "/b": mounts[3]: mkdirat: ${reason}`,
  "/linux/cgroupsPath": (reason) => `linux.cgroupsPath: mkdir /sys/fs/cgroup/pids/x: ${reason}`,
  "/linux/resources/cpu/shares": (reason) => `failed to write "5": write /sys/fs/cgroup/cpu.shares: ${reason} (ENOENT)`,
  "/hooks/prestart/0": (reason) => `unable to start container process: error running prestart hook #0: /h: execve: ${reason}`,
  "/hooks/startContainer/0": (reason) => `error running startContainer hook #0: /h: execve: ${reason}`,
  "/linux/namespaces/0/path": (reason) => `join namespace "/n": open: ${reason}`,
  "/linux/devices/0": (reason) => `device: mknod "/dev/x": ${reason}`,
  "/linux/sysctl/net.x": (reason) => `write sysctl net.x = "1": open: ${reason}`,
  "/linux/maskedPaths/0": (reason) => `hide: openat2 "/proc/x": ${reason}`,
  "/linux/uidMappings": (reason) => `linux.uidMappings: write /proc/1/uid_map: ${reason}`,
  "/process/apparmorProfile": (reason) => `apply profile "x": write to \`/proc/self/attr/apparmor/exec\`: ${reason}`,
  "/root/path": () => "root.path: rootfs (/r) is not a directory",
  "": (reason) => `--console-socket: connect /s: ${reason}`,
};

void t.test("an error that is not the program's ends no engine with 126 or 127", async (tt) => {
  for (const [pointer, message] of Object.entries(OTHERS)) {
    for (const errno of NUMBERS) {
      const facts = { errno, ...(pointer !== "" && { pointer }) };
      const error = new RuntimeError("STEP_FAILED", message(errnoText(errno)), facts);
      tt.strictSame(codes(error), [125, 125], error.message);
      tt.equal(forEngines(error).facts.errno, errno, "a program has the number");
    }
  }
});

/** Errors of the program: the message, and the codes of docker and podman. */
const OF_PROGRAM: readonly (readonly [string, string, readonly number[]])[] = [
  ["/process/args/0", 'exec: "nope": executable file not found in $PATH (looked in /bin)', [127, 127]],
  ["/process/args/0", 'exec: "/bin/nope": stat /bin/nope: no such file or directory', [127, 127]],
  ["/process/args/0", 'exec: "/etc/passwd": permission denied', [126, 126]],
  ["/process/args/0", 'exec: "/etc": permission denied: it is a directory', [126, 126]],
  ["/process/args", "exec /x: no such file or directory: not of the file itself, but of the interpreter", [127, 127]],
  ["/process/cwd", 'chdir to cwd ("/x") set in config.json failed: no such file or directory', [127, 127]],
];

void t.test("an error of the program ends them as a shell does", async (tt) => {
  for (const [pointer, message, wanted] of OF_PROGRAM) {
    tt.strictSame(codes(new RuntimeError("STEP_FAILED", message, { pointer })), wanted, message);
  }
});

void t.test("what is not of the kernel stays, and dockerd's hint", async (tt) => {
  const same = (message: string) =>
    tt.equal(forEngines(new RuntimeError("STEP_FAILED", message, { pointer: "/mounts/0" })).message, message);
  same('error mounting "/a" to rootfs at "/b": mounts[0]: move_mount: not a directory');
  same("error running prestart hook #0: /h: exit status 1, output: sh: /x: permission denied");
  same("error adding pid 5 to cgroups: open /c/tasks: no such file or directory");
  same("a bundle is a directory with config.json");
  const error = new RuntimeError("HOOK_FAILED", "h: execve: no such file or directory, output: no such file or directory", {
    brief: "b: permission denied",
  });
  tt.equal(forEngines(error).message, "h: execve: it is not there, output: no such file or directory");
  tt.equal(forEngines(error).facts.brief, "b: access denied");
});
