// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import t from "tap";
import { deviceWrites, devicesList, parseDevicesList, sameFilter, wantedFilter } from "./devices.ts";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";
import type { Write } from "../files/write.ts";

const DENY_ALL: LinuxDeviceCgroup = { allow: false, access: "rwm" };
const DEFAULTS = [
  "c *:* m",
  "b *:* m",
  "c 1:3 rwm",
  "c 1:8 rwm",
  "c 1:7 rwm",
  "c 5:0 rwm",
  "c 1:5 rwm",
  "c 1:9 rwm",
  "c 136:* rwm",
  "c 5:2 rwm",
  "c 10:200 rwm",
];

const lines = (writes: readonly Write[]): string[] => writes.map(({ file, value }) => `${file} ${value}`);
const ALLOW_ALL = "a *:* rwm\n";

t.test("deny all: one write, and one for each default device", async (t) => {
  const target = wantedFilter([DENY_ALL], []);
  const writes = deviceWrites(parseDevicesList(ALLOW_ALL), target);
  t.strictSame(lines(writes), ["devices.deny a", ...DEFAULTS.map((line) => `devices.allow ${line}`)]);
  t.equal(devicesList(target), `${DEFAULTS.join("\n")}\n`);
  t.ok(sameFilter(parseDevicesList(devicesList(target)), target));
  t.strictSame(deviceWrites(parseDevicesList(devicesList(target)), target), []);
});

t.test("no rules mean deny all, too", async (t) => {
  t.equal(devicesList(wantedFilter([], [])), devicesList(wantedFilter([DENY_ALL], [])));
});

