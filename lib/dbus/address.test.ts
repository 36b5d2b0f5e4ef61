// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { socketsOf, SYSTEM_BUS, systemSockets, userSockets } from "./address.ts";

t.test("the sockets of an address", async (t) => {
  t.same(socketsOf("unix:path=/run/user/5/bus"), ["/run/user/5/bus"]);
  t.same(socketsOf("unix:abstract=/tmp/x,guid=12;unix:guid=3,path=/run/a%20b/%c3%a9"), ["@/tmp/x", "/run/a b/é"]);
  t.same(socketsOf("tcp:host=a,port=1;unixexec:path=/bin/x"), []);
  t.same(socketsOf(""), []);
});

t.test("the user's bus", async (t) => {
  const there = (path: string) => path === "/run/user/5/bus";
  t.same(userSockets({ DBUS_SESSION_BUS_ADDRESS: "unix:path=/x", XDG_RUNTIME_DIR: "/run/user/5" }, there), ["/x"]);
  t.same(userSockets({ XDG_RUNTIME_DIR: "/run/user/5" }, there), ["/run/user/5/bus"]);
  t.throws(() => userSockets({ XDG_RUNTIME_DIR: "/elsewhere" }, there), {
    code: "HOST_UNABLE",
    message: /DBUS_SESSION_BUS_ADDRESS/,
  });
  t.throws(() => userSockets({}, there), { code: "HOST_UNABLE" });
  t.throws(() => userSockets({ DBUS_SESSION_BUS_ADDRESS: "tcp:host=a" }, there), {
    code: "HOST_UNABLE",
    message: /only addresses of Unix sockets/,
  });
});

t.test("the system's bus", async (t) => {
  t.same(systemSockets({}), [SYSTEM_BUS]);
  t.same(systemSockets({ DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/y" }), ["/y"]);
});
