// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { parseCpuList } from "./cpu_list.ts";

function cpus(text: string): number[] | string {
  const mask = parseCpuList(text);
  if (typeof mask === "string") return mask;
  t.equal(mask.length % 8, 0, "whole words of the kernel");
  const found: number[] = [];
  for (let cpu = 0; cpu < mask.length * 8; cpu++) {
    if (((mask[cpu >> 3] ?? 0) >> (cpu & 7)) & 1) found.push(cpu);
  }
  return found;
}

t.test("lists", (tt) => {
  tt.same(cpus("0"), [0]);
  tt.same(cpus("0-3,7"), [0, 1, 2, 3, 7]);
  tt.same(cpus(" 63 , 64-65,,"), [63, 64, 65]);
  tt.same(cpus("1-1"), [1]);
  tt.same(cpus("1023-1025,4000"), [1023, 1024, 1025, 4000], "more CPUs than a cpu_set_t of glibc holds");
  tt.same(cpus("65536"), [65536]);
  tt.end();
});

t.test("what is none", (tt) => {
  for (const text of ["", " ", ","]) tt.equal(parseCpuList(text), "no CPU is in the list");
  for (const text of ["x", "-1", "1-", "0x1", "1.5", "65537", "99999999999", "1-2-3", "+1", "1:2"]) {
    tt.match(parseCpuList(text), /is no CPU number or range from 0 to 65536$/, text);
  }
  tt.match(parseCpuList("3-1"), /ends before it begins/);
  tt.end();
});
