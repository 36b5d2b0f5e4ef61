// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { requests } from "./devices.ts";

t.test("paths and numbers", async (t) => {
  t.same(requests({}, ["/dev/snd"]), [{ host: "/dev/snd" }]);
  t.same(requests({ mode: "0640", gid: 44, access: "rw" }, ["/dev/a:/dev/b:r"]), [
    { mode: 0o640, gid: 44, access: "r", host: "/dev/a", path: "/dev/b" },
  ]);
  t.same(requests({ number: ["c:226:*", "b:8:1:/dev/x"] }, []), [
    { numbers: { type: "c", major: 226, minor: -1 } },
    { numbers: { type: "b", major: 8, minor: 1 }, path: "/dev/x" },
  ]);
});

t.test("what is wrong", async (t) => {
  for (const [flags, names] of [
    [{}, []],
    [{}, ["dev/x"]],
    [{}, ["/dev/x:y"]],
    [{}, ["/a:/b:r:w"]],
    [{ number: ["c:1"] }, []],
    [{ number: ["p:1:1"] }, []],
    [{ number: ["c:1:1:x"] }, []],
    [{ mode: "8" }, ["/dev/x"]],
    [{ uid: -1 }, ["/dev/x"]],
  ] as const) {
    t.throws(() => requests(flags, names), { code: "USAGE" }, JSON.stringify([flags, names]));
  }
});
