// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME } from "../harness/runtime.ts";
import { engine } from "./engine.ts";
import { Podman, PODMAN_PACKAGES } from "./podman.ts";
import { Streams } from "./streams.ts";

const WARNING = 'time="2026-01-01T00:00:00Z" level=warning msg="nobody asked"';

void t.test("what is neither the program's nor the engine's is found", async (tt) => {
  const streams = new Streams();
  streams.engineWrites(/^Trying to pull /);
  streams.programWrites("err");
  streams.look(["run"], { status: 0, stdout: "out\n", stderr: "err\nTrying to pull box\n" });
  tt.same(streams.strange(), []);
  streams.look(["run", "box"], { status: 0, stdout: "", stderr: "err\n" });
  tt.same(streams.strange(), ["run box: err"], "the next scenario has declared nothing");
  streams.look(["run"], { status: 0, stdout: `${WARNING}\r\n`, stderr: "" });
  tt.same(streams.strange(), [`run: ${WARNING}`], "on a terminal both are one");
  streams.look(["run"], { status: 1, stdout: "", stderr: `${WARNING}\n` });
  tt.same(streams.strange(), [], "what failed may say why");
});

void t.test("a log is read once, and what is added to it", async (tt) => {
  const folder = tt.testdir({ c1: { "c1-json.log": '{"log":"out\\n","stream":"stdout"}\n', other: WARNING } });
  const streams = new Streams();
  streams.watchLogs(folder, /-json\.log$/);
  streams.watchLogs(join(folder, "missing"), /log/);
  tt.same(streams.strange(), []);
  const log = join(folder, "c1/c1-json.log");
  appendFileSync(log, `${JSON.stringify({ log: `${WARNING}\n`, stream: "stderr" })}\n`);
  tt.match(streams.strange(), [/nobody asked/]);
  tt.same(streams.strange(), []);
});

/** The runtime under test with a warning on its standard error. */
function loud(folder: string): string {
  mkdirSync(folder);
  const path = join(folder, "loud");
  writeFileSync(path, `#!/bin/sh\necho '${WARNING}' >&2\nexec ${RUNTIME} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

engine("a runtime that warns where nobody asked", PODMAN_PACKAGES, (pg) => new Podman(pg), {
  "is found in an attached container, and in the log of a detached one"(t, p) {
    const runtime = loud(join(p.pg.dir, "loud"));
    const attached = p.podman("--runtime", runtime, "run", "--rm", "--network", "none", "box", "true");
    t.equal(attached.status, 0, attached.output);
    t.match(p.pg.streams.strange().join("\n"), "nobody asked");
    p.must("--runtime", runtime, "run", "-d", "--name", "loud", "--network", "none", "box", "true");
    p.must("wait", "loud");
    t.match(p.pg.streams.strange().join("\n"), /ctr\.log: .*nobody asked/);
    p.podman("--runtime", runtime, "rm", "-f", "loud");
    p.pg.streams.strange();
  },
});
