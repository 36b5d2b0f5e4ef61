// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cgroupMounts, isAlive, tryKill, waitFor } from "../harness/host.ts";

const skip = process.getuid?.() !== 0 && "needs root";

/** Makes a playground with a program in it, says where, and waits to be killed. */
const PROGRAM = `
  const { Playground } = await import(process.argv[1]);
  const playground = new Playground();
  playground.start("busy", ["setsid", "sleep", "100000"]);
  console.log(JSON.stringify({ dir: playground.dir, name: playground.name, pid: playground.pid }));
  setInterval(() => {}, 1000);
`;

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  void t.test(`nothing is left of a playground whose test is ended by ${signal}`, { skip, timeout: 60_000 }, async (tt) => {
    const words = ["--input-type=module", "-e", PROGRAM, join(import.meta.dirname, "playground.js")];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"], detached: true });
    const text = await new Promise<string>((settle) => {
      child.stdout.setEncoding("utf8").once("data", settle);
      child.once("exit", () => settle("{}"));
    });
    const { dir, name, pid } = JSON.parse(text) as { dir: string; name: string; pid: number };
    const cgroups = [...cgroupMounts().values()].map((mount) => join(mount, name));
    tt.ok(isAlive(pid), "it is there");
    tt.ok(
      cgroups.every((path) => existsSync(path)),
      "its cgroups are there",
    );
    // As a terminal's Ctrl-C does: to the whole process group.
    tryKill(-(child.pid ?? 0), signal);
    tt.ok(
      waitFor(() => !isAlive(pid), 10_000),
      "its first process has ended",
    );
    tt.ok(
      waitFor(() => !cgroups.some((path) => existsSync(path)), 10_000),
      "its cgroups are gone",
    );
    tt.ok(
      waitFor(() => !existsSync(dir), 10_000),
      "its directory is gone",
    );
  });
}
