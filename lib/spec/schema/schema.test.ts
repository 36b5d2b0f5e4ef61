// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import t from "tap";
import { defaultConfig } from "../defaults.ts";
import { validateConfig } from "./generated/validate_config.ts";

type Schema = { readonly [name: string]: unknown };

const directory = new URL("../../../../../schemas/", import.meta.url);
const files = readdirSync(directory).filter((name) => name.endsWith(".json"));

function read(name: string): Schema {
  return JSON.parse(readFileSync(new URL(name, directory), "utf8")) as Schema;
}

function compiler(): Ajv2020 {
  const ajv = new Ajv2020({ allErrors: true });
  for (const name of files) ajv.addSchema(read(name), name);
  return ajv;
}

const ajv = compiler();

function validator(name: string): (document: unknown) => boolean {
  const validate = ajv.getSchema(name);
  if (validate === undefined) throw new Error(`no ${name}`);
  return (document) => validate(document) === true;
}

/** Places of properties that no description explains. */
function undescribed(schema: unknown, at: string): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    if (key !== "properties") return undescribed(value, `${at}/${key}`);
    return Object.entries(value as Schema).flatMap(([name, property]) => {
      const { description, $ref } = property as Schema;
      const local = typeof $ref === "string" && ($ref.startsWith("#/$defs/") || $ref.endsWith(".json"));
      const own = typeof description === "string" || local ? [] : [`${at}/${name}`];
      return [...own, ...undescribed(property, `${at}/${name}`)];
    });
  });
}

t.test("each property of each schema has a description", (t) => {
  t.equal(files.length, 5);
  for (const name of files) t.strictSame(undescribed(read(name), ""), [], name);
  t.end();
});

t.test("config.json", (t) => {
  t.ok(validateConfig({ ociVersion: "1.3.0", windows: 1 }));
  t.notOk(validateConfig({}));
  t.strictSame(validateConfig.errors, [{ pointer: "", keyword: "required", allowed: { missingProperty: "ociVersion" } }]);
  t.notOk(validateConfig(undefined));
  t.end();
});

t.test("integers", (t) => {
  const limit = (value: unknown): boolean =>
    validateConfig({ ociVersion: "1.3.0", linux: { resources: { memory: { limit: value } } } });
  const shares = (value: unknown): boolean =>
    validateConfig({ ociVersion: "1.3.0", linux: { resources: { cpu: { shares: value } } } });
  const uid = (value: unknown): boolean => validateConfig({ ociVersion: "1.3.0", process: { cwd: "/", user: { uid: value } } });
  const weight = (value: unknown): boolean =>
    validateConfig({ ociVersion: "1.3.0", linux: { resources: { blockIO: { weight: value } } } });
  const nice = (value: unknown): boolean =>
    validateConfig({
      ociVersion: "1.3.0",
      process: { cwd: "/", scheduler: { policy: "SCHED_OTHER", nice: value } },
    });
  const cases = [
    {
      check: limit,
      good: [0, -1, 2n ** 63n - 1n, -(2n ** 63n)],
      bad: [2n ** 63n, -(2n ** 63n) - 1n, 1.5, 1e19, "1", null],
    },
    { check: shares, good: [0, 2n ** 64n - 1n], bad: [-1, -1n, 2n ** 64n, 2 ** 60, 0.5, true] },
    { check: uid, good: [0, 4294967295], bad: [-1, 4294967296, 1.5, 2n ** 53n, "0", NaN] },
    { check: weight, good: [0, 65535], bad: [-1, 65536] },
    { check: nice, good: [-2147483648, 2147483647], bad: [-2147483649, 2147483648, 0.1] },
  ];
  for (const { check, good, bad } of cases) {
    for (const value of good) t.ok(check(value), String(value));
    for (const value of bad) t.notOk(check(value), String(value));
  }
  t.end();
});

/** Every property of the schemas, with a document that has it set to a value. */
function documents(): ((value: unknown) => unknown)[] {
  const found: ((value: unknown) => unknown)[] = [];
  const resolve = (schema: Schema, file: string): readonly [Schema, string] => {
    const ref = schema["$ref"];
    if (typeof ref !== "string") return [schema, file];
    const [other, pointer = ""] = ref.split("#");
    const target = other === "" || other === undefined ? file : other;
    const steps = pointer.split("/").filter((step) => step !== "");
    return resolve(
      steps.reduce<Schema>((at, step) => at[step] as Schema, read(target)),
      target,
    );
  };
  const visit = (given: Schema, givenFile: string, wrap: (value: unknown) => unknown): void => {
    const [schema, file] = resolve(given, givenFile);
    found.push(wrap);
    for (const [name, property] of Object.entries((schema["properties"] ?? {}) as Schema)) {
      visit(property as Schema, file, (value) => wrap({ ociVersion: "1.0.0", cwd: "/", [name]: value }));
    }
    if (schema["items"] !== undefined) visit(schema["items"] as Schema, file, (value) => wrap([value]));
    if (typeof schema["additionalProperties"] === "object") {
      visit(schema["additionalProperties"] as Schema, file, (value) => wrap({ "a~/": value }));
    }
  };
  visit(read("config.schema.json"), "config.schema.json", (value) => value);
  return found;
}

t.test("the generated validator says what the schemas say, at each property", (t) => {
  const plain = validator("config.schema.json");
  const values = [0, -1, 5, 70000, 2 ** 33, 1.5, "", "x", "rw", "2MB", "pid", "c", true, [], ["a"], [1], {}, { a: "b" }, null];
  let compared = 0;
  for (const document of documents()) {
    for (const value of values) {
      const whole = document(value);
      assert.equal(validateConfig(whole), plain(whole), JSON.stringify(whole));
      compared++;
    }
  }
  t.ok(compared > 3000, `${compared} documents`);
  t.end();
});

t.test("no document makes the generated validator throw", (t) => {
  const names = ["process", "linux", "mounts", "hooks", "args", "user", "resources", "namespaces", "type", "__proto__"];
  const key = fc.constantFrom(...names);
  const value = fc.letrec((tie) => ({
    v: fc.oneof({ maxDepth: 4 }, fc.jsonValue(), fc.bigInt(), fc.array(tie("v")), fc.dictionary(key, tie("v"))),
  })).v;
  fc.assert(
    fc.property(value, (document) => typeof validateConfig(document) === "boolean"),
    { numRuns: 500 },
  );
  t.pass("500 documents");
  t.end();
});

t.test("state and features", (t) => {
  const state = validator("state.schema.json");
  const good = {
    ociVersion: "1.3.0",
    id: "a",
    status: "running",
    pid: 4,
    bundle: "/b",
    annotations: { a: "b" },
  };
  t.ok(state(good));
  for (const change of [{ id: "" }, { pid: -1 }, { pid: 1.5 }, { bundle: 1 }, { annotations: { a: 1 } }]) {
    t.notOk(state({ ...good, ...change }), JSON.stringify(change));
  }
  const features = validator("features.schema.json");
  const minimal = { ociVersionMin: "1.0.0", ociVersionMax: "1.3.0" };
  t.ok(
    features({
      ...minimal,
      hooks: ["prestart"],
      linux: { cgroup: { v1: true }, mountExtensions: { idmap: { enabled: true } } },
    }),
  );
  t.notOk(features({ ociVersionMin: "1.0.0" }));
  t.notOk(features({ ...minimal, linux: { cgroup: { v1: 1 } } }));
  t.ok(validator("config.schema.json")(defaultConfig({ rootless: true, cgroup2: true, uid: 1000, gid: 1000 })));
  t.end();
});
