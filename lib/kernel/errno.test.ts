// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { Errno, errnoName, errnoText } from "./errno.ts";

t.test("names and texts of the ends and the gaps of the table", async (t) => {
  t.equal(errnoName(1), "EPERM");
  t.equal(errnoText(1), "operation not permitted");
  t.equal(errnoName(133), "EHWPOISON");
  t.equal(errnoText(133), "memory page has hardware error");
  t.equal(errnoName(95), "EOPNOTSUPP");
  t.equal(errnoText(95), "operation not supported");
  for (const unused of [0, 41, 58, 134, 600]) {
    t.equal(errnoName(unused), `E${unused}`);
    t.equal(errnoText(unused), `errno ${unused}`);
  }
});

t.test("the texts are in the case in which Go programs print them", async (t) => {
  t.equal(errnoText(16), "device or resource busy");
  t.equal(errnoText(88), "socket operation on non-socket");
  t.equal(errnoText(73), "RFS specific error");
});

t.test("the numbers by name agree with the table", async (t) => {
  for (const [name, errno] of Object.entries(Errno)) t.equal(errnoName(errno), name);
});
