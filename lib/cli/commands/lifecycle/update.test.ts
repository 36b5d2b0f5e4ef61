// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../../../errors.ts";
import { sizeInBytes, updateLimits } from "./update.ts";

t.test("sizes", (t) => {
  const cases: readonly (readonly [string, number | bigint])[] = [
    ["0", 0],
    ["512", 512],
    ["512b", 512],
    ["64M", 64 << 20],
    ["64m", 64 << 20],
    ["1.5g", 1.5 * 2 ** 30],
    ["50 MiB", 50 << 20],
    ["32kb", 32768],
    ["2T", 2 ** 41],
    ["-1", -1],
    ["9223372036854775807", 9223372036854775807n],
  ];
  for (const [text, bytes] of cases) t.equal(sizeInBytes("memory", text), bytes, text);
  for (const text of ["", "-2", "x", "1x", "1.g", "0x10", "9223372036854775808", "8192p", "1e3"]) {
    t.throws(() => sizeInBytes("memory", text), RuntimeError, JSON.stringify(text));
  }
  t.throws(() => sizeInBytes("memory", "1x"), { message: "invalid value for memory: invalid size: '1x'" });
  t.end();
});

t.test("flags become limits, and what is not given is not named", (t) => {
  t.strictSame(updateLimits({}), { resources: { cpu: {}, memory: {} } });
  t.strictSame(
    updateLimits({
      "cpu-share": "100",
      "cpu-quota": "-1",
      "cpu-period": "18446744073709551615",
      "cpu-idle": "1",
      "cpuset-cpus": "0-1",
      memory: "64M",
      "memory-swap": "-1",
      "blkio-weight": 10,
      "pids-limit": 0,
    }),
    {
      resources: {
        cpu: { period: 18446744073709551615n, shares: 100, quota: -1, idle: 1, cpus: "0-1" },
        memory: { limit: 64 << 20, swap: -1 },
        blockIO: { weight: 10 },
        pids: { limit: 0 },
      },
    },
  );
  t.end();
});

t.test("a file is all that counts", (t) => {
  t.strictSame(updateLimits({ resources: "-", memory: "nonsense" }), { file: "-" });
  t.end();
});

t.test("what cannot be", (t) => {
  t.throws(() => updateLimits({ "cpu-share": "-1" }), { message: 'invalid value for cpu-share: "-1": value out of range' });
  t.throws(() => updateLimits({ "cpu-quota": "1s" }), { message: 'invalid value for cpu-quota: "1s": invalid syntax' });
  t.throws(() => updateLimits({ "blkio-weight": 9 }), RuntimeError);
  const rdt = { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=9" };
  t.strictSame(updateLimits({ resources: "-", "l3-cache-schema": "L3:0=f", "mem-bw-schema": "MB:0=9" }), { file: "-", rdt });
  t.end();
});
