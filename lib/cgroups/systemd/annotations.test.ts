// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { annotatedProperties } from "./annotations.ts";

const one = (name: string, value: string) => annotatedProperties({ [`org.systemd.property.${name}`]: value });

t.test("annotations of other names mean nothing", async (t) => {
  t.same(annotatedProperties(undefined), []);
  t.same(annotatedProperties({ a: "b", "org.systemd.property": "1" }), []);
});

t.test("properties with the types that they are written with", async (t) => {
  t.same(one("CollectMode", "'inactive-or-failed'"), [{ name: "CollectMode", signature: "s", value: "inactive-or-failed" }]);
  t.same(one("TimeoutStopUSec", "uint64 5"), [{ name: "TimeoutStopUSec", signature: "t", value: 5n }]);
  t.same(one("After", "['a.service']"), [{ name: "After", signature: "as", value: ["a.service"] }]);
});

t.test("seconds become microseconds", async (t) => {
  const micro = (value: bigint) => [{ name: "TimeoutStopUSec", signature: "t", value }];
  t.same(one("TimeoutStopSec", "2"), micro(2_000_000n));
  t.same(one("TimeoutStopSec", "1.5"), micro(1_500_000n));
  t.same(one("TimeoutStopSec", "uint64 3"), micro(3_000_000n));
});

t.test("errors name the annotation", async (t) => {
  const pointer = "/annotations/org.systemd.property.X";
  t.throws(() => one("X", "1"), { code: "CONFIG_INVALID", facts: { pointer }, message: /name incorrect/ });
  t.throws(() => one("Slice-x", "1"), { message: /name incorrect/ });
  t.throws(() => one("Slice", "nonsense"), { message: /Slice=nonsense: value parse error: unknown word "nonsense"/ });
  t.throws(() => one("TimeoutStopSec", "'a'"), { message: /value convert error/ });
  t.throws(() => one("TimeoutStopSec", "-1"), { message: /value convert error/ });
  t.throws(() => one("TimeoutStopSec", "1e300"), { message: /TimeoutStopSec=1e300: value convert error: .*64 bits/ });
  t.throws(() => one("TimeoutStopSec", "uint64 18446744073709551615"), { message: /64 bits/ });
});
