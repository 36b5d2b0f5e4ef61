// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../../../errors.ts";
import { ofContainer } from "./ps.ts";

t.test("the lines of the container, and the head", (t) => {
  const text = "UID   PID  PPID CMD\nroot    1     0 init\n1000  123     1 sh -c 7\nroot    7   123 PID 1\n\n";
  t.equal(ofContainer(text, [123, 7]), "UID   PID  PPID CMD\n1000  123     1 sh -c 7\nroot    7   123 PID 1\n");
  t.equal(ofContainer(text, []), "UID   PID  PPID CMD\n");
  t.end();
});

t.test("a listing without pids", (t) => {
  t.throws(() => ofContainer("UID CMD\nroot sh\n", [1]), RuntimeError);
  t.throws(() => ofContainer("", [1]), { message: "couldn't find PID field in ps output" });
  t.end();
});
