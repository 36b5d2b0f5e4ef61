// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../../errors.ts";
import { checkConfig, parseConfig } from "./config.ts";
import { defaultConfig, formatConfig } from "../defaults.ts";

const base = defaultConfig({ rootless: false, cgroup2: true, uid: 0, gid: 0 });

function caught(text: string): RuntimeError {
  try {
    parseConfig(text, "/bundle/config.json");
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error("accepted");
}

/** `pointer: message` of each problem of the default config with some top-level properties replaced. */
function problems(change: object): string[] {
  return checkConfig(JSON.stringify({ ...base, ...change })).map((p) => `${p.pointer}: ${p.message}`);
}

t.test("a good file", (t) => {
  t.strictSame(parseConfig(formatConfig(base), "config.json"), base);
  t.strictSame(problems({}), []);
  t.end();
});

t.test("one problem is one line, with its place", (t) => {
  const text = '{\n  "ociVersion": "1.0.2",\n  "root": {"path": "rootfs"},\n  "process": {"cwd": "/", "args": []}\n}';
  const error = caught(text);
  t.equal(error.code, "CONFIG_INVALID");
  t.equal(error.message, "config.json:4:35: /process/args: empty, must have at least one entry");
  t.strictSame(error.facts, {
    path: "/bundle/config.json",
    problems: [{ pointer: "/process/args", line: 4, column: 35, message: "empty, must have at least one entry" }],
  });
  t.end();
});

t.test("all problems are told at once, schema and meaning, in the order of the file", (t) => {
  const text = [
    '{"ociVersion": "2.0.0",',
    ' "process": {"args": ["sh"], "cwd": 5},',
    ' "mounts": [{"destination": "/proc", "options": ["ro", 3, null]}],',
    ' "linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}, {"type": "net"}],',
    '           "maskedPaths": ["/proc/x"], "cgroupsPath": "a/../b"}}',
  ].join("\n");
  t.strictSame(caught(text).message.split("\n"), [
    "config.json: 8 problems:",
    "config.json:1:1: /root: missing, but the specification requires it on Linux",
    'config.json:1:16: /ociVersion: found "2.0.0", but only versions up to 1.x are known',
    "config.json:2:37: /process/cwd: found 5, must be a string",
    "config.json:3:56: /mounts/0/options/1: found 3, must be a string",
    "config.json:3:59: /mounts/0/options/2: found null, must be a string",
    "config.json:4:53: /linux/namespaces/1/type: pid is there already, at /linux/namespaces/0",
    'config.json:4:70: /linux/namespaces/2/type: found "net", allowed: pid, network, mount, ipc, uts, user, cgroup, time',
    'config.json:5:55: /linux/cgroupsPath: found "a/../b", must be without ".."',
  ]);
  t.end();
});

t.test("a rule is left out only where what it reads is wrong already", (t) => {
  t.strictSame(problems({ process: { args: [], cwd: "/", terminal: 1 } }), [
    "/process/args: empty, must have at least one entry",
    "/process/terminal: found 1, must be true or false",
  ]);
  t.strictSame(problems({ hostname: 7, linux: { cgroupsPath: ".." } }), [
    "/hostname: found 7, must be a string",
    '/linux/cgroupsPath: found "..", must be without ".."',
  ]);
  t.end();
});

t.test("syntax errors and equal names have places too", (t) => {
  t.equal(caught('{"ociVersion": }').message, 'config.json:1:16: not valid JSON: "}" where a value is expected');
  t.equal(
    caught('{"ociVersion": "1.0.0",\n"root": {"path": "a", "path": "b"}}').message,
    'config.json:2:23: /root/path: the name "path" stands twice in one object',
  );
  t.equal(caught("[]").message, "config.json:1:1: found an empty list, must be an object");
  t.equal(caught("null").message, "config.json:1:1: found null, must be an object");
  t.end();
});

t.test("null is as if it were absent, and a missing user is root", (t) => {
  const text = JSON.stringify({
    ...base,
    hostname: null,
    process: { args: ["null"], cwd: "/", user: { uid: 5, umask: null }, rlimits: null },
    linux: { timeOffsets: null, namespaces: [{ type: "mount", path: null }] },
  });
  const config = parseConfig(text, "config.json");
  t.notOk(Object.hasOwn(config, "hostname"));
  t.strictSame(config.process, { args: ["null"], cwd: "/", user: { uid: 5, gid: 0 } });
  t.strictSame(config.linux, { namespaces: [{ type: "mount" }] });
  const plain = parseConfig(JSON.stringify({ ...base, process: { args: ["x"], cwd: "/" } }), "config.json");
  t.strictSame(plain.process?.user, { uid: 0, gid: 0 });
  t.strictSame(problems({ ociVersion: null }), ["/ociVersion: missing, but the specification requires it"]);
  t.end();
});

t.test("64-bit integers are exact", (t) => {
  const text = formatConfig(base)
    .replaceAll('"soft": 1024', '"soft": 18446744073709551615')
    .replaceAll('"hard": 1024', '"hard": 18446744073709551615');
  t.strictSame(parseConfig(text, "config.json").process?.rlimits, [
    { type: "RLIMIT_NOFILE", hard: 18446744073709551615n, soft: 18446744073709551615n },
  ]);
  const over = text.replace('"soft": 18446744073709551615', '"soft": 18446744073709551616');
  t.match(caught(over).message, "found 18446744073709551616, must be an integer from 0 to 18446744073709551615");
  t.match(caught(text.replace('"uid": 0', '"uid": 99999999999999999999')).message, "found 99999999999999999999");
  t.end();
});

t.test("NUL characters", (t) => {
  const message = "the string has a NUL character, which is not allowed";
  t.strictSame(problems({ mounts: [{ destination: "/a\0b", type: "tmpfs" }], annotations: { a: "\0" } }), [
    `/mounts/0/destination: ${message}`,
  ]);
  t.strictSame(problems({ process: { args: ["a", "\0"], cwd: "/", env: ["A=\0"] } }), [
    `/process/args/1: ${message}`,
    `/process/env/0: ${message}`,
  ]);
  t.strictSame(problems({ linux: { namespaces: base.linux?.namespaces, sysctl: { "net.a\0": "1" } } }), [
    "/linux/sysctl/net.a\0: the name has a NUL character, which is not allowed",
  ]);
  t.end();
});

t.test("unknown names are ignored, also odd ones", (t) => {
  const text = `{"__proto__": {"hostname": 1}, "constructor": 1, "ociVersion": "1.3.0", "root": {"path": "r", "x": {}}}`;
  t.strictSame(checkConfig(text), []);
  t.end();
});
