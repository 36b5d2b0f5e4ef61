// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Config } from "../../spec/types.ts";
import { subgroupOf, withSubgroup } from "./subgroup.ts";

const of = (value?: string) =>
  subgroupOf({ annotations: value === undefined ? {} : { "run.oci.systemd.subgroup": value } } as unknown as Config);

t.test("the annotation's path, as it comes after the unit's", async (t) => {
  t.same([undefined, "", "/", "."].map(of), ["", "", "", ""]);
  t.same(["container", "/container/", "a//./b"].map(of), ["/container", "/container", "/a/b"]);
});

t.test("it does not lead out of the scope", async (t) => {
  for (const path of ["..", "a/../../b", "a/.."]) {
    t.throws(() => of(path), { code: "CONFIG_INVALID", facts: { pointer: "/annotations/run.oci.systemd.subgroup" } });
  }
});

t.test("each hierarchy has it", async (t) => {
  t.same(withSubgroup({ "": "/c/x.scope" }, "/own"), { "": "/c/x.scope/own" });
  t.same(withSubgroup({ memory: "/m/x.scope", "name=systemd": "/s/x.scope" }, "/own"), {
    memory: "/m/x.scope/own",
    "name=systemd": "/s/x.scope/own",
  });
  t.same(withSubgroup({ "": "/c/x.scope" }, ""), { "": "/c/x.scope" });
});
