// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { makeContext } from "../../../index.ts";
import { planBundle } from "../../../runtime/operations/plan_bundle.ts";
import { defaultConfig } from "../../../spec/defaults.ts";
import { formatPlan } from "../../output/plan_format.ts";

const base = defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 });

/** The line of the filter as `runt plan` prints it, without its number. */
function filterLine(seccomp: object): string | undefined {
  const bundle = t.testdir({ "config.json": JSON.stringify({ ...base, linux: { ...base.linux, seccomp } }) });
  const text = formatPlan(planBundle(makeContext({}), { bundle }));
  return /\. (seccomp .*)/.exec(text)?.[1]?.replace(/ +/, " ");
}

t.test("the unit of systemd is told, with its properties", (t) => {
  const linux = { ...base.linux, cgroupsPath: "machine.slice:box:one", resources: { pids: { limit: 7 } } };
  const annotations = { "org.systemd.property.TimeoutStopUSec": "uint64 5000000" };
  const bundle = t.testdir({ "config.json": JSON.stringify({ ...base, linux, annotations }) });
  const lines = planBundle(makeContext({ systemdCgroup: true, rootless: false }), { bundle });
  const unit = lines.find(({ op }) => op === "startUnit");
  t.match(unit, { origin: "/linux/cgroupsPath", fields: { unit: "box-one.scope", slice: "machine.slice" } });
  const property = (name: string) => lines.find(({ op, fields }) => op === "unitProperty" && fields["name"] === name);
  t.match(property("TasksMax"), { origin: "/linux/resources", fields: { value: "7" } });
  t.match(property("TimeoutStopUSec"), { origin: "/annotations", fields: { value: "5000000" } });
  t.equal(property("PIDs"), undefined, "there is no process yet");
  const made = lines.filter(({ op }) => op === "makeCgroup");
  t.ok(made.length > 0 && made.every(({ fields }) => String(fields["path"]).endsWith("/machine.slice/box-one.scope")));
  t.end();
});

t.test("without cgroups none is made, and a limit is an error", (t) => {
  const context = makeContext({ withoutCgroups: true });
  const plain = t.testdir({ "config.json": JSON.stringify(base) });
  const ops = new Set(planBundle(context, { bundle: plain }).map(({ op }) => op));
  t.notOk(ops.has("makeCgroup") || ops.has("limit"));
  const linux = { ...base.linux, resources: { memory: { limit: 1 << 26 } } };
  const limited = t.testdir({ "config.json": JSON.stringify({ ...base, linux }) });
  t.throws(() => planBundle(context, { bundle: limited }), {
    code: "CONFIG_INVALID",
    facts: { pointer: "/linux/resources/memory/limit" },
  });
  t.end();
});

t.test("the filter is told in the profile's words", (t) => {
  t.equal(
    filterLine({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 38,
      architectures: ["SCMP_ARCH_X86"],
      flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"],
      listenerPath: "/run/agent",
      syscalls: [
        { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
        { names: ["mkdir"], action: "SCMP_ACT_NOTIFY" },
      ],
    }),
    'seccomp defaultAction="SCMP_ACT_ERRNO" defaultErrnoRet=38 architectures=["SCMP_ARCH_X86"] rules=3 ' +
      'flags=SECCOMP_FILTER_FLAG_LOG|SECCOMP_FILTER_FLAG_NEW_LISTENER listenerPath="/run/agent"  ← /linux/seccomp',
  );
  t.equal(
    filterLine({ defaultAction: "SCMP_ACT_ALLOW" }),
    'seccomp defaultAction="SCMP_ACT_ALLOW" rules=0 flags=SECCOMP_FILTER_FLAG_SPEC_ALLOW  ← /linux/seccomp',
  );
  t.equal(filterLine({}), undefined, "an empty profile is none");
  t.end();
});
