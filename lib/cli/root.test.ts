// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { chooseRoot, managerOf, rootlessOf, type RootFacts } from "./root.ts";

const facts = (change: Partial<RootFacts> = {}): RootFacts => ({
  directory: "/srv",
  environment: {},
  effectiveUid: 0,
  inUserNamespace: () => false,
  ...change,
});
const xdg = { XDG_RUNTIME_DIR: "/run/user/1000" };
const user = "/run/user/1000/runt";

t.test("--root", async (t) => {
  t.strictSame(chooseRoot("/r", facts()), { path: "/r", from: "option" });
  t.strictSame(chooseRoot("r/../s", facts({ environment: xdg, effectiveUid: 1000 })), {
    path: "/srv/s",
    from: "option",
  });
  for (const option of ["/", "//.", "..", "../.."]) {
    t.throws(
      () => chooseRoot(option, facts()),
      { code: "USAGE", message: "Option --root argument should not be set to /" },
      option,
    );
  }
  t.throws(() => chooseRoot("", facts({ directory: "/" })), { code: "USAGE" });
});

t.test("$XDG_RUNTIME_DIR", async (t) => {
  t.strictSame(chooseRoot(undefined, facts()), { path: "/run/runt", from: "default" });
  t.equal(chooseRoot(undefined, facts({ effectiveUid: 1000 })).path, "/run/runt");
  t.equal(chooseRoot(undefined, facts({ effectiveUid: 1000, environment: { XDG_RUNTIME_DIR: "" } })).path, "/run/runt");
  t.strictSame(chooseRoot(undefined, facts({ effectiveUid: 1000, environment: xdg })), {
    path: user,
    from: "xdg",
  });
  t.equal(chooseRoot(undefined, facts({ environment: xdg })).path, "/run/runt", "the machine's root");
  const inside = { inUserNamespace: () => true };
  t.equal(chooseRoot(undefined, facts({ ...inside, environment: xdg })).path, user);
  t.equal(chooseRoot(undefined, facts({ ...inside, environment: { ...xdg, USER: "me" } })).path, user);
  t.equal(chooseRoot(undefined, facts({ ...inside, environment: { ...xdg, USER: "root" } })).path, "/run/runt");
});

t.test("--rootless", async (t) => {
  for (const choice of [undefined, "auto"] as const) t.equal(rootlessOf(choice), "auto");
  t.equal(rootlessOf("true"), true);
  t.equal(rootlessOf("false"), false);
});

t.test("--cgroup-manager and --systemd-cgroup", async (t) => {
  const answer = (systemdCgroup: boolean, withoutCgroups: boolean) => ({ systemdCgroup, withoutCgroups });
  t.same(managerOf(undefined), answer(false, false));
  t.same(managerOf(undefined, true), answer(true, false));
  t.same(managerOf("cgroupfs"), answer(false, false));
  t.same(managerOf("systemd"), answer(true, false));
  t.same(managerOf("systemd", true), answer(true, false));
  t.same(managerOf("disabled"), answer(false, true));
  t.throws(() => managerOf("disabled", true), { code: "USAGE", message: /contradicts --systemd-cgroup/ });
});

t.test("the current directory is asked for only where it matters: it may have been removed", async (t) => {
  const facts = {
    get directory(): string {
      throw new Error("asked for");
    },
    environment: {},
    effectiveUid: 0,
    inUserNamespace: () => false,
  };
  t.equal(chooseRoot("/run/x/../y", facts).path, "/run/y");
  t.ok(chooseRoot(undefined, facts).path.startsWith("/"));
  t.throws(() => chooseRoot("x", facts), /asked for/);
});
