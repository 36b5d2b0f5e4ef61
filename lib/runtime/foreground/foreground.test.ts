// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { Foreground } from "./foreground.ts";

t.test("a detached process without a console needs nothing", async (t) => {
  const foreground = await Foreground.open(false, { detach: true }, true);
  t.equal(foreground.isDetached, true);
  t.equal(foreground.openConsoleSocket(), undefined);
  t.equal(foreground.untilEnd(1, -1), 0, "nobody waits");
  foreground.close();
});

t.test("a detached console goes to the socket of the caller, which stays the caller's", async (t) => {
  const caller = check(native.memfd("test"), "memfd");
  const foreground = await Foreground.open(true, { detach: true, consoleFd: caller }, true);
  const socket = foreground.openConsoleSocket();
  t.equal(socket, foreground.namedConsoleSocket);
  t.ok(socket !== caller, "it is a copy");
  foreground.close();
  t.ok(native.fcntl(socket ?? -1, 1, 0) < 0, "the copy is closed");
  t.equal(native.close(caller), 0);
});

t.test("who gets the console must be clear", async (t) => {
  await t.rejects(Foreground.open(true, { detach: true }, true), { code: "CONFIG_INVALID" });
  await t.rejects(Foreground.open(true, { consoleSocket: "/nowhere" }, true), { code: "USAGE" });
  await t.rejects(Foreground.open(false, { detach: true, consoleSocket: "/nowhere" }, true), { code: "USAGE" });
  await t.rejects(Foreground.open(true, { detach: true, consoleSocket: "/nowhere" }, true), { code: "SYSCALL" });
});
