// SPDX-License-Identifier: Apache-2.0
// library.mjs PATH: the library at PATH and its addons on another architecture, with Debian's Node.js for it. It prints NAME, a tab, and
// `ok` or what was wrong, for each
// check. cases.sh counts them.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from "node:fs";

const { Container, Rootfs } = await import(process.argv[2]);

const rootfs = "/run/work/library";
mkdirSync(`${rootfs}/bin`, { recursive: true });
for (const name of ["proc", "sys", "dev", "tmp", "etc"]) mkdirSync(`${rootfs}/${name}`, { recursive: true });
copyFileSync("/bin/busybox", `${rootfs}/bin/busybox`);
chmodSync(`${rootfs}/bin/busybox`, 0o755);
for (const name of ["sh", "cat", "uname", "id", "sleep", "mkdir", "tty"]) symlinkSync("busybox", `${rootfs}/bin/${name}`);

/** A container that sleeps, for as long as `use` takes. (Node.js 20 has no `await using`.) */
async function withBox(use) {
  const box = await Container.run({ rootfs, args: ["sleep", "1000"], stdio: "ignore" });
  try {
    return await use(box);
  } finally {
    await box[Symbol.asyncDispose]();
  }
}

const checks = {
  "library: run to the end, with limits and the default profile": async () => {
    const options = { rootfs, limits: { memory: "64m", pids: 32 }, buffer: true, timeout: 60_000 };
    const { stdout, exitCode } = await Container.run({
      ...options,
      args: ["sh", "-c", "uname -m; cat /sys/fs/cgroup/pids.max; exit 7"],
    });
    return [`${stdout}${exitCode}`, "aarch64\n32\n7"];
  },
  "library: a time limit": async () => {
    const { timedOut } = await Container.run({ rootfs, args: ["sleep", "1000"], buffer: true, timeout: 3000 });
    return [String(timedOut), "true"];
  },
  "library: exec, with input and a user": () =>
    withBox(async (box) => {
      const { stdout } = await box.exec(["sh", "-c", "id -u; cat"], { input: "given", user: "1000:1000", timeout: 60_000 });
      return [stdout, "1000\ngiven"];
    }),
  "library: a process on a terminal": () =>
    withBox(async (box) => {
      const { stdout } = await box.exec(["tty"], { terminal: true, timeout: 60_000 });
      return [stdout.trim(), "/dev/pts/0"];
    }),
  "library: a writable layer": async () => {
    const { stdout } = await Container.run({
      rootfs,
      overlay: true,
      args: ["sh", "-c", "echo x > /new; cat /new"],
      buffer: true,
      timeout: 60_000,
    });
    return [stdout, "x\n"];
  },
  "library: wait tells the signal": async () => {
    const box = await Container.run({ rootfs, args: ["sleep", "1000"], stdio: "ignore" });
    const ended = box.wait();
    await box.kill("SIGKILL");
    const { signal } = await ended;
    await box.delete();
    return [String(signal), "9"];
  },
};

if (typeof Rootfs.fromImage !== "function") throw new Error("no Rootfs.fromImage");
for (const [name, check] of Object.entries(checks)) {
  let said;
  try {
    const [found, wanted] = await check();
    said = found === wanted ? "ok" : `found ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`;
  } catch (error) {
    said = `${error.stack}`.replaceAll("\n", " ");
  }
  console.log(`${name}\t${said}`);
}
