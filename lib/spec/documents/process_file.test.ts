// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../../errors.ts";
import { parseProcess } from "./process_file.ts";
import type { Config } from "../types.ts";

const container: Config = { ociVersion: "1.3.0", root: { path: "rootfs" } };

function failure(text: string, config = container): RuntimeError {
  try {
    parseProcess(text, "/tmp/p.json", config);
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

t.test("a process", (tt) => {
  const text = '{"args": ["x"], "cwd": "/", "terminal": null, "user": {"uid": 5}}';
  tt.strictSame(parseProcess(text, "p", container), { args: ["x"], cwd: "/", user: { uid: 5, gid: 0 } });
  tt.end();
});

t.test("every problem, with the place in the file", (tt) => {
  const { code, message, facts } = failure('{\n "args": [],\n "cwd": "x",\n "noNewPrivileges": 1,\n "user": {"umask": 5000}\n}');
  tt.equal(code, "CONFIG_INVALID");
  tt.strictSame(
    facts.problems?.map(({ pointer, line }) => [pointer, line]),
    [
      ["/args", 2],
      ["/cwd", 3],
      ["/noNewPrivileges", 4],
      ["/user/umask", 5],
    ],
  );
  tt.match(message, /^p\.json: 4 problems:\np\.json:2:/);
  tt.end();
});

t.test("what is no object", (tt) => {
  for (const text of ["", "null", "[]", "1", '"x"', "{", '{"cwd": "/"}, "x": {']) {
    const { code, message } = failure(text);
    tt.equal(code, "CONFIG_INVALID", text);
    tt.match(message, /^p\.json/, text);
  }
  tt.match(failure('{"args": ["a"], "args": ["b"], "cwd": "/"}').message, /args/, "a name twice");
  tt.end();
});

t.test("ids have to be mapped in the container's user namespace", (tt) => {
  const map = [{ containerID: 0, hostID: 1000, size: 10 }];
  const linux = { namespaces: [{ type: "user" as const }], uidMappings: map, gidMappings: map };
  const { facts } = failure('{"args": ["x"], "cwd": "/", "user": {"uid": 50}}', { ...container, linux });
  tt.strictSame(
    facts.problems?.map(({ pointer }) => pointer),
    ["/user/uid"],
  );
  tt.end();
});
