// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { readArguments } from "../../argv.ts";
import { commandTable, type Positionals } from "../../command.ts";
import { cgroupPaths, EXEC, execOptions } from "./exec.ts";

function options(...args: string[]): ReturnType<typeof execOptions> {
  const { action, problem, positionals, flags } = readArguments(["exec", ...args], commandTable([EXEC]));
  if (action !== "run") throw new Error(problem);
  return execOptions(flags, positionals as Positionals, "/work");
}

t.test("a command with flags", (tt) => {
  const made = options(
    "-e",
    "A=1,2",
    "--env=B=2",
    "-t",
    "-u",
    "1000:5",
    "-g",
    "7",
    "-g",
    "8",
    "-c",
    "CAP_KILL",
    "--cap",
    "CAP_CHOWN",
    "--cwd",
    "/x",
    "--no-new-privs",
    "--apparmor",
    "p",
    "--process-label",
    "l",
    "-d",
    "--pid-file",
    "pid",
    "--console-socket",
    "/sock",
    "--preserve-fds",
    "2",
    "--cgroup",
    "pids,memory:sub",
    "--ignore-paused",
    "box",
    "ls",
    "-l",
    "--tty",
  );
  tt.strictSame(made, {
    id: "box",
    process: {
      args: ["ls", "-l", "--tty"],
      cwd: "/x",
      env: ["A=1,2", "B=2"],
      terminal: true,
      uid: 1000,
      gid: 5,
      additionalGids: [7, 8],
      capabilities: ["CAP_KILL", "CAP_CHOWN"],
      noNewPrivileges: true,
      apparmorProfile: "p",
      selinuxLabel: "l",
    },
    detach: true,
    pidFile: "/work/pid",
    consoleSocket: "/sock",
    preserveFds: 2,
    cgroups: { pids: "sub", memory: "sub" },
    ignorePaused: true,
  });
  tt.end();
});

t.test("a process file leaves no room for a command", (tt) => {
  tt.match(options("--process", "p.json", "box"), { id: "box", process: { file: "/work/p.json" }, detach: false });
  tt.strictSame(options("--no-new-privs=false", "box", "x").process, {
    args: ["x"],
    env: [],
    terminal: false,
    additionalGids: [],
    capabilities: [],
    noNewPrivileges: false,
  });
  tt.end();
});

t.test("users are numbers and nothing else", (tt) => {
  for (const user of ["x", "1x", " 1", "+1", "-1", "1:", ":1", "1:2:3", "0x10", "4294967295", "99999999999", "1e3"]) {
    tt.throws(() => options(`--user=${user}`, "box", "x"), { code: "USAGE" }, user);
  }
  tt.match(options("--user", "4294967294", "box", "x").process, { uid: 4294967294 });
  tt.match(options("--user", "", "box", "x").process, { uid: undefined });
  tt.throws(() => options("-g", "-1", "box", "x"), { code: "USAGE" });
  tt.end();
});

t.test("sub-cgroups", (tt) => {
  tt.strictSame(cgroupPaths([]), {});
  tt.strictSame(cgroupPaths(["a/b"]), { "": "a/b" });
  tt.strictSame(cgroupPaths(["cpu,cpuacct:x", "pids:y:z"]), { cpu: "x", cpuacct: "x", pids: "y:z" });
  for (const wrong of [["a", "b"], ["a", "cpu:b"], [":a"], ["cpu,:a"], ["cpu:a", "cpu:b"]]) {
    tt.throws(() => cgroupPaths(wrong), { code: "USAGE" }, wrong.join(" "));
  }
  tt.end();
});