t.test("the config's rules come first, in their order, with their pointers", async (t) => {
  const target = wantedFilter(
    [
      DENY_ALL,
      { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
      { allow: true, type: "b", major: 8, minor: 20, access: "rw" },
      { allow: true, type: "b", major: 10, minor: 200, access: "r" },
      { allow: true, type: "c", major: 10, minor: 229, access: "r" },
      { allow: true, type: "c", major: 7n, access: "mw" },
    ],
    [],
  );
  const writes = deviceWrites(parseDevicesList(ALLOW_ALL), target);
  t.strictSame(lines(writes).slice(1, 5), [
    "devices.allow c 10:229 rwm",
    "devices.allow b 8:20 rw",
    "devices.allow b 10:200 r",
    "devices.allow c 7:* wm",
  ]);
  t.equal(writes[2]?.pointer, "/linux/resources/devices/2");
});

t.test("a privileged container", async (t) => {
  const target = wantedFilter([{ allow: true, type: "a", access: "rwm" }], []);
  t.strictSame(lines(deviceWrites(parseDevicesList(ALLOW_ALL), target)), ["devices.allow a"]);
  t.equal(devicesList(target), ALLOW_ALL);
});

t.test("a device of the config takes the place of the default one", async (t) => {
  t.equal(
    devicesList(wantedFilter([DENY_ALL], ["/dev/null", "/dev/fuse"])),
    `${DEFAULTS.filter((line) => line !== "c 1:3 rwm").join("\n")}\n`,
  );
});

t.test("only the difference is written", async (t) => {
  const target = wantedFilter([DENY_ALL, { allow: true, type: "c", major: 4, access: "rw" }], []);
  const present = parseDevicesList(`c 4:* wm\nb 7:1 rwm\n${DEFAULTS.slice(1).join("\n")}\n`);
  t.strictSame(lines(deviceWrites(present, target)), [
    "devices.deny c 4:* m",
    "devices.deny b 7:1 rwm",
    "devices.allow c 4:* r",
    "devices.allow c *:* m",
  ]);
});

t.test("what cannot be expressed or is wrong", async (t) => {
  const hole: LinuxDeviceCgroup[] = [
    DENY_ALL,
    { allow: true, type: "c", major: 4, access: "rw" },
    { allow: false, type: "c", major: 4, minor: 1, access: "w" },
  ];
  t.throws(() => wantedFilter(hole, []), {
    code: "HOST_UNABLE",
    message: /^linux\.resources\.devices\[2\]: the rule for c 4:1 is an exception from an earlier one for c 4:\*/,
    facts: { pointer: "/linux/resources/devices/2" },
  });
  const one = (access: string) => wantedFilter([DENY_ALL, { allow: true, type: "c", major: 4, access }], []);
  t.strictSame(one("rxa"), one("r"), "letters that are none are ignored");
  for (const access of [undefined, "", "x"]) {
    const rule = { allow: true, type: "c" as const, ...(access !== undefined && { access }) };
    t.throws(() => wantedFilter([rule], []), {
      code: "CONFIG_INVALID",
      facts: { pointer: "/linux/resources/devices/0/access" },
    });
  }
  t.throws(() => parseDevicesList("d 1:2 rwm\n"), { code: "CGROUP" });
});

/** The kernel's devices cgroup, as security/device_cgroup.c has it. */
class Kernel {
  allow = true;
  exceptions: { type: string; major: string; minor: string; access: string }[] = [];

  write(file: string, value: string): void {
    const allow = file === "devices.allow";
    const [type = "", numbers, access = ""] = value.split(" ");
    if (type === "a") {
      this.allow = allow;
      this.exceptions = [];
      return;
    }
    const [major = "", minor = ""] = (numbers ?? "").split(":");
    const same = this.exceptions.find((e) => e.type === type && e.major === major && e.minor === minor);
    if (allow === this.allow) {
      if (same === undefined) return;
      same.access = [...same.access].filter((one) => !access.includes(one)).join("");
    } else if (same === undefined) {
      this.exceptions.push({ type, major, minor, access });
    } else {
      same.access += access;
    }
  }

  permits(type: string, major: string, minor: string, access: string): boolean {
    const hit = this.exceptions.some(
      (e) =>
        e.type === type &&
        (e.major === "*" || e.major === major) &&
        (e.minor === "*" || e.minor === minor) &&
        e.access.includes(access),
    );
    return hit !== this.allow;
  }
}

t.test("property: the kernel ends with what the rules say in order, or the rules are refused", async (t) => {
  const number = fc.constantFrom(-1, 1, 2);
  const rule = fc.record({
    allow: fc.boolean(),
    type: fc.constantFrom("a" as const, "b" as const, "c" as const, "c" as const),
    major: number,
    minor: number,
    access: fc.constantFrom("r", "w", "m", "rw", "rwm"),
  });
  let compared = 0;
  const inOrder = (rules: readonly LinuxDeviceCgroup[], major: number, minor: number, access: string): boolean => {
    let permitted = false;
    for (const r of rules) {
      const matches =
        r.type === "a" ||
        (r.type === "c" &&
          (r.major === -1 || r.major === major) &&
          (r.minor === -1 || r.minor === minor) &&
          r.access?.includes(access) === true);
      if (matches) permitted = r.allow;
    }
    return permitted || access === "m";
  };
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 6 }), fc.array(rule, { maxLength: 6 }), (first, second) => {
      const kernel = new Kernel();
      for (const rules of [first, second]) {
        let target;
        try {
          target = wantedFilter(rules, []);
        } catch {
          return;
        }
        // In deny mode the kernel shows its exceptions, otherwise only that everything is allowed.
        const shown = kernel.allow
          ? ALLOW_ALL
          : kernel.exceptions
              .filter(({ access }) => access !== "")
              .map((e) => `${e.type} ${e.major}:${e.minor} ${e.access}\n`)
              .join("");
        for (const { file, value } of deviceWrites(parseDevicesList(shown), target)) kernel.write(file, value);
        for (const major of [1, 2, 3]) {
          for (const minor of [1, 2]) {
            for (const access of ["r", "w", "m"]) {
              compared++;
              if (kernel.permits("c", String(major), String(minor), access) !== inOrder(rules, major, minor, access)) {
                throw new Error(`c ${major}:${minor} ${access}`);
              }
            }
          }
        }
      }
    }),
    { numRuns: 400 },
  );
  t.ok(compared > 1000, `${compared} accesses compared`);
});
