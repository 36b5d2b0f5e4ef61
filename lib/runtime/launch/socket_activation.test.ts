// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { socketActivation } from "./socket_activation.ts";

t.test("descriptors for this process are handed on", async (t) => {
  const environment = { LISTEN_FDS: "2", LISTEN_PID: "77", LISTEN_FDNAMES: "a:b" };
  const env = ["LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=a:b"];
  t.same(socketActivation(environment, 77), { count: 2, env });
});

t.test("those for another process, none, and nonsense are not", async (t) => {
  const none = { count: 0, env: [] };
  t.same(socketActivation({ LISTEN_FDS: "2", LISTEN_PID: "78" }, 77), none);
  t.same(socketActivation({ LISTEN_FDS: "2" }, 77), none);
  t.same(socketActivation({ LISTEN_PID: "77" }, 77), none);
  t.same(socketActivation({ LISTEN_FDS: "-1", LISTEN_PID: "77" }, 77), none);
  t.same(socketActivation({ LISTEN_FDS: "two", LISTEN_PID: "77" }, 77), none);
});
