// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { Given, PROPERTIES, propertiesOf, type Property, valuesIn, withoutProperty } from "./properties.ts";
import { PROJECT } from "./runtime.ts";

const only = (name: string): Property => {
  const [found, ...more] = propertiesOf([name]);
  if (found === undefined || more.length > 0) throw new Error(`${name}: ${more.length + 1} properties`);
  return found;
};

t.test("names of properties", async (t) => {
  const names = PROPERTIES.map(({ name }) => name);
  t.equal(new Set(names).size, names.length, "none twice");
  for (const name of ["ociVersion", "process.args", "linux.devices[].major", "linux.sysctl", "linux.netDevices.*.name"]) {
    t.ok(names.includes(name), name);
  }
  t.same(
    propertiesOf(["process.consoleSize"]).map(({ name }) => name),
    ["process.consoleSize.height", "process.consoleSize.width"],
  );
  t.same(propertiesOf(["linux.uidMappings"]).length, 3);
  t.throws(() => propertiesOf(["linux.no"]), /linux.no is no property/);
});

t.test("PROPERTIES.md has every property, and each is tested", async (t) => {
  const text = readFileSync(join(PROJECT, "conformance/PROPERTIES.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (\S+)[^|]*\| (\S+)[^|]*\| (\S+)[^|]*\| (.*) \|$/gm)];
  const [table = []] = [rows.filter(([, , verdict = ""]) => !verdict.startsWith("`") && verdict !== "(empty)")];
  t.same(
    table.map(([, name]) => name),
    PROPERTIES.map(({ name }) => name),
    "npm run properties makes it anew",
  );
  for (const [, name = "", runt = "", , , files = ""] of table) {
    t.match(runt, /^(ok|refused|skipped)$/, name);
    t.not(files, "", `${name} has a scenario`);
    if (runt === "skipped") t.match(name, /^linux\.intelRdt\./, "all else is tried on some host");
    if (runt === "refused") t.match(name, /leafWeight$/, "all else is there in some kernel that is tried");
  }
});

t.test("what a document has", async (t) => {
  const document = { linux: { devices: [{ major: 1 }, { major: 2, path: "/x" }], sysctl: { a: "b" }, maskedPaths: ["/p"] } };
  t.same(valuesIn(document, only("linux.devices[].major")), [1, 2]);
  t.same(valuesIn(document, only("linux.sysctl")), ["b"]);
  t.same(valuesIn(document, only("linux.readonlyPaths")), []);
  t.same(withoutProperty(document, only("linux.devices[].major").parts), {
    linux: { devices: [{}, { path: "/x" }], sysctl: { a: "b" }, maskedPaths: ["/p"] },
  });
  t.same(withoutProperty(document, only("linux.sysctl").parts), {
    linux: { devices: document.linux.devices, maskedPaths: ["/p"] },
  });
  t.same(withoutProperty({ linux: { netDevices: { e: { name: "f" } } } }, only("linux.netDevices.*.name").parts), {
    linux: { netDevices: { e: {} } },
  });
  const given = new Given();
  given.add({ linux: { namespaces: [{ type: "pid" }, { type: "no" }], cgroupsPath: "/p" } });
  t.same(given.listed(only("linux.namespaces[].type")), ["pid"]);
  t.same(given.listed(only("linux.cgroupsPath")), []);
  t.equal(given.has(only("linux.mountLabel")), false);
});
