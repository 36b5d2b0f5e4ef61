import t from "tap";
import { makeContext } from "../index.ts";
import { planBundle } from "../runtime/plan_bundle.ts";
import { defaultConfig } from "../spec/defaults.ts";
import { formatPlan } from "./plan_format.ts";

const base = defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 });

/** The line of the filter as `runt plan` prints it, without its number. */
function filterLine(seccomp: object): string | undefined {
  const bundle = t.testdir({ "config.json": JSON.stringify({ ...base, linux: { ...base.linux, seccomp } }) });
  const text = formatPlan(planBundle(makeContext({}), { bundle }));
  return /\. (seccomp .*)/.exec(text)?.[1]?.replace(/ +/, " ");
}

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
