// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { propertyName } from "./property_name.ts";

t.test("pointers as properties", async (t) => {
  t.equal(propertyName("/process"), "process");
  t.equal(propertyName("/linux/resources/memory/limit"), "linux.resources.memory.limit");
  t.equal(propertyName("/linux/resources/devices/3/access"), "linux.resources.devices[3].access");
  t.equal(propertyName("/linux/resources/rdma/mlx5~11"), 'linux.resources.rdma["mlx5/1"]');
  t.equal(propertyName("/linux/sysctl/net.ipv4.ip_forward"), 'linux.sysctl["net.ipv4.ip_forward"]');
});
